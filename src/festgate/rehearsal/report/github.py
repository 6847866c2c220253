"""A report as annotations that GitHub Actions shows beside a workflow's run.

They are lines for its log, `::error title=TITLE::MESSAGE`, as described in GitHub's "Workflow commands".
"""

from typing import Final

from festgate.rehearsal.report.document import Document, Notice, Tone

LEVELS: Final[dict[Tone, str]] = {"bad": "error", "warn": "warning", "good": "notice", "plain": "notice"}


def annotations(document: Document) -> str:
    """Return a line for the verdict, and for each notice that is an error or a warning; it ends with a newline."""
    verdict = annotation(document.tone, f"{document.title}: {document.verdict}", " ".join(document.words))
    notices = (notice for section in document.sections for notice in section.notices)
    return verdict + "".join(_of(notice) for notice in notices if notice.tone in ("bad", "warn"))


def annotation(tone: Tone, title: str, message: str) -> str:
    """Return one line, with its newline."""
    # A title ends at a comma or a colon, and a command at the end of its line.
    escaped = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{LEVELS[tone]} title={escaped}::{_escaped(message)}\n"


def _of(notice: Notice) -> str:
    figure = f"{notice.figure}." if notice.figure else ""
    message = " ".join(part for part in (figure, notice.meaning, notice.remedy) if part)
    return annotation(notice.tone, notice.title, message)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
