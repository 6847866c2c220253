"""Reports: a run or a comparison as a page that opens offline, as text, Markdown, JSON and JUnit's XML."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from rich.console import Console

from festgate.rehearsal.comparison import Comparison
from festgate.rehearsal.report import data, text
from festgate.rehearsal.report.comparison_report import comparison_document
from festgate.rehearsal.report.document import Document
from festgate.rehearsal.report.page import page
from festgate.rehearsal.report.run_report import run_document
from festgate.rehearsal.runs import Run
from festgate.rehearsal.summary import Summary, summarize

Format = Literal["text", "markdown", "json", "junit", "html"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)


@dataclass(frozen=True)
class Compared:
    """A comparison with the runs it was made of, which its report draws pair by pair and step by step."""

    comparison: Comparison
    before: Sequence[Run] = ()
    after: Sequence[Run] = ()


Reported: TypeAlias = Run | Summary | Comparison | Compared


def write_report(thing: Reported, path: Path) -> None:
    """Write report.html, whole or not at all; one that is there is replaced. Raises OSError where it cannot be."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(render(thing, "html"), encoding="utf-8")
    unfinished.replace(path)


def render(thing: Reported, form: str) -> str:
    """The report in one of `FORMATS`, ended by a newline. Raises ValueError for another format or damaged samples."""
    if form not in FORMATS:
        msg = f"{form!r} is no format of a report: {', '.join(FORMATS)}."
        raise ValueError(msg)
    read = _read(thing)
    if form in ("json", "junit"):
        return _as_data(read, form)
    document = document_of(read)
    if form == "html":
        return page(document)
    return text.markdown(document) if form == "markdown" else text.text(document)


def _as_data(thing: Summary | Compared, form: str) -> str:
    if isinstance(thing, Summary):
        return data.run_json(thing) if form == "json" else data.run_junit(thing)
    if form == "json":
        return data.comparison_json(thing.comparison, thing.before, thing.after)
    return data.comparison_junit(thing.comparison, [*thing.before, *thing.after])


def _read(thing: Reported) -> Summary | Compared:
    if isinstance(thing, Run):
        return summarize(thing)
    return Compared(thing) if isinstance(thing, Comparison) else thing


def show(thing: Reported, console: Console) -> None:
    """The text report in the colours of a terminal."""
    text.show(document_of(thing), console)


def document_of(thing: Reported) -> Document:
    """What every format but JSON and JUnit is written from."""
    read = _read(thing)
    if isinstance(read, Summary):
        return run_document(read)
    return comparison_document(read.comparison, read.before, read.after)


__all__ = ["FORMATS", "Compared", "Format", "Reported", "document_of", "render", "show", "write_report"]
