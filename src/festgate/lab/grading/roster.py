"""The file `students.csv`: the students as they were read, with the teacher's corrections."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from festgate.files import write_atomically
from festgate.lab.grading.cells import as_csv, plain
from festgate.lab.grading.students import FIELDS, Field, Student

FILE: Final = "students.csv"
LAST: Final = "students.json"
"""The cells as they were last written, to detect corrections."""
SUBMISSION: Final = "submission"
UNSURE: Final = "unsure"
HEADINGS: Final[Mapping[Field, str]] = {
    "name": "name",
    "number": "number",
    "section": "section",
    "account": "gradebook id",
}
COLUMNS: Final = (SUBMISSION, *HEADINGS.values(), UNSURE)


class InvalidRoster(Exception):
    """The file cannot be read; the message names the file, the line and what to do."""


@dataclass(frozen=True)
class Roster:
    """The current file, and the file as it was last written."""

    rows: Mapping[str, Mapping[str, str]]
    """The cells of each submission by their headings."""
    last: Mapping[str, Any]
    """The cells that were read and written last, by submission."""

    def corrected(self, name: str, student: Student) -> Student:
        """Return the student of a submission with the corrected cells, which count as certain.

        A cell that differs from what was read last is a correction. A row whose cell `unsure` was emptied is confirmed
        as it is.
        """
        row, last = self.rows.get(name, {}), self.last.get(name, {})
        confirmed = bool(last.get(UNSURE)) and not row.get(UNSURE)
        fields: dict[Field, str] = {
            field: row[heading]
            for field, heading in HEADINGS.items()
            if row.get(heading) and (confirmed or row[heading] != last.get(heading))
        }
        return replace(student, **fields, unsure=student.unsure - fields.keys())


def read_roster(grades: Path, readings: Path) -> Roster:
    """Read the file and what was written last. Raises InvalidRoster."""
    try:
        last = json.loads((readings / LAST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        last = {}
    return Roster(_rows(grades / FILE), last if isinstance(last, dict) else {})


def write_roster(grades: Path, readings: Path, roster: Roster, read: Mapping[str, Student]) -> None:
    """Write the file with the corrections; submissions that are not in `read` keep their rows. Raises OSError."""
    rows = {name: {SUBMISSION: name, **row} for name, row in roster.rows.items()}
    last = dict(roster.last)
    for name, student in read.items():
        now = roster.corrected(name, student)
        unsure = ", ".join(HEADINGS[field] for field in FIELDS if field in now.unsure)
        cells = {heading: getattr(now, field) for field, heading in HEADINGS.items()}
        rows[name] = {SUBMISSION: name, **cells, UNSURE: unsure}
        # A confirmed row stays confirmed, although its cells differ from those that were read.
        confirmed = bool(student.unsure) and not now.unsure
        last[name] = {
            heading: "" if confirmed else getattr(student, field) for field, heading in HEADINGS.items()
        }
        last[name][UNSURE] = unsure
    write_atomically(grades / FILE, as_csv(COLUMNS, [rows[name] for name in sorted(rows)]))
    write_atomically(readings / LAST, json.dumps(last, ensure_ascii=False, indent=1) + "\n")


def _rows(file: Path) -> dict[str, dict[str, str]]:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        msg = f"{file} cannot be read: {error.strerror}."
        raise InvalidRoster(msg) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")  # as Excel saves a plain CSV
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
    if missing:
        msg = (
            f"{file}, line 1: there is no column `{missing[0]}`. The columns are {', '.join(COLUMNS)}. Correct the"
            " line, or delete the file to have it written again."
        )
        raise InvalidRoster(msg)
    rows: dict[str, dict[str, str]] = {}
    try:
        for row in table:
            name = plain(row[SUBMISSION] or "")
            if name in rows:
                msg = f"{file}, line {table.line_num}: {name} has a second line. Delete one of the two."
                raise InvalidRoster(msg)
            rows[name] = {heading: plain(row[heading] or "").strip() for heading in COLUMNS[1:]}
    except csv.Error as error:
        msg = (
            f"{file}, line {table.line_num}: this is not CSV ({error}). Correct the line, or delete the file."
        )
        raise InvalidRoster(msg) from None
    return rows
