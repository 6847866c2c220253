"""The questions of report.md, and the student's answer to each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from festgate.lab.description.starter import Starter

MIN_WORDS: Final = 4
"""Words of the shortest text that counts as an answer."""
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TOPIC_LEVEL: Final = 2


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """A question of the report and the text below it."""

    topic: str
    """The heading above the question: `/events`."""
    question: str
    text: str
    """The student's text; empty if there is none."""

    @property
    def missing(self) -> str:
        """A sentence that names what is missing; empty if the question is answered."""
        if len(self.text.split()) < MIN_WORDS:
            return f"{self.topic}: {self.question}"
        if "number" in self.question and not re.search(r"\d", self.text):
            return f"{self.topic}: {self.question} The answer contains no number."
        return ""


def answers_in(starter: Starter, folder: Path) -> list[ReportAnswer]:
    """Return an answer for each question of the starter, in its order; empty if the report lacks the question."""
    if not starter.report:
        return []
    questions = _sections(starter.folder / starter.report)
    written = _sections(folder / starter.report)
    return [
        ReportAnswer(topic, question, written.get((topic, question), "")) for topic, question in questions
    ]


def by_topic(answers: Iterable[ReportAnswer]) -> dict[str, list[ReportAnswer]]:
    """Group the answers by topic, in the order of the questions."""
    topics: dict[str, list[ReportAnswer]] = {}
    for answer in answers:
        topics.setdefault(answer.topic, []).append(answer)
    return topics


def _sections(file: Path) -> dict[tuple[str, str], str]:
    """Return the text below each question (a heading of level 3) by its topic (level 2) and its wording."""
    try:
        text = _COMMENT.sub("", file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return {}
    sections: dict[tuple[str, str], list[str]] = {}
    topic, lines = "", list[str]()
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        lines = []
        if len(heading[1]) == _TOPIC_LEVEL:
            topic = heading[2]
        elif topic:
            sections[topic, heading[2]] = lines
    return {section: "\n".join(lines).strip() for section, lines in sections.items()}
