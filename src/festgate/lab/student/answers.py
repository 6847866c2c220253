"""The questions of report.md, and what the student has written below each."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from festgate.lab.student.folder import REPORT, STARTER

MIN_WORDS: Final = 4
"""A sentence."""
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """One question."""

    topic: str
    """What it is about: `/events`."""
    question: str
    text: str
    """What is written below it; empty where nothing is."""

    @property
    def missing(self) -> str:
        """What is missing; empty where it is answered."""
        if len(self.text.split()) < MIN_WORDS:
            return f"{self.topic}: {self.question}"
        if "number" in self.question and not re.search(r"\d", self.text):
            return f"{self.topic}: {self.question} There is none in the answer."
        return ""


def answers_in(folder: Path) -> list[ReportAnswer]:
    """An answer for each question of the starter, in its order; what is not in the student's report is not answered."""
    asked = _sections(STARTER / REPORT)
    written = _sections(folder / REPORT)
    return [ReportAnswer(topic, question, written.get((topic, question), "")) for topic, question in asked]


def _sections(file: Path) -> dict[tuple[str, str], str]:
    try:
        text = _COMMENT.sub("", file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return {}
    found: dict[tuple[str, str], list[str]] = {}
    topic, lines = "", list[str]()
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        lines = []
        if len(heading[1]) == 2:  # noqa: PLR2004  (a topic is a heading of the second level, a question one of the third)
            topic = heading[2]
        elif topic:
            found[topic, heading[2]] = lines
    return {section: "\n".join(lines).strip() for section, lines in found.items()}
