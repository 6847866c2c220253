"""Texts of calendars that other programs wrote: cleaned, cut and reported."""

import pytest

from festgate.portal.catalogue.details import read_details
from festgate.portal.catalogue.files.calendars import read_calendar
from tests.portal.catalogue.files.calendar_files import calendar_of, event_of, notices_of, read, read_row
from tests.portal.catalogue.programme import CONVENTIONS, KOLKATA


def test_line_breaks_in_a_place_become_commas() -> None:
    sheet = read("LOCATION:The Old Mill\\nMill Lane 12\\n1234 AB Woodtown\\nNetherlands")
    assert sheet.rows[0].fields["place"] == "The Old Mill, Mill Lane 12, 1234 AB Woodtown, Netherlands"
    assert notices_of(sheet) == ["place: line breaks became commas."]


@pytest.mark.parametrize(
    "lines",
    [
        [
            'X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS="Mill Lane 12\\\\n1234 AB Woo',
            ' dtown";X-APPLE-RADIUS=70.5;X-TITLE="The Old Mill":geo:52.1,5.2',
        ],
        [
            'X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS="Mill Lane 12\\\\n1234 AB Woo',
            ' dtown";X-APPLE-RADIUS=70.5;X-TITLE=The Old Mill',
            "Woodtown",
            "Netherlands:geo:52.1,5.2",
        ],
        [
            "ATTENDEE;CN=Müller, Anna;ROLE=REQ-PARTICIPANT:mailto:anna@example.org",
            'ORGANIZER;CN="Club \\"A\\"":mailto:club@example.org',
        ],
        ["BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT15M", "DESCRIPTION:soon", "END:VALARM"],
        ["EXDATE:20310524T180000Z"],
        ["ATTACH;VALUE=BINARY;ENCODING=BASE64", "broken \x00\x01", "X-EVIL;;=:::"],
    ],
    ids=["parameters", "raw breaks", "attendees", "alarm", "exception without a rule", "attachment"],
)
def test_properties_that_are_not_used_are_not_looked_at(lines: list[str]) -> None:
    data = calendar_of(*event_of(*lines)).replace(b"\x00", b"")
    sheet = read_calendar(data, CONVENTIONS)
    assert not sheet.errors
    assert not sheet.notices
    (row,) = sheet.rows
    assert (row.fields["title"], row.fields["place"], row.fields["description"]) == ("Training", "Hall", "")


def test_a_line_folded_within_a_character_is_joined_before_it_is_decoded() -> None:
    text = "Zażółć gęślą jaźń, żółw, 🤔🏼 "
    octets = f"DESCRIPTION:{text * 8}".encode()
    for width in (1, 2, 3, 70, 75):
        folded = b"\r\n ".join(octets[at : at + width] for at in range(0, len(octets), width))
        data = calendar_of(*event_of("DESCRIPTION:here")).replace(b"DESCRIPTION:here", folded)
        sheet = read_calendar(data, CONVENTIONS)
        assert sheet.rows[0].fields["description"].strip() == (text * 8).strip()
        assert not sheet.notices


@pytest.mark.parametrize(
    "line, name, text, notice",
    [
        ("SUMMARY:Movie\u200b night", "title", "Movie night", "title: 1 invisible character was left out."),
        ("LOCATION:\u200eHall 2", "place", "Hall 2", "place: 1 invisible character was left out."),
        (
            "DESCRIPTION:Bring\ufeff a chair. Soft\u00adhyphen.",
            "description",
            "Bring a chair. Softhyphen.",
            "description: 2 invisible characters were left out.",
        ),
        (
            "DESCRIPTION:Agenda\ufffe with odd signs",
            "description",
            "Agenda with odd signs",
            "description: 1 invisible character was left out.",
        ),
        (
            "DESCRIPTION:First line\u2028Second line: with colon\u2028BEGIN:VEVENT",
            "description",
            "First line\nSecond line: with colon\nBEGIN:VEVENT",
            "description: 2 unusual line separators were replaced.",
        ),
        (
            "DESCRIPTION:First line\vSecond line",
            "description",
            "First line\nSecond line",
            "description: 1 unusual line separator was replaced.",
        ),
        (
            "SUMMARY:\u200fערב שירה (2031)\u200f",
            "title",
            "ערב שירה (2031)",
            "title: 2 invisible characters were left out.",
        ),
        ("SUMMARY:Tab in title\tand more", "title", "Tab in title and more", "title: tabs became spaces."),
        ("SUMMARY:Two line\\ntitle", "title", "Two line title", "title: line breaks became spaces."),
    ],
)
def test_characters_that_an_event_cannot_have_are_replaced_with_a_notice(
    line: str, name: str, text: str, notice: str
) -> None:
    sheet = read(line)
    (row,) = sheet.rows
    assert row.fields[name] == text
    assert notices_of(sheet) == [notice]
    details = read_details({**row.fields, "fee": "0"}, KOLKATA, "INR")
    assert getattr(details, name) == text


def test_the_flag_of_a_region_keeps_its_invisible_tags() -> None:
    title = "Pub night \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f vs 🇫🇷"
    sheet = read(f"SUMMARY:{title}\u200b \U000e0067")
    assert sheet.rows[0].fields["title"] == title
    assert notices_of(sheet) == ["title: 2 invisible characters were left out."]
    assert read_details({**sheet.rows[0].fields, "fee": "0"}, KOLKATA, "INR").title == title


