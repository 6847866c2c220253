"""What an audit can find: each kind with its code, what it means, and the question that leads to the mend."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One way in which a report concludes what its numbers do not say."""

    code: str
    """Stable, for machines; where `festgate compare` knows the same thing, its name there."""
    error: int | None
    """Its number among the six that many reports share; None for others."""
    title: str
    meaning: str
    """One sentence."""
    question: str
    """It leads to the mend and does not give it away."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where it shows."""

    line: int
    """Of the document."""
    figure: str


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One kind, with every place of the report in which it shows."""

    kind: FindingKind
    spots: tuple[Spot, ...]


KINDS: Final[Mapping[str, FindingKind]] = {
    kind.code: kind
    for kind in (
        FindingKind(
            "workload-differs",
            1,
            "The load changed between the two runs",
            "Before and after were not asked for the same things, so the difference can come from what was asked"
            " instead of from the route.",
            "What differs in the code of the route itself, and what would each build answer to the other's load?",
        ),
        FindingKind(
            "one-row-of-many",
            2,
            "One row was picked out of many",
            "The number is that of one row with few requests, while the row of all requests says something else.",
            "How many requests stand behind this number, and what does the row of all of them say?",
        ),
        FindingKind(
            "many-names",
            3,
            "Requests for one route stand in many rows",
            "Each value in the address made a row of its own, so no row tells how the route as a whole did.",
            "By what does Locust decide whether two requests belong in one row?",
        ),
        FindingKind(
            "rate-cannot-move",
            4,
            "The rate could not move",
            "A user sends the next request only after an answer and a pause, and here the pauses are most of the time:"
            " RPS tells how often users ask, and next to nothing of the server.",
            "If every answer came in 0 ms, how many requests could these users send in a minute?",
        ),
        FindingKind(
            "percentile-is-maximum",
            4,
            "Too few requests for a percentile",
            "With 20 requests or fewer the p95 that Locust prints is the slowest of them, one single request.",
            "If one request had been twice as slow, which of these figures would have changed?",
        ),
        FindingKind(
            "connection-outliers",
            5,
            "One slow request makes the mean",
            "A single request took many times the median, and the mean and the p95 tell more of it than of the others.",
            "",
        ),
        FindingKind(
            "not-repeated",
            6,
            "No warm-up, no repetition, no interval",
            "Two runs of one and the same build differ, too, and nothing here says by how much.",
            "If you played the very same build twice, how far apart would the two figures be, and how do you know?",
        ),
        FindingKind(
            "columns-mixed",
            None,
            "The number is of another column",
            "A mean, a median and a percentile of the same requests are different numbers, and comparing one with"
            " another says nothing of the route.",
            "Which column does each number stand in, and which one do you want to speak of?",
        ),
        FindingKind(
            "share-off",
            None,
            "The share does not follow from the figures",
            "Neither the time that was saved nor the gain in speed comes to that share.",
            "What is divided by what, and which two figures went into it?",
        ),
        FindingKind(
            "error-rates-differ",
            None,
            "Not equally many requests failed",
            "A request that fails does less work, so that its time is no time of the route.",
            "What did the failed requests answer, and how long would they have taken otherwise?",
        ),
        FindingKind(
            "responses-differ",
            None,
            "The answers are not of the same size",
            "The two builds did not send the same page, so that one of them may have done less.",
            "What was on the page before that is not on it now, or the other way round?",
        ),
    )
}
"""By their codes, in the order in which they are shown."""
FIRST_CONNECTION: Final = (
    "Which request of a run was it, and what does a client have to do for its first request to `localhost` that it does"
    " not do again for the later ones?"
)
"""For an outlier of the size of a first connection."""
SLOWEST: Final = "Which request was it, and does it come back when the run is repeated?"
"""For any other outlier."""
