"""The file `students.csv`: the students as they were read, with the teacher's corrections."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from festgate.files import write_atomically
from festgate.lab.grading.cells import as_csv, plain
from festgate.lab.grading.students import FIELDS, Field, Student

FILE: Final = "students.csv"
LAST: Final = "students.json"
"""The cells as they were written last, so that a correction can be seen."""
SUBMISSION, UNSURE: Final = "submission", "unsure"
HEADINGS: Final[Mapping[Field, str]] = {
    "name": "name",
    "number": "number",
    "section": "section",
    "account": "gradebook id",
}
COLUMNS: Final = (SUBMISSION, *HEADINGS.values(), UNSURE)


class InvalidRoster(Exception):
    """The file cannot be read; the message names the file, the line and what to do."""


def read_corrections(grades: Path, results: Path) -> dict[str, dict[str, str]]:
    """Return the corrected cells of each submission. Raises InvalidRoster.

    A cell that differs from what was written last is a correction. A row whose cell `unsure` was emptied is confirmed
    as it is.
    """
    rows = _rows(grades / FILE)
    try:
        last = json.loads((results / LAST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        last = {}
    corrections = {}
    for name, row in rows.items():
        written = last.get(name, {}) if isinstance(last, dict) else {}
        confirmed = bool(written.get(UNSURE)) and not row[UNSURE]
        corrections[name] = {
            heading: row[heading]
            for heading in HEADINGS.values()
            if row[heading] and (confirmed or row[heading] != written.get("read", {}).get(heading))
        }
    return {name: cells for name, cells in corrections.items() if cells}


def corrected(student: Student, cells: Mapping[str, str]) -> Student:
    """Return the student with the corrected cells, which are sure."""
    fields: dict[Field, str] = {
        field: cells[heading] for field, heading in HEADINGS.items() if heading in cells
    }
    return replace(student, **fields, unsure=student.unsure - fields.keys())


def write_roster(
    grades: Path,
    results: Path,
    read: Mapping[str, Student],
    corrections: Mapping[str, Mapping[str, str]],
) -> None:
    """Write the file, with the corrections. `read` has the students as they were read. Raises OSError."""
    rows, last = [], {}
    for name, student in read.items():
        now = corrected(student, corrections.get(name, {}))
        unsure = " ".join(HEADINGS[field].replace(" ", "-") for field in FIELDS if field in now.unsure)
        rows.append({
            SUBMISSION: name,
            **{heading: getattr(now, field) for field, heading in HEADINGS.items()},
            UNSURE: unsure,
        })
        last[name] = {
            "read": {heading: getattr(student, field) for field, heading in HEADINGS.items()},
            UNSURE: unsure,
        }
    write_atomically(grades / FILE, as_csv(COLUMNS, rows))
    write_atomically(results / LAST, json.dumps(last, ensure_ascii=False, indent=1) + "\n")


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
            f"{file}, line 1: there is no column `{missing[0]}`. The columns are {', '.join(COLUMNS)}. Correct the line,"
            " or delete the file to have it written again."
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
        msg = f"{file}, line {table.line_num}: this is not CSV ({error}). Correct the line, or delete the file."
        raise InvalidRoster(msg) from None
    return rows
