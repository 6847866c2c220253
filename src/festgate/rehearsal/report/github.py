"""A report as annotations that GitHub Actions shows beside a workflow's run.

They are lines for its log, `::error title=TITLE::MESSAGE`, as described in GitHub's "Workflow commands".
"""

from collections.abc import Iterator
from typing import Final

from festgate.rehearsal.report.document import Document, Tone

LEVELS: Final[dict[Tone, str]] = {"bad": "error", "warn": "warning", "good": "notice", "plain": "notice"}


def annotations(document: Document) -> str:
    """Return a line for the verdict, and for each notice that is an error or a warning; it ends with a newline."""
    return "".join(f"{line}\n" for line in _lines(document))


def _lines(document: Document) -> Iterator[str]:
    yield _line(document.tone, f"{document.title}: {document.verdict}", " ".join(document.words))
    for section in document.sections:
        for notice in section.notices:
            if notice.tone in ("bad", "warn"):
                figure = f"{notice.figure}." if notice.figure else ""
                message = " ".join(part for part in (figure, notice.meaning, notice.remedy) if part)
                yield _line(notice.tone, notice.title, message)


def _line(tone: Tone, title: str, message: str) -> str:
    # A title ends at a comma or a colon, and a command at the end of its line.
    escaped = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{LEVELS[tone]} title={escaped}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
