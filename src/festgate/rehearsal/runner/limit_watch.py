"""The limits of a run, checked during the run, for a run that ends early if one is broken."""

import time
from typing import Final

from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.summary import limits_so_far

PAUSE: Final = 20.0
"""Pause between two checks, as a multiple of the last check's duration: checks take a few per cent of a core."""


class LimitWatch:
    """A check of the limits from `delay` seconds after the warm-up on; none if `delay` is None."""

    def __init__(self, run: Run, delay: float | None) -> None:
        """Check the requests that are recorded in the run's folder."""
        self._run = run
        self._next = None if delay is None else run.plan.warm_up + delay

    def broken(self, at: float) -> str:
        """Return a limit that is broken at that second of the run, with its value; empty if there is none.

        A limit without a request, or with too few for its percentile, is not broken yet.
        """
        measured = at - self._run.plan.warm_up
        if self._next is None or at < self._next or measured <= 0:
            return ""
        began = time.monotonic()
        for limit in limits_so_far(self._run, at):
            if limit.broken_so_far and limit.metric is not None:
                return f"{limit.text} was not met after {measured:g} s ({limit.metric.shown(limit.value)})"
        self._next = at + PAUSE * (time.monotonic() - began)
        return ""
