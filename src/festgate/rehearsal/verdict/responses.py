"""The responses of both builds, compared step by step.

Detected: other shares of statuses (a redirect to the sign-in page), a page that lost or gained 2 % of its bytes in
every run, a page that is the same for every visitor on each side but differs between the sides, and a page that is the
same for every visitor on one side only. Where a page differs for each visitor on both sides, its content cannot be
compared: then the smallest and the largest responses have to be of the same size on both sides, and
`responses_not_compared` in flags.py reports the step. The journey's own checks count as failed requests.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from festgate.rehearsal.runs.samples import Floats, Integers
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.rehearsal.verdict.findings import percent
from festgate.rehearsal.verdict.observed import Observed, StepStats

MAX_STATUS_SHIFT: Final = 0.02
"""Share of a step's responses that have another status: one in fifty, like the size."""
MAX_SIZE_SHIFT: Final = 0.02
"""Relative difference of a step's mean size: a list of twenty rows that lost one differs by 5 %."""
SIZE_GRAIN: Final = 16
"""Bytes: a longer user name or a count with one more digit does not make another page."""
SHARED: Final = 0.9
"""Share of bodies that the runs of one side have in common. Above it, a step's page is the same for every visitor."""
MIN_FAMILIAR: Final = 0.1
"""Share of such a step's bodies that the other side has sent too. Below it, the page is another."""


def steps_of(side: Sequence[Observed], name: str) -> list[StepStats]:
    """Return the step in each of the runs that have it."""
    return [observed.steps[name] for observed in side if name in observed.steps]


def failing_share(side: Sequence[StepStats]) -> float:
    """Return the share of a step's requests that failed; 0 without requests."""
    requests = sum(step.requests for step in side)
    return sum(step.failed for step in side) / requests if requests else 0.0


def difference(before: list[StepStats], after: list[StepStats]) -> str:
    """Return the figure that shows that a step's responses differ between the sides, or an empty text."""
    return _other_statuses(before, after) or _other_size(before, after) or _other_page(before, after)


def recurring(side: list[StepStats]) -> list[float]:
    """Return, for each run of a side, the share of its accepted bodies that other runs of the side have, too."""
    bodies, runs = np.unique(np.concatenate([step.bodies for step in side]), return_counts=True)
    again = bodies[runs > 1]
    return [_share_in([step], again) for step in side]


def are_compared(before: list[StepStats], after: list[StepStats]) -> bool:
    """Return whether enough of a step's pages are the same for every visitor, so that their content is compared."""
    return min(*recurring(before), *recurring(after)) >= SHARED


def _other_statuses(before: list[StepStats], after: list[StepStats]) -> str:
    first, second = _statuses(before), _statuses(after)
    moved = {status: second.get(status, 0.0) - first.get(status, 0.0) for status in first | second}
    # `error_rates_differ` covers failures on one side only, with the limit that the metric needs.
    moved = {status: share for status, share in moved.items() if 0 < status < 400}  # noqa: PLR2004  (client errors)
    status = max(moved, key=lambda code: abs(moved[code]), default=0)
    errors = abs(failing_share(after) - failing_share(before))
    if not moved or abs(moved[status]) - errors <= MAX_STATUS_SHIFT:
        return ""
    return f"status {status} in {percent(first.get(status, 0.0))} / {percent(second.get(status, 0.0))} of its responses"


def _statuses(side: list[StepStats]) -> dict[int, float]:
    total = sum(step.requests for step in side)
    statuses = {status for step in side for status in step.statuses}
    return {status: sum(step.statuses.get(status, 0) for step in side) / total for status in statuses}


def _other_size(before: list[StepStats], after: list[StepStats]) -> str:
    first, second = (np.array([step.size for step in side if step.times.size]) for side in (before, after))
    figure = _other_bytes(first, second)
    return f"{figure} bytes" if figure else ""


def _other_bytes(first: Floats, second: Floats) -> str:
    if not len(first) or not len(second):
        return ""
    low, high = sorted((float(np.median(first)), float(np.median(second))))
    apart = first.max() < second.min() or second.max() < first.min()
    if not apart or high - low <= max(MAX_SIZE_SHIFT * low, SIZE_GRAIN):
        return ""
    return f"{np.median(first):,.0f} / {np.median(second):,.0f}"


def _other_page(before: list[StepStats], after: list[StepStats]) -> str:
    if min(len(before), len(after)) < 2:  # noqa: PLR2004  (no second run in which a body could recur)
        return ""
    ours, theirs = recurring(before), recurring(after)
    repeated = min(*ours, *theirs)
    if repeated >= SHARED:
        across = min(_share_in(after, _bodies(before)), _share_in(before, _bodies(after)))
        return (
            f"{percent(across)} of its bodies occur on both sides, though {percent(repeated)} recur on one side"
            if across < MIN_FAMILIAR
            else ""
        )
    if (min(ours) >= SHARED and max(theirs) < MIN_FAMILIAR) or (
        min(theirs) >= SHARED and max(ours) < MIN_FAMILIAR
    ):
        shares = " / ".join(percent(float(np.median(side))) for side in (ours, theirs))
        return f"{shares} of its bodies recur in other runs of their side"
    return _other_band(before, after)


def _other_band(before: list[StepStats], after: list[StepStats]) -> str:
    """Compare the sizes of the smallest and of the largest responses: an error page may have the mean size."""
    if min(len(before), len(after)) < MIN_PAIRS:
        return ""
    for place, name in enumerate(("smallest", "largest")):
        first, second = (
            np.array([step.band[place] for step in side if step.times.size]) for side in (before, after)
        )
        figure = _other_bytes(first, second)
        if figure:
            return f"the {name} twentieth of its bodies has {figure} bytes"
    return ""


def _bodies(side: list[StepStats]) -> Integers:
    return np.unique(np.concatenate([step.bodies for step in side]))


def _share_in(side: list[StepStats], known: Integers) -> float:
    total = sum(int(step.times.sum()) for step in side)
    shared = sum(int(step.times[np.isin(step.bodies, known, assume_unique=True)].sum()) for step in side)
    return shared / total if total else 1.0
