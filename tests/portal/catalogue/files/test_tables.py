"""Tables of other spreadsheets: separators, encodings, dates, times and amounts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from festgate.kit.amounts import plain_amount, plain_number
from festgate.portal.catalogue.files.rows import Row, Sheet
from festgate.portal.catalogue.files.separated import read_sheet
from festgate.portal.catalogue.files.times import read_duration
from tests.portal.catalogue.files.calendar_files import notices_of
from tests.portal.catalogue.programme import BERLIN, CONVENTIONS

HEADER = "title;summary;category;place;starts_at;ends_at;fee;capacity"
CHOIR = "Chorprobe;Für alle;Musik;Aula;2031-03-14 10:00;2031-03-14 12:00;450;40"


def read(*lines: str, encoding: str = "utf-8-sig") -> Sheet:
    return read_sheet("\r\n".join([*lines, ""]).encode(encoding), CONVENTIONS)


def read_row(*lines: str, encoding: str = "utf-8-sig") -> Row:
    sheet = read(*lines, encoding=encoding)
    assert not sheet.errors
    (row,) = sheet.rows
    return row


def test_a_fee_with_a_decimal_comma_is_read() -> None:
    assert read_row(HEADER, CHOIR.replace(";450;", ";450,50;")).fields["fee"] == "450.50"
    assert read_row(HEADER, CHOIR).fields["fee"] == "450"


@pytest.mark.parametrize(
    "lines, line",
    [
        ([f"{HEADER};;;", f"{CHOIR};;;", ";;;;;;;;;;"], 2),
        ([HEADER, f"{CHOIR};;"], 2),
        (["sep=;", HEADER, CHOIR], 3),
        (['"sep=;"', "", HEADER, CHOIR], 4),
    ],
    ids=["empty columns", "extra empty cells", "separator", "quoted separator"],
)
def test_what_spreadsheets_add_is_no_error(lines: list[str], line: int) -> None:
    row = read_row(*lines)
    assert row.line == line
    assert (row.fields["title"], row.fields["capacity"], len(row.fields)) == ("Chorprobe", "40", 8)


def test_cells_that_are_missing_at_the_end_of_a_row_are_empty() -> None:
    row = read_row("title;place;starts_at;ends_at;fee;capacity;category;summary", "Short;Aula;;;0;40")
    assert (row.fields["capacity"], row.fields["category"], row.fields["summary"]) == ("40", "", "")


def test_another_encoding_is_read_with_a_notice_unless_a_mark_names_it() -> None:
    text = CHOIR.replace("Chorprobe", "Grünes Café").replace("Für alle", "für €5")
    windows = read(HEADER, text, encoding="cp1252")
    assert windows.rows[0].fields["title"] == "Grünes Café"
    assert windows.rows[0].fields["summary"] == "für €5"
    assert [(notice.line, notice.sentence) for notice in windows.notices] == [
        (2, "the file is not UTF-8; it was read as Windows-1252. Check the accented characters.")
    ]
    tabs = [line.replace(";", "\t") for line in (HEADER, text)]
    utf_16 = read(*tabs, encoding="utf-16")
    assert utf_16.rows[0].fields == windows.rows[0].fields
    assert not utf_16.notices


def test_odd_line_breaks_become_line_breaks_or_commas() -> None:
    sheet = read("title,description,place,fee", '"Word","First line\vsecond line","Aula\r\nMain street 5",0')
    fields = sheet.rows[0].fields
    assert fields["description"] == "First line\nsecond line"
    assert fields["place"] == "Aula, Main street 5"
    assert notices_of(sheet) == [
        "description: 1 unusual line separator was replaced.",
        "place: line breaks became commas.",
    ]


@pytest.mark.parametrize(
    "text, plain",
    [
        ("14.03.2031 10:00", "2031-03-14T10:00:00"),
        ("3.4.2031 9:00", "2031-04-03T09:00:00"),
        ("14/03/2031, 10:00:30", "2031-03-14T10:00:30"),
        ("3/14/2031 10:00 PM", "2031-03-14T22:00:00"),
        ("3/14/2031 12:15 a.m.", "2031-03-14T00:15:00"),
        ("2031-3-14 9:00", "2031-03-14T09:00:00"),
        ("2031/03/14 09:00", "2031-03-14T09:00:00"),
        ("04/04/2031 10:00", "2031-04-04T10:00:00"),
        ("2031-03-14T10:00", "2031-03-14T10:00"),
        ("2031-03-14T10:00+01:00", "2031-03-14T10:00+01:00"),
    ],
)
def test_a_date_with_one_reading_is_read(text: str, plain: str) -> None:
    sheet = read("title;fee;starts_at", f"A;0;{text}")
    assert not sheet.errors
    assert not sheet.notices
    assert sheet.rows[0].fields["starts_at"] == plain


def test_a_date_with_two_readings_needs_an_option() -> None:
    data = b"title;fee;starts_at\nA;0;03/04/2031 10:00\n"
    (error,) = read_sheet(data, CONVENTIONS).errors
    assert (error.line, error.sentence) == (
        2,
        "starts_at: '03/04/2031 10:00' can be 3 April or 4 March: give --date-order day-first or month-first.",
    )
    day_first = read_sheet(data, replace(CONVENTIONS, date_order="day-first"))
    assert day_first.rows[0].fields["starts_at"] == "2031-04-03T10:00:00"
    month_first = read_sheet(data, replace(CONVENTIONS, date_order="month-first"))
    assert month_first.rows[0].fields["starts_at"] == "2031-03-04T10:00:00"


@pytest.mark.parametrize(
    "text",
    [
        "14.03.31 10:00",
        "31.02.2031",
        "14/14/2031",
        "soon",
        "9:00",
        "14.03.2031 25:00",
        "3/14/2031 13:00 pm",
        "1.1.9999",
    ],
)
def test_a_time_that_cannot_be_read_is_an_error_with_its_column(text: str) -> None:
    (error,) = read("title;fee;starts_at", f"A;0;{text}").errors
    assert error.sentence.startswith("starts_at: ")
    assert text in error.sentence


def test_a_date_without_a_time_is_a_whole_day_and_a_time_without_a_date_is_on_the_day_of_the_start() -> None:
    whole = read("title;fee;starts_at;ends_at", "A;0;14/12/2026;15/12/2026")
    assert (whole.rows[0].fields["starts_at"], whole.rows[0].fields["ends_at"]) == (
        "2026-12-14T00:00:00",
        "2026-12-16T00:00:00",
    )
    assert notices_of(whole) == [
        "starts_at: 14/12/2026 has no time; it was read as the beginning of that day.",
        "ends_at: 15/12/2026 has no time; it was read as the end of that day.",
    ]
    night = read("title;fee;starts_at;ends_at", "A;0;14.12.2026 9:00;17:30", "B;0;14.12.2026 22:00;1:00")
    assert [row.fields["ends_at"] for row in night.rows] == ["2026-12-14T17:30:00", "2026-12-15T01:00:00"]
    assert notices_of(night) == [
        "ends_at: 17:30 has no date; it was read as 2026-12-14 17:30.",
        "ends_at: 1:00 has no date; it was read as 2026-12-15 01:00.",
    ]


def test_times_are_in_the_time_zone_that_an_option_gives() -> None:
    data = b"title;fee;starts_at\nA;0;14.06.2031 10:00\nB;0;2031-06-14T10:00Z\nC;0;30.03.2031 02:30\n"
    sheet = read_sheet(data, replace(CONVENTIONS, file_zone=BERLIN))
    assert [row.fields["starts_at"] for row in sheet.rows] == [
        "2031-06-14T10:00:00+02:00",
        "2031-06-14T12:00:00+02:00",
    ]
    assert [error.line for error in sheet.errors] == [4]
    assert "does not exist in Europe/Berlin" in sheet.errors[0].sentence


def test_a_missing_end_is_set_only_if_a_length_was_given() -> None:
    data = (
        b"title;fee;starts_at;ends_at\nA;0;2031-06-14 10:00;\nB;0;2031-06-14 10:00;2031-06-14 10:00\nC;0;;\n"
    )
    assert [row.fields["ends_at"] for row in read_sheet(data, CONVENTIONS).rows] == [
        "",
        "2031-06-14 10:00",
        "",
    ]
    sheet = read_sheet(data, replace(CONVENTIONS, duration=timedelta(minutes=45)))
    assert [row.fields["ends_at"] for row in sheet.rows] == ["2031-06-14T10:45:00+05:30"] * 2 + [""]
    assert notices_of(sheet) == [
        "ends_at: it is missing, so the event lasts 45 minutes.",
        "ends_at: it is the start, so the event lasts 45 minutes.",
    ]


@pytest.mark.parametrize(
    "text, currency, plain",
    [
        ("₹450", "INR", "450"),
        ("Rs. 450", "INR", "450"),
        ("INR 1,500.00", "INR", "1500.00"),
        ("1,500.00", "INR", "1500.00"),
        ("1.500,00 €", "EUR", "1500.00"),
        ("1 500", "INR", "1500"),
        ("1\u202f500,50", "INR", "1500.50"),
        ("1'500.\u2013", "CHF", "1500"),
        ("450,-", "EUR", "450"),
        ("1,500", "INR", "1500"),
        ("1,50,000", "INR", "150000"),
        ("1.500.000", "EUR", "1500000"),
        ("0,500", "INR", "0.500"),
        ("1.500", "JPY", "1500"),
        ("1.500", "KWD", "1.500"),
        ("450.50", "INR", "450.50"),
        ("free", "INR", "free"),
        ("-5", "INR", "-5"),
        ("€450", "INR", "€450"),
        ("1,5,0", "INR", "1,5,0"),
        ("1.5,0.0", "INR", "1.5,0.0"),
        ("", "INR", ""),
        ("9" * 200, "INR", "9" * 200),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, currency: str, plain: str) -> None:
    assert plain_amount(text, currency) == plain


@pytest.mark.parametrize("text, currency", [("1.500", "INR"), ("450.000", "EUR"), ("1,500", "KWD")])
def test_an_amount_with_two_readings_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=f"{text!r} can be "):
        plain_amount(text, currency)


def test_an_amount_with_two_readings_is_an_error_of_its_row() -> None:
    (error,) = read("title;fee;capacity", "A;1.500;40").errors
    assert (error.line, error.sentence) == (2, "fee: '1.500' can be 1500 or 1.5; write one of these.")


@pytest.mark.parametrize(
    "text, plain",
    [
        ("40", "40"),
        ("1,000", "1000"),
        ("40.0", "40"),
        ("1 000", "1000"),
        ("40.5", "40.5"),
        ("many", "many"),
        ("", ""),
    ],
)
def test_numbers_of_seats_are_read_as_people_write_them(text: str, plain: str) -> None:
    assert plain_number(text) == plain


def test_a_number_of_seats_with_two_readings_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'1\.000' can be 1000 or 1;"):
        plain_number("1.000")


@pytest.mark.parametrize(
    "text, minutes", [("2h", 120), ("90m", 90), ("1h30m", 90), ("1h 30min", 90), (" 45M ", 45)]
)
def test_lengths_of_time_are_read(text: str, minutes: int) -> None:
    assert read_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "0m", "90", "long", "-1h", "9999h"])
def test_other_lengths_of_time_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a length of time; write it like 2h, 90m or 1h30m"):
        read_duration(text)
