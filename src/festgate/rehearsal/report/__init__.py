"""Reports: a run, a comparison, a search for the capacity, and Locust's own tables.

Each as a page that opens offline, as text, Markdown, JSON and JUnit's XML.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from rich.console import Console

from festgate.files import write_atomically
from festgate.rehearsal.locust_output import LocustOutput
from festgate.rehearsal.report import capacity_report, data, locust_report, text
from festgate.rehearsal.report.comparison_report import comparison_document
from festgate.rehearsal.report.document import Document
from festgate.rehearsal.report.locust_report import LocustComparison
from festgate.rehearsal.report.page import page
from festgate.rehearsal.report.run_report import run_document
from festgate.rehearsal.runner.capacity import Capacity
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.summary import Summary, summarize
from festgate.rehearsal.verdict.comparison import Comparison

Format = Literal["text", "markdown", "json", "junit", "html"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)


@dataclass(frozen=True)
class Compared:
    """A comparison with the runs it was made of, which its report draws pair by pair and step by step."""

    comparison: Comparison
    before: Sequence[Run] = ()
    after: Sequence[Run] = ()


Reported: TypeAlias = Run | Summary | Comparison | Compared | Capacity | LocustOutput | LocustComparison
_Read: TypeAlias = Summary | Compared | Capacity | LocustOutput | LocustComparison


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of thing is written."""

    document: Callable[[Any, bool], Document]
    """Given also whether charts are drawn."""
    json: Callable[[Any], str]
    junit: Callable[[Any], str]


_KINDS: Final[dict[type, _Kind]] = {
    Summary: _Kind(lambda shown, drawn: run_document(shown, drawn=drawn), data.run_json, data.run_junit),
    Compared: _Kind(
        lambda shown, drawn: comparison_document(shown.comparison, shown.before, shown.after, drawn=drawn),
        lambda shown: data.comparison_json(shown.comparison, shown.before, shown.after),
        lambda shown: data.comparison_junit(shown.comparison, [*shown.before, *shown.after]),
    ),
    Capacity: _Kind(
        lambda shown, drawn: capacity_report.capacity_document(shown, drawn=drawn),
        capacity_report.capacity_json,
        capacity_report.capacity_junit,
    ),
    LocustOutput: _Kind(
        lambda shown, _: locust_report.locust_output_document(shown),
        locust_report.locust_output_json,
        locust_report.locust_output_junit,
    ),
    LocustComparison: _Kind(
        lambda shown, _: locust_report.locust_comparison_document(shown),
        locust_report.locust_comparison_json,
        locust_report.locust_comparison_junit,
    ),
}


def write_report(thing: Reported, path: Path) -> None:
    """Write report.html, whole or not at all; one that is there is replaced. Raises OSError where it cannot be."""
    write_atomically(path, render(thing, "html"))


def render(thing: Reported, form: str) -> str:
    """The report in one of `FORMATS`, ended by a newline. Raises ValueError for another format or damaged samples."""
    if form not in FORMATS:
        msg = f"{form!r} is no format of a report: {', '.join(FORMATS)}."
        raise ValueError(msg)
    read = _read(thing)
    kind = _KINDS[type(read)]
    if form == "json":
        return kind.json(read)
    if form == "junit":
        return kind.junit(read)
    document = kind.document(read, form == "html")
    if form == "html":
        return page(document)
    return text.markdown(document) if form == "markdown" else text.text(document)


def _read(thing: Reported) -> _Read:
    if isinstance(thing, Run):
        return summarize(thing)
    return Compared(thing) if isinstance(thing, Comparison) else thing


def show(thing: Reported, console: Console) -> None:
    """The text report in the colours of a terminal."""
    read = _read(thing)
    text.show(_KINDS[type(read)].document(read, False), console)  # noqa: FBT003


__all__ = [
    "FORMATS",
    "Compared",
    "Format",
    "LocustComparison",
    "Reported",
    "render",
    "show",
    "write_report",
]
