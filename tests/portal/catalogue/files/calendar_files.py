"""Calendar files as other programs write them, for tests."""

from festgate.portal.catalogue.files.calendars import read_calendar
from festgate.portal.catalogue.files.rows import Row, Sheet
from tests.portal.catalogue.programme import CONVENTIONS


def calendar_of(*lines: str, end: str = "\r\n") -> bytes:
    """Return a calendar with the lines between its first and last ones."""
    return end.join(["BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR", ""]).encode()


def event_of(*lines: str, start: str = "DTSTART:20310514T080000Z", end: str | None = None) -> list[str]:
    """Return the lines of an event of two hours with a title and a place, unless others are given."""
    given = [line.partition(":")[0].partition(";")[0] for line in lines]
    usual = {
        "SUMMARY": "SUMMARY:Training",
        "LOCATION": "LOCATION:Hall",
        "DTSTART": start,
        "DTEND": "DTEND:20310514T100000Z" if end is None else end,
    }
    rest = [line for name, line in usual.items() if name not in given and line]
    return ["BEGIN:VEVENT", *lines, *rest, "END:VEVENT"]


def read(*lines: str, **options: str) -> Sheet:
    """Read a calendar with one event that has the lines."""
    return read_calendar(calendar_of(*event_of(*lines, **options)), CONVENTIONS)


def read_row(*lines: str, **options: str) -> Row:
    """Return the row of a calendar with one event, which is read without an error."""
    sheet = read(*lines, **options)
    assert not sheet.errors
    (row,) = sheet.rows
    return row


def notices_of(sheet: Sheet) -> list[str]:
    """Return the sentences of the notices."""
    return [notice.sentence for notice in sheet.notices]
