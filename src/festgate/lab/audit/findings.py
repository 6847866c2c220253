"""The kinds of findings of an audit: each with its code, its meaning, and a question that leads to the fix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One way in which a report draws a conclusion that its numbers do not support."""

    code: str
    """Stable, for programs; the same as in `festgate compare` if that has the same finding."""
    error: int | None
    """Its number among the six errors that many reports share; None for others."""
    title: str
    meaning: str
    """One sentence."""
    question: str
    """A question that leads to the fix and does not reveal it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the report that shows a finding, or that cannot be checked."""

    line: int
    """Line of the document."""
    figure: str
    code: str = ""
    """The finding's code; empty if the place cannot be checked."""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One kind of finding, with every place of the report that shows it."""

    kind: FindingKind
    spots: tuple[Spot, ...]


KINDS: Final[Mapping[str, FindingKind]] = {
    kind.code: kind
    for kind in (
        FindingKind(
            "workload-differs",
            1,
            "The load changed between the two runs",
            "The runs before and after did not send the same requests at the same pace, so the difference can come from"
            " the load instead of the route.",
            "What changed in the code of the route itself, and what would each build answer to the other build's load?",
        ),
        FindingKind(
            "one-row-of-many",
            2,
            "One row was picked out of many",
            "The number comes from one row with few requests, while the row of all requests shows a different result.",
            "How many requests are behind this number, and what does the row of all requests show?",
        ),
        FindingKind(
            "many-names",
            3,
            "Requests for one route are spread over many rows",
            "Each value in the address got a row of its own, so no row shows the result of the whole route.",
            "How does Locust decide whether two requests belong in one row?",
        ),
        FindingKind(
            "rate-cannot-move",
            4,
            "The rate could not change",
            "A user sends the next request only after an answer and a pause, and here the pauses are most of the time:"
            " RPS shows how often users send requests, and almost nothing about the server.",
            "If every answer came in 0 ms, how many requests could these users send in a minute?",
        ),
        FindingKind(
            "percentile-is-maximum",
            4,
            "Too few requests for a percentile",
            "With 20 requests or fewer, the p95 that Locust prints is the slowest of them: a single request.",
            "If one request had been twice as slow, which of these figures would have changed?",
        ),
        FindingKind(
            "connection-outliers",
            5,
            "One slow request dominates the mean",
            "A single request took many times the median, and decides the mean and the p95 more than all others.",
            "",
        ),
        FindingKind(
            "not-repeated",
            6,
            "No warm-up, no repetition, no interval",
            "Two runs of the same build also differ, and this report does not show by how much.",
            "If you ran the same build twice, how far apart would the two figures be, and how do you know?",
        ),
        FindingKind(
            "total-differs",
            None,
            "The row of all requests contradicts the other rows",
            "The row Aggregated sums up the rows above it. Here it does not, so one of the figures is misread, mistyped"
            " or from another run.",
            "What do you get if you add up the rows yourself, and which figure does not belong here?",
        ),
        FindingKind(
            "table-of-other-route",
            None,
            "The table is of another route",
            "The heading above the table names one route, and the requests in the table are for another.",
            "Which route did the locustfile of this run request, and where is the table of the route in the heading?",
        ),
        FindingKind(
            "direction-denied",
            None,
            "The figures moved the other way",
            "The text names a change in one direction, and the tables show a change in the other.",
            "What was this figure before and after, and would you describe that change in the same words?",
        ),
        FindingKind(
            "columns-mixed",
            None,
            "The number is from another column",
            "A mean, a median and a percentile of the same requests are different numbers, and comparing one with"
            " another shows nothing about the route.",
            "Which column is each number from, and which column do you want to report?",
        ),
        FindingKind(
            "share-off",
            None,
            "The percentage does not follow from the figures",
            "Neither the time that was saved nor the gain in speed is this percentage.",
            "Which number was divided by which, and which two figures were used?",
        ),
        FindingKind(
            "error-rates-differ",
            None,
            "More requests failed on one side",
            "A failed request does less work, so its time is not the time of the route.",
            "What did the server answer to the failed requests, and how long would they have taken otherwise?",
        ),
        FindingKind(
            "responses-differ",
            None,
            "The answers are not of the same size",
            "The two builds did not return the same page, so one of them may have done less.",
            "What was on the page before the change that is not on it now, or the other way round?",
        ),
    )
}
"""All kinds by their codes, in the order of a report."""
FIRST_CONNECTION: Final = (
    "Which request of the run was it, and what does a client have to do for its first request to `localhost` that it"
    " does not repeat for later ones?"
)
"""The question for an outlier as long as a first connection to `localhost`."""
SLOWEST: Final = "Which request was it, and does it happen again when the run is repeated?"
"""The question for any other outlier."""
