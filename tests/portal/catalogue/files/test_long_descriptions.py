"""Descriptions of exactly the allowed length, in every script and spelling and every kind of file."""

import csv
import unicodedata
from collections.abc import Callable
from io import BytesIO, StringIO
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from festgate.kit.text import MAX_TEXT
from festgate.portal.catalogue.details import read_details
from festgate.portal.catalogue.files.formats import read_events
from festgate.portal.catalogue.files.rows import Conventions

KOLKATA = ZoneInfo("Asia/Kolkata")
ROWS = ("title", "description", "fee")


def write_csv(description: str) -> bytes:
    file = StringIO()
    csv.writer(file).writerows([ROWS, ("Robo Race", description, "0")])
    return file.getvalue().encode()


def write_workbook(description: str) -> bytes:
    workbook, file = openpyxl.Workbook(write_only=True), BytesIO()
    sheet = workbook.create_sheet()
    sheet.append(ROWS)
    sheet.append(("Robo Race", description, "0"))
    workbook.save(file)
    return file.getvalue()


def write_calendar(description: str) -> bytes:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//a test//EN",
        "BEGIN:VEVENT",
        "UID:1",
        "DTSTAMP:20300101T000000Z",
        "DTSTART:20310101T100000Z",
        "DTEND:20310101T110000Z",
        "SUMMARY:Robo Race",
        f"DESCRIPTION:{description}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join([*lines, ""]).encode()


@pytest.mark.parametrize(
    "name, write", [("a.csv", write_csv), ("a.xlsx", write_workbook), ("a.ics", write_calendar)]
)
@pytest.mark.parametrize(
    "character",
    ["अ", "🎉", unicodedata.normalize("NFD", "각"), "\U0001e900"],
    ids=["hi", "emoji", "ko", "ff"],
)
def test_ten_thousand_characters_are_imported_whole(
    name: str, write: Callable[[str], bytes], character: str
) -> None:
    sheet = read_events(name, write(character * MAX_TEXT), Conventions(KOLKATA, "INR"))
    (row,) = sheet.rows
    details = read_details({"fee": "0", **row.fields}, KOLKATA, "INR")
    assert details.description == unicodedata.normalize("NFC", character) * MAX_TEXT
    assert (sheet.errors, sheet.notices) == ([], [])
