"""Locust's own outputs, read for description: its CSV files, JSON, HTML report, and its tables as text.

They contain no requests, only rounded figures that summarise them, so nothing here gives a verdict. `reasons.py` has
the reasons, with the numbers of the tables in question.
"""

from pathlib import Path

from festgate.rehearsal.locust_output.console import read_text
from festgate.rehearsal.locust_output.csv_files import STATS, is_csv, read_csv
from festgate.rehearsal.locust_output.html_report import is_html, read_html
from festgate.rehearsal.locust_output.json_file import is_json, read_json
from festgate.rehearsal.locust_output.lines import text_of
from festgate.rehearsal.locust_output.model import (
    Failure,
    LocustOutput,
    Moment,
    NotLocust,
    Row,
    Table,
    UnreadLine,
)

__all__ = [
    "Failure",
    "LocustOutput",
    "Moment",
    "NotLocust",
    "Row",
    "Table",
    "UnreadLine",
    "locust_file",
    "read_locust",
]


def locust_file(name: str) -> Path | None:
    """Return the file of that name, or of that prefix of `locust --csv` or `--json-file`; None if there is none."""
    candidates = (Path(name), Path(f"{name}{STATS}"), Path(f"{name}.json")) if name else ()
    return next((file for file in candidates if file.is_file()), None)


def read_locust(path: Path) -> LocustOutput:
    """Read the tables of a Locust CSV file and its siblings, of JSON, an HTML report, or a text that contains tables.

    Raises NotLocust if the file has no table of Locust; the message names the file and the line. Lines that look like
    part of a table but cannot be read are listed in the output's `problems`.
    """
    text, source = text_of(path), str(path)
    if is_html(text):
        return read_html(source, text)
    if is_csv(text):
        return read_csv(path, text, source)
    if is_json(text):
        return read_json(source, text)
    return read_text(source, text)
