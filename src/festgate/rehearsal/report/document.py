"""What a report says, before it is written as a page, as text or as Markdown: words, notices, charts and tables.

Screens and quotes are of a page alone.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["good", "bad", "warn", "plain"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; the first cell of a row names it."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset({0})
    """The columns that hold words; the others hold figures and stand to the right."""
    note: str = ""
    """What the marks in it mean."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, what it shows in a sentence, and its figures as a table."""

    title: str
    description: str
    """Stands below the title, and is what someone hears who cannot see the picture."""
    spec: dict[str, Any]
    """Of Vega-Lite."""
    table: Table


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know: a limit that held or did not, a refusal, a flag."""

    tone: Tone
    title: str
    figure: str = ""
    """The number that is the reason for it."""
    meaning: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Screen:
    """What a browser showed."""

    title: str
    description: str
    """Stands below the title, and is what someone hears who cannot see it."""
    png: bytes
    width: int
    """Of the picture, in pixels."""
    height: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody has written, as it stands there; no word of ours."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it, in this order."""

    heading: str
    words: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    screens: tuple[Screen, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A report."""

    title: str
    """What it is about: `opening_day, 2026-11-22 18:30 UTC`."""
    tone: Tone
    verdict: str
    """A few words: `It held`."""
    words: tuple[str, ...]
    """What an organiser wants to know, in sentences."""
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...] = field(default=())
    """The few figures that stand in large type: (what, figure)."""
    product: str = "Festgate rehearsal"
    """What wrote it."""
