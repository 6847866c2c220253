"""Reports on a run, a comparison, a capacity search, a trend and Locust's own tables.

Each exists as an HTML page that opens offline, as text, Markdown, JSON, JUnit XML and annotations for GitHub.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from rich.console import Console

from festgate.files import write_atomically
from festgate.rehearsal.locust_output import LocustOutput
from festgate.rehearsal.report import capacity_report, data, locust_report, text, trend_report
from festgate.rehearsal.report.comparison_report import comparison_document
from festgate.rehearsal.report.document import Document
from festgate.rehearsal.report.github import annotations
from festgate.rehearsal.report.locust_report import LocustComparison
from festgate.rehearsal.report.page import page
from festgate.rehearsal.report.run_report import run_document
from festgate.rehearsal.runner.capacity import Capacity
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.summary import Summary, summarize
from festgate.rehearsal.stats.trend import Trend
from festgate.rehearsal.verdict.comparison import Comparison

Format = Literal["text", "markdown", "json", "junit", "github", "html"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)


@dataclass(frozen=True)
class Compared:
    """A comparison with its runs, which the report shows by pair and by step."""

    comparison: Comparison
    before: Sequence[Run] = ()
    after: Sequence[Run] = ()


Reported: TypeAlias = (
    Run | Summary | Comparison | Compared | Capacity | Trend | LocustOutput | LocustComparison
)
_Read: TypeAlias = Summary | Compared | Capacity | Trend | LocustOutput | LocustComparison


@dataclass(frozen=True, slots=True)
class _Kind:
    """The functions that render one kind of content."""

    document: Callable[[Any, bool], Document]
    """The second argument is whether charts are drawn."""
    json: Callable[[Any], str]
    junit: Callable[[Any], str]


_KINDS: Final[dict[type, _Kind]] = {
    Summary: _Kind(lambda content, drawn: run_document(content, drawn=drawn), data.run_json, data.run_junit),
    Compared: _Kind(
        lambda content, drawn: comparison_document(
            content.comparison, content.before, content.after, drawn=drawn
        ),
        lambda content: data.comparison_json(content.comparison, content.before, content.after),
        lambda content: data.comparison_junit(content.comparison, [*content.before, *content.after]),
    ),
    Capacity: _Kind(
        lambda content, drawn: capacity_report.capacity_document(content, drawn=drawn),
        capacity_report.capacity_json,
        capacity_report.capacity_junit,
    ),
    Trend: _Kind(
        lambda content, drawn: trend_report.trend_document(content, drawn=drawn),
        trend_report.trend_json,
        trend_report.trend_junit,
    ),
    LocustOutput: _Kind(
        lambda content, _: locust_report.locust_output_document(content),
        locust_report.locust_output_json,
        locust_report.locust_output_junit,
    ),
    LocustComparison: _Kind(
        lambda content, _: locust_report.locust_comparison_document(content),
        locust_report.locust_comparison_json,
        locust_report.locust_comparison_junit,
    ),
}


def write_report(content: Reported, path: Path) -> None:
    """Write the HTML report atomically, replacing an older one. Raises OSError."""
    write_atomically(path, render(content, "html"))


def render(content: Reported, form: str) -> str:
    """Return the report in one of `FORMATS`, ending with a newline. Raises ValueError (format, damaged samples)."""
    if form not in FORMATS:
        msg = f"{form!r} is not a report format. The formats are {', '.join(FORMATS)}."
        raise ValueError(msg)
    read = _read(content)
    kind = _KINDS[type(read)]
    if form == "json":
        return kind.json(read)
    if form == "junit":
        return kind.junit(read)
    document = kind.document(read, form == "html")
    if form == "html":
        return page(document)
    if form == "github":
        return annotations(document)
    return text.markdown(document) if form == "markdown" else text.text(document)


def _read(content: Reported) -> _Read:
    if isinstance(content, Run):
        return summarize(content)
    return Compared(content) if isinstance(content, Comparison) else content


def show(content: Reported, console: Console) -> None:
    """Print the text report with the colours of the terminal."""
    read = _read(content)
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
