"""Small files on which other systems fail, each with the events that it has to become."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pytest

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.files.formats import read_events
from festgate.portal.catalogue.files.rows import Sheet
from festgate.portal.catalogue.imports import NothingImported, Options, import_sheet, without_errors
from tests.portal.catalogue.files.trouble_files import FOLDER, read_trouble
from tests.portal.catalogue.programme import BEFORE, CONVENTIONS, KOLKATA
from tests.rig.database import OpenDatabase, copy_of, open_database

OPTIONS = Options(KOLKATA, "INR", publish=True, defaults={"fee": "0", "capacity": "60"})
Event: TypeAlias = dict[str, object]


@dataclass(frozen=True)
class File:
    """The right content of a file: its events, the notices about them, and the errors."""

    events: tuple[Event, ...]
    notices: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def event(title: str, place: str, times: str, **others: object) -> Event:
    """Return an event by its title, place and times in UTC: `2031-05-10 18:00-20:00`."""
    usual = {"description": "", "category": "", "summary": "", "fee": "0.00", "capacity": 60}
    return {"title": title, "place": place, "times": times, **usual, **others}


def music(title: str, day: int, **others: object) -> Event:
    """Return an event of the spreadsheets, from 10:00 to 12:00 in Kolkata."""
    usual = {"place": "Aula", "category": "Musik", "summary": "x", "fee": "450.00", "capacity": 40}
    return event(**{"title": title, "times": f"2031-03-{day} 04:30-06:30", **usual, **others})  # type: ignore[arg-type]


FOR_ALL = "Für alle"
UNKNOWN = "is unknown, and the file does not define it: give --time-zone, such as Europe/Berlin."
LENGTH = "so the event lasts 1 hour (--default-duration sets another)."
READ_AS_WINDOWS = "the file is not UTF-8; it was read as Windows-1252. Check the accented characters."
WHOLE = "it is longer than 120 characters, and was cut; the whole of it is in the description."
PANGRAM = "Zażółć gęślą jaźń \u2013 żółw i źrebię, 🤔🏼 "
FACULTY = (
    "Faculty of Mechanical Engineering and Naval Architecture, Lecture Hall B (second floor), "
    "Ivana Lucica ulica 5, 10000"
)
WORKSHOP = (
    "Workshop on the interplay of measurement, modelling and uncertainty in small laboratories: an "
    "afternoon of talks"
)
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
CONCERT = event("Summer concert", "Park", "2031-06-20 18:00-20:00")

FILES = {
    "a01_apple_location.ics": File(
        (
            event(
                "Quiz at the mill",
                "The Old Mill, Mill Lane 12, 1234 AB Woodtown, Netherlands",
                "2031-05-10 18:00-20:00",
            ),
        ),
        ("place: line breaks became commas.",),
    ),
    "a01b_apple_structured.ics": File((event("Quiz two", "The Old Mill", "2031-05-11 08:00-10:00"),)),
    "a01c_apple_raw_breaks.ics": File((event("Quiz two", "The Old Mill", "2031-05-11 08:00-10:00"),)),
    "a03_customized_tz.ics": File((event("Office talk", "Office", "2031-06-10 07:00-15:00"),)),
    "a04_customized_no_vtz.ics": File(
        (),
        errors=(f"DTSTART: the time zone Customized Time Zone {UNKNOWN}",),
    ),
    "a05_windows_tz.ics": File((event("Windows zone", "Office", "2031-06-12 11:00-12:00"),)),
    "a06_vtz_after.ics": File((event("Zone after", "Office", "2031-06-13 07:00-08:00"),)),
    "a07_bad_fold.ics": File(
        (event("Training", "Kraków", "2031-05-14 08:00-10:00", description=(PANGRAM * 8).strip()),)
    ),
    "a08_zwsp.ics": File(
        (event("Movie night", "Hall 2", "2031-05-15 08:00-10:00"),),
        ("title: 1 invisible character was left out.", "place: 1 invisible character was left out."),
    ),
    "a08b_bom_desc.ics": File(
        (
            event(
                "Movie night b",
                "Hall 2",
                "2031-05-15 08:00-10:00",
                description="Bring a chair. Softhyphen.",
            ),
        ),
        ("description: 2 invisible characters were left out.",),
    ),
    "a08c_nonchar.ics": File(
        (event("Movie night c", "Hall 2", "2031-05-15 08:00-10:00", description="Agenda\xa0with odd signs"),),
        ("description: 1 invisible character was left out.",),
    ),
    "a09_u2028.ics": File(
        (
            event(
                "Line sep",
                "Hall 2",
                "2031-05-16 08:00-10:00",
                description="First line\nSecond line: with colon\nBEGIN:VEVENT",
            ),
        ),
        ("description: 2 unusual line separators were replaced.",),
    ),
    "a09b_vt.ics": File(
        (
            event(
                "Vertical tab",
                "Hall 2",
                "2031-05-16 08:00-10:00",
                description="First line\nSecond line from a text editor",
            ),
        ),
        ("description: 1 unusual line separator was replaced.",),
    ),
    "a10_html.ics": File(
        (
            event(
                "Open day",
                "Hall 2",
                "2031-05-17 08:00-10:00",
                description="Come along.\n\nTea and cake: menu (https://example.org/x)\n\n- one\n- two",
            ),
        ),
        ("description: HTML was changed into plain text.",),
    ),
    "a11_no_dtend.ics": File(
        (event("No end", "Hall 2", "2031-05-18 08:00-09:00"),), (f"ends_at: it is missing, {LENGTH}",)
    ),
    "a12_zero.ics": File(
        (
            event("Zero length", "Hall 2", "2031-05-19 08:00-09:00"),
            event("Fine one", "Hall 2", "2031-05-19 09:00-10:00"),
        ),
        (f"ends_at: it is the start, {LENGTH}",),
    ),
    "a13_first.ics": File((CONCERT,)),
    "a13_moved.ics": File((event("Summer concert", "Park", "2031-06-27 18:00-20:00"),)),
    "a15_cancelled.ics": File(
        (), ("the calendar has cancelled this event, which was never imported: left out.",)
    ),
    "a16_rrule.ics": File(
        (
            event("Weekly class", "Gym", "2031-05-20 18:00-20:00"),
            event("Fest dinner", "Hall", "2031-05-21 18:00-20:00"),
            event("Weekly class (moved)", "Gym", "2031-05-28 18:00-20:00"),
            event("Weekly class", "Gym", "2031-06-03 18:00-20:00"),
        ),
        ("the repeating event became 3 events.",),
    ),
    "a17_xwr.ics": File((event("Floating", "Hall", "2031-05-23 00:00-02:00"),)),  # 20:00 in New York
    "a18_long_location.ics": File(
        (
            event(
                "Long place",
                f"{FACULTY}…",
                "2031-05-23 08:00-10:00",
                description=f"{FACULTY} Zagreb, Croatia",
            ),
            event("Fine two", "Hall", "2031-05-23 09:00-10:00"),
        ),
        (f"place: {WHOLE}",),
    ),
    "a19_long_title.ics": File(
        (
            event(
                f"{WORKSHOP}…",
                "Hall",
                "2031-05-24 08:00-10:00",
                description=f"{WORKSHOP}, posters and demonstrations (part 1)",
            ),
        ),
        (f"title: {WHOLE}",),
    ),
    "a21_flag.ics": File(
        (event(f"Pub night {ENGLAND} vs \U0001f1eb\U0001f1f7", "Pub", "2031-05-25 08:00-10:00"),)
    ),
    "a22_rtl.ics": File(
        (event("ערב שירה (2031)", "אולם 3", "2031-05-26 08:00-10:00"),),
        ("title: 2 invisible characters were left out.", "place: 2 invisible characters were left out."),
    ),
    "a25_no_summary.ics": File(
        (event("Has a name", "Hall", "2031-05-27 09:00-10:00"),),
        errors=("title: This field is required.",),
    ),
    "a27_slash_tz.ics": File((event("Slash zone", "Hall", "2031-05-30 16:00-18:00"),)),
    "a27b_evolution_tz.ics": File((event("Evolution zone", "Hall", "2031-05-31 16:00-18:00"),)),
    "a28_utc_name.ics": File((event("Exchange zone", "Hall", "2031-06-01 16:00-18:00"),)),
    "a29_cats.ics": File(
        (
            event(
                "Categories",
                "Hall",
                "2031-06-02 08:00-10:00",
                category="Conference and workshop of the regional…",
            ),
        ),
        (
            "category: the first was taken, and not Other.",
            "category: it is longer than 40 characters, and was cut.",
        ),
    ),
    "a30_long_desc.ics": File(
        (
            event(
                "Long description",
                "Hall",
                "2031-06-03 08:00-10:00",
                description="Agenda item. " * 768 + "Agenda item.…",
            ),
        ),
        ("description: it is longer than 10,000 characters, and was cut.",),
    ),
    "a31_emptyloc.ics": File(
        (event("Tab in title and more", "Hall", "2031-06-04 08:00-10:00"),), ("title: tabs became spaces.",)
    ),
    "a32_summary_nl.ics": File(
        (event("Two line title", "Hall", "2031-06-05 08:00-10:00"),), ("title: line breaks became spaces.",)
    ),
    "b01_u2028.ics": File(
        (
            event(
                "Line sep b",
                "Hall 2",
                "2031-05-16 08:00-10:00",
                description="First line\nSecond line: with colon\nthird",
            ),
        ),
        ("description: 2 unusual line separators were replaced.",),
    ),
    "b05_vjournal_todo.ics": File((event("With alarm", "Hall 2", "2031-05-18 08:00-10:00"),)),
    "b07_lang_params.ics": File(
        (event("Kränzchen", "Café", "2031-05-19 08:00-10:00", description="Hallo\nWelt"),)
    ),
    "b08_attendee_no_quotes.ics": File((event("Odd attendee", "Hall", "2031-05-20 08:00-10:00"),)),
    # 18:00 in Berlin to 18:00 in UTC: two hours.
    "b09_local_dtend_date.ics": File((event("Mixed", "Hall", "2031-05-21 16:00-18:00"),)),
    "b10_dtend_before.ics": File(
        (event("Reverse", "Hall", "2031-05-21 18:30-18:30"),),
        ("ends_at: it is the start, so the event lasts the whole day.",),
    ),
    "b11_exdate.ics": File((event("Exdate", "Hall", "2031-05-23 18:00-19:00"),)),
    "b12_lf_only.ics": File(
        (event("LF only", "Hall", "2031-05-24 18:00-19:00", description=" ".join(["word"] * 60)),)
    ),
    "b13_unfolded.ics": File(
        (
            event(
                "Blank lines",
                "Hall",
                "2031-05-25 18:00-19:00",
                description="First line of text\nsecond line: raw break",
            ),
        ),
        ("DESCRIPTION: a line break in the text was not escaped; the lines after it were kept.",),
    ),
    "b14_latin1.ics": File((event("Kränzchen", "Cafe", "2031-05-25 18:00-19:00"),), (READ_AS_WINDOWS,)),
    "c01_de_comma.csv": File((music("Chorprobe", 14, summary=FOR_ALL, fee="450.50"),)),
    "c01b_de_whole.csv": File((music("Chorprobe", 14, summary=FOR_ALL),)),
    "c02_de_dates.csv": File((music("Chorprobe2", 14, summary=FOR_ALL),)),
    "c02b_us_dates.csv": File((music("Chorprobe3", 14),)),
    "c03_trailing.csv": File((music("Trail", 15),)),
    "c03b_extra_cells.csv": File((music("Trail b", 15),)),
    "c04_sep.csv": File((music("Sep", 16),)),
    "c05_cp1252.csv": File((music("Grünes Café", 17, summary="für €5"),), (READ_AS_WINDOWS,)),
    "c06_utf16.csv": File((music("Unicode text", 17),)),
    "c07_short.csv": File((music("Short", 18, category="", summary="", fee="0.00"),)),
    "c09_money.csv": File(
        (
            music("M1", 20, category=""),
            music("M2", 20, category="", fee="1500.00"),
            music("M3", 20, category="", fee="1500.00"),
            music("M4", 20, category="", capacity=1000),
            music("M5", 20, category=""),
        )
    ),
    "c10_vt.csv": File(
        (music("Word text", 21, category="", summary="", fee="0.00", description="First line\nsecond line"),),
        ("description: 1 unusual line separator was replaced.",),
    ),
    "c11_crlf_in_place.csv": File(
        (
            music(
                "Alt-Enter",
                22,
                category="",
                summary="",
                fee="0.00",
                description="x",
                place="Aula, Main street 5",
            ),
        ),
        ("place: line breaks became commas.",),
    ),
    "c13_dup_past.csv": File(
        (), errors=("ends_at: The event is over. Correct the date, or import it with --allow-past.",)
    ),
    "h_old_and_new.ics": File((CONCERT, event("Autumn concert", "Park", "2031-09-20 18:00-20:00"))),
}


class Undone(Exception):
    """The end of an import that is undone, so that the next file finds no events."""


def import_and_undo(connection: Connection, sheet: Sheet) -> None:
    """Import a file, and raise what it became."""
    report = import_sheet(connection, sheet, OPTIONS)
    events = tuple(map(content_of, queries.all_events(connection)))
    raise Undone(File(events, tuple(notice.sentence for notice in (*sheet.notices, *report.notices))))


def content_of(stored: queries.Event) -> Event:
    return event(
        stored.title,
        stored.place,
        f"{moment(stored.starts_at):%Y-%m-%d %H:%M}-{moment(stored.ends_at):%H:%M}",
        description=stored.description,
        category=stored.category,
        summary=stored.summary,
        fee=stored.fee.plain(),
        capacity=stored.capacity,
    )


def become(database: OpenDatabase, name: str) -> File:
    """Return the content of a file as the command imports it with --skip-invalid."""
    sheet = read_events(name, read_trouble(name), CONVENTIONS)
    errors: list[str] = []
    while True:
        try:
            database.write(import_and_undo, sheet)
        except NothingImported as refusal:
            errors += [error.sentence for error in refusal.errors]
            sheet = without_errors(sheet, refusal)
        except Undone as undone:
            content: File = undone.args[0]
            return replace(content, errors=tuple(errors))


@pytest.fixture(scope="module")
def sqlite(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenDatabase]:
    with open_database(copy_of(migrated_sqlite, tmp_path_factory.mktemp("fest"))) as database:
        database.clock.now = BEFORE
        yield database


@pytest.mark.parametrize("name", FILES)
def test_a_file_becomes_the_events_that_its_author_meant(sqlite: OpenDatabase, name: str) -> None:
    assert become(sqlite, name) == FILES[name]


def test_every_file_has_its_right_content() -> None:
    assert {path.name for path in FOLDER.iterdir()} == FILES.keys()
