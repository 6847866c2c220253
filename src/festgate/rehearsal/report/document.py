"""The content of a report, independent of its format (HTML page, text, Markdown): sentences, notices, charts, tables.

Only an HTML page shows screenshots and quotes.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["good", "bad", "warn", "plain"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; the first cell of a row is its heading."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset({0})
    """The columns with words; the others contain figures and are aligned to the right."""
    note: str = ""
    """An explanation below the table."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with a description, and its figures as a table."""

    title: str
    description: str
    """The text below the title, also the text alternative for screen readers."""
    spec: dict[str, Any]
    """The Vega-Lite specification."""
    table: Table


@dataclass(frozen=True, slots=True)
class Notice:
    """A remark: the result of a limit, a refusal, a flag, a note."""

    tone: Tone
    title: str
    figure: str = ""
    """The number that caused it."""
    meaning: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Screen:
    """A screenshot of a browser."""

    title: str
    description: str
    """The text below the title, also the text alternative for screen readers."""
    png: bytes
    width: int
    """Pixels."""
    height: int


@dataclass(frozen=True, slots=True)
class Quote:
    """A quotation of a person's own text."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the content below it, in this order."""

    heading: str
    words: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    screens: tuple[Screen, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a report."""

    title: str
    """The subject: `opening_day, 2026-11-22 18:30 UTC`."""
    tone: Tone
    verdict: str
    """A few words: `Passed`."""
    words: tuple[str, ...]
    """The summary, in sentences."""
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...] = field(default=())
    """The few figures in large type: (label, figure)."""
    product: str = "Festgate rehearsal"
    """The program that created the report."""