def test_a_description_in_html_becomes_plain_text_with_its_list_and_links() -> None:
    sheet = read(
        'DESCRIPTION:<p>Come along.</p><br>Tea&nbsp\\;and cake: <a href="https://exam',
        ' ple.org/x">menu</a><ul><li>one</li><li>two</li></ul><script>alert(1)</script>',
    )
    assert sheet.rows[0].fields["description"] == (
        "Come along.\n\nTea and cake: menu (https://example.org/x)\n\n- one\n- two"
    )
    assert notices_of(sheet) == ["description: HTML was changed into plain text."]


def test_a_text_with_angle_brackets_is_not_html() -> None:
    assert read_row("DESCRIPTION:for x < 5 and y > 3: <me@example.org>").fields["description"] == (
        "for x < 5 and y > 3: <me@example.org>"
    )


def test_a_long_place_is_cut_at_a_word_and_is_whole_in_the_description() -> None:
    place = (
        "Faculty of Mechanical Engineering and Naval Architecture, Lecture Hall B (second floor), "
        "Ivana Lucica ulica 5, 10000 Zagreb, Croatia"
    )
    sheet = read(f"LOCATION:{place}".replace(",", "\\,"), "DESCRIPTION:Bring a pen.")
    fields = sheet.rows[0].fields
    assert fields["place"] == place.partition(" Zagreb")[0] + "…"
    assert fields["description"] == f"Bring a pen.\n\n{place}"
    assert notices_of(sheet) == [
        "place: it is longer than 120 characters, and was cut; the whole of it is in the description."
    ]


def test_a_long_link_as_a_place_is_shortened_to_its_host() -> None:
    link = "https://meet.example.org/j/123?pwd=" + "x" * 200
    fields = read_row(f"LOCATION:{link}").fields
    assert (fields["place"], fields["description"]) == ("meet.example.org", link)


def test_a_long_title_is_cut_at_a_word_and_is_whole_in_the_description() -> None:
    title = (
        "Workshop on the interplay of measurement, modelling and uncertainty in small laboratories: an afternoon of "
        "talks, posters and demonstrations (part 1)"
    )
    fields = read_row(f"SUMMARY:{title}".replace(",", "\\,")).fields
    assert fields["title"] == title.partition(", posters")[0] + "…"
    assert fields["description"] == title


def test_a_long_text_without_spaces_is_cut_to_its_limit() -> None:
    assert read_row("SUMMARY:" + "音" * 200).fields["title"] == "音" * 119 + "…"


def test_a_long_category_and_other_categories_are_reported() -> None:
    sheet = read("CATEGORIES:Conference and workshop of the regional association,Other")
    assert sheet.rows[0].fields["category"] == "Conference and workshop of the regional…"
    assert notices_of(sheet) == [
        "category: the first was taken, and not Other.",
        "category: it is longer than 40 characters, and was cut.",
    ]


def test_a_long_description_is_cut_with_a_notice() -> None:
    sheet = read("DESCRIPTION:" + "Agenda item. " * 1_000, f"LOCATION:{'Hall ' * 40}")
    description = sheet.rows[0].fields["description"]
    assert len(description) <= 10_000
    assert description.startswith("Agenda item. Agenda item.")
    assert description.endswith("…\n\n" + ("Hall " * 40).strip())
    assert notices_of(sheet)[0] == "description: it is longer than 10,000 characters, and was cut."


def test_lines_after_an_unescaped_line_break_are_kept_with_a_notice() -> None:
    sheet = read("DESCRIPTION:First line", "second line: raw break", "", "Note: the third", "", "")
    assert sheet.rows[0].fields["description"] == "First line\nsecond line: raw break\n\nNote: the third"
    assert notices_of(sheet) == [
        "DESCRIPTION: a line break in the text was not escaped; the lines after it were kept."
    ]
    assert [notice.line for notice in sheet.notices] == [4]


def test_texts_with_parameters_and_escapes_are_read() -> None:
    fields = read_row(
        "SUMMARY;LANGUAGE=de-AT:Kränzchen",
        'LOCATION;LANGUAGE=de-AT;ALTREP="https://example.org/loc":Café',
        'DESCRIPTION;ALTREP="data:text/html,%3Cp%3Ehi%3C/p%3E":Hallo\\nWelt\\, C:\\\\New\\\\Name\\; \\Nein',
    ).fields
    assert (fields["title"], fields["place"]) == ("Kränzchen", "Café")
    assert fields["description"] == "Hallo\nWelt, C:\\New\\Name; \nein"


def test_lines_may_end_with_a_line_feed_or_a_carriage_return_only() -> None:
    for end in ("\n", "\r"):
        data = calendar_of(*event_of("DESCRIPTION:word word wor", " d word"), end=end)
        assert read_calendar(data, CONVENTIONS).rows[0].fields["description"] == "word word word word"


def test_a_calendar_in_windows_1252_is_read_with_a_notice() -> None:
    data = calendar_of(*event_of("SUMMARY:Kränzchen €5")).decode().encode("cp1252")
    sheet = read_calendar(data, CONVENTIONS)
    assert sheet.rows[0].fields["title"] == "Kränzchen €5"
    assert [(notice.line, notice.sentence) for notice in sheet.notices] == [
        (4, "the file is not UTF-8; it was read as Windows-1252. Check the accented characters.")
    ]


def test_an_event_without_a_name_is_refused_and_the_others_are_read() -> None:
    data = calendar_of(*event_of("SUMMARY:"), *event_of("SUMMARY:Has a name"))
    assert [row.name for row in read_calendar(data, CONVENTIONS).rows] == ["", "Has a name"]


def test_the_identity_of_an_event_is_in_its_row() -> None:
    origin = read_row("UID:a13@hunt.example", "SEQUENCE:4").origin
    assert (origin.uid, origin.sequence, origin.recurrence) == ("a13@hunt.example", 4, "")
