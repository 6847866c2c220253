"""Any of Locust's own outputs, told apart by what is in it."""

from pathlib import Path

from festgate.rehearsal.locust_output.console import read_text
from festgate.rehearsal.locust_output.csv_files import STATS, is_csv, read_csv
from festgate.rehearsal.locust_output.html_report import is_html, read_html
from festgate.rehearsal.locust_output.lines import text_of
from festgate.rehearsal.locust_output.model import LocustOutput


def locust_file(name: str) -> Path | None:
    """The file of that name, or of that prefix of `locust --csv`; None where there is none."""
    if Path(name).is_file():
        return Path(name)
    figures = Path(f"{name}{STATS}")
    return figures if name and figures.is_file() else None


def read_locust(path: Path) -> LocustOutput:
    """The tables of a CSV file of Locust's and its siblings, of its HTML report, or of a text with its tables in it.

    Raises NotLocust, whose sentence names the file and the line, where there is no table of Locust's in it. Lines that
    look as if they belonged to one and are not understood are the output's `problems`.
    """
    text, source = text_of(path), str(path)
    if is_html(text):
        return read_html(source, text)
    if is_csv(text):
        return read_csv(path, text, source)
    return read_text(source, text)
