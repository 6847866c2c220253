"""Finds the direction of a change in a clause: "a lower average" is -1, "the median rose" is 1."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from festgate.lab.audit.words import NEGATION, Metric, metric_of

Direction = Literal[-1, 0, 1]
"""The direction of a figure: -1 lower, 1 higher, 0 unknown."""
_LOWER: Final = re.compile(
    r"\b(?:fell|fall(?:s|en|ing)?|drop\w*|decreas\w*|reduc\w*|shr[aiu]nk\w*|cut|lower\w*|less|short(?:er|ened)"
    r"|declin\w*|went down|halved)\b",
    re.IGNORECASE,
)
_HIGHER: Final = re.compile(
    r"\b(?:increas\w*|r[io]se\w*|rais\w*|gr[eo]w\w*|higher|longer|doubled|went up)\b", re.IGNORECASE
)
_BETTER: Final = re.compile(
    r"\b(?:improv\w*|faster|quick(?:er|ened)|better|sped up|boost\w*)\b", re.IGNORECASE
)
_WORSE: Final = re.compile(r"\b(?:slow(?:er|ed)|wors\w*|degrad\w*)\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(
    r"[,;:()]|\b(?:and|but|while|whereas|although|because|since|as|so|by)\b", re.IGNORECASE
)
_TIME: Final = re.compile(r"\b(?:response|load(?:ing)?)[ -]times?\b|\blatenc(?:y|ies)\b", re.IGNORECASE)
_NOT_A_RESULT: Final = re.compile(
    r"\b(?:would|should|could|can|will|might|may|must|expect\w*|goal|aim\w*|target|hop(?:e|ed|ing)|want\w*|tr(?:y|ied)"
    r"|if|when|to \w+|in order|means?|indicat\w*|impl(?:y|ies)|generally|usually|typically|always)\b",
    re.IGNORECASE,
)
"""Words of a clause about a wish or a rule; "to reduce" is a purpose."""
_THAN: Final = re.compile(r"\bthan\b(.*)", re.IGNORECASE)
"""The word before another column of the same run: "the median is lower than the mean"."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause that names a change of a time or a rate."""

    start: int
    """Offset in the sentence."""
    metric: Metric | None
    """The column that it names; None for response times in general."""
    direction: Direction


def clauses_in(text: str) -> Iterator[Clause]:
    """Yield the clauses of a masked sentence that name a column or response times, and a direction."""
    begin = 0
    for end in (*(match.start() for match in _CLAUSE.finditer(text)), len(text)):
        clause = text[begin:end]
        metric = metric_of(clause)
        than = _THAN.search(clause)
        compares_columns = than is not None and metric_of(than[1]) is not None
        if not compares_columns and (metric is not None or _TIME.search(clause) is not None):
            direction = direction_of(clause, is_rate=metric == "rate")
            if direction:
                yield Clause(begin, metric, direction)
        begin = end


def direction_of(text: str, *, is_rate: bool) -> Direction:
    """Return the direction of the change of a time or a rate that the text names; 0 if it names none or both."""
    if NEGATION.search(text) is not None or _NOT_A_RESULT.search(text) is not None:
        return 0
    down = _LOWER.search(text) is not None or (_WORSE if is_rate else _BETTER).search(text) is not None
    up = _HIGHER.search(text) is not None or (_BETTER if is_rate else _WORSE).search(text) is not None
    return 0 if down == up else -1 if down else 1
