"""The findings of a verification, in addition to the verdicts on the routes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MEANINGS: Final[Mapping[str, str]] = {
    "load-changed": "The load's requests were changed. That has no effect: verification uses the original locustfiles.",
    "wait-changed": "The wait time of the load was changed. That changes RPS, but makes no page faster.",
    "host-changed": "The host of the load was changed. With `localhost` the first request of a run may take 2 s longer"
    " than with 127.0.0.1: that improves the average and the maximum, but makes no page faster.",
    "person-changed": "The load requests the pages of another person, or of several. Their pages may be shorter, which"
    " is no improvement of the code.",
    "requests-rejected": "The load leaves out the person, so that each request is rejected before any work is done.",
    "grouping-changed": "The rows of Locust's statistics were changed. One row per request shows no averages, and one"
    " row for several pages mixes them.",
    "errors-swallowed": "The load counts failed responses as successes, so failures do not show.",
    "load-equivalent": "A locustfile was changed, and its figures mean the same as before.",
    "load-broken": "A locustfile does not run or sends no requests. Verification uses the original.",
    "load-unrecorded": "A locustfile was changed. It could not be run here, so it was only read.",
    "load-missing": "A locustfile is missing. Verification uses the original.",
    "baseline-changed": "The student compared the app with changed code. Verification compares it with the starter.",
    "crash-left": "The planted crash is still there.",
    "crash-hidden": "The code still divides by zero: the error is caught, not fixed.",
    "fails-at-once": "The page rejects the request before it does any work, so it looks fast.",
    "rows-dropped": "The page shows fewer rows than there are.",
    "constant-page": "The page shows earlier data instead of what is in the database now.",
    "shared-answer": "The page of one person is shown to another.",
    "fixed-total": "The total stays the same when the fees change.",
    "answers-differ": "The page's response differs from the starter's.",
    "others-differ": "The response of a page outside the exercise differs from the starter's.",
    "grows-faster": "The work grows faster with the number of rows than the starter's does.",
    "work-elsewhere": "Less of its own code ran, but it is not faster: the work moved to where it is not counted.",
    "time-without-work": "The page is faster without doing less work. A teacher should check how.",
    "busy-without-requests": "The app works while there is no request, so its counts include more than requests.",
    "gone": "The app exited or stopped responding during the verification.",
}
"""The meaning of each finding, by its code."""


@dataclass(frozen=True, slots=True)
class SubmissionFinding:
    """An observation about a submission, with the evidence."""

    code: str
    route: str
    """`/events`; empty for the whole submission."""
    evidence: str
    """The place and the evidence."""

    @property
    def meaning(self) -> str:
        """Return the meaning in one or two sentences."""
        return MEANINGS[self.code]
