"""What a verification can find besides the verdicts of the routes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MEANINGS: Final[Mapping[str, str]] = {
    "load-changed": "What the load asks was changed. It is played as it was handed out, so this brings nothing.",
    "wait-changed": "How long the load waits was changed, which moves RPS and no page.",
    "errors-swallowed": "The load calls answers a success that are none, so that no failure shows.",
    "load-missing": "A locustfile was not handed in. It is played as it was handed out.",
    "baseline-changed": "What it was compared with is not the starter; here it is compared with the starter.",
    "crash-left": "The planted crash is still there.",
    "crash-hidden": "The code still divides by zero; its error is swallowed instead of mended.",
    "fails-at-once": "The page refuses the request before it has done anything, and so looks quick.",
    "rows-dropped": "The page shows fewer rows than there are.",
    "constant-page": "The page shows what was so earlier, and not what is in the database now.",
    "shared-answer": "The page of one person is shown to another.",
    "fixed-total": "The total stays the same whatever the fees are.",
    "answers-differ": "The page does not answer as the starter does.",
    "others-differ": "A page that was not to be changed does not answer as the starter does.",
    "grows-faster": "The work grows faster with the number of rows than the starter's does.",
    "work-elsewhere": "Less of its own code ran and it is not quicker: the work is done where it is not counted.",
    "time-without-work": "It is quicker and does not do less work: a teacher should look at how.",
    "busy-without-requests": "It works while nobody asks anything, so that its counts are not of requests alone.",
    "gone": "The app ended, or stopped answering, while it was asked.",
}
"""By the code of a finding: what it means."""


@dataclass(frozen=True, slots=True)
class SubmissionFinding:
    """One thing that was found."""

    code: str
    route: str
    """`/events`; empty where it is of the whole."""
    figure: str
    """Where, and what shows it."""

    @property
    def meaning(self) -> str:
        """One sentence."""
        return MEANINGS[self.code]
