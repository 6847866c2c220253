"""The circuit breaker of a bulkhead (Nygard, "Release It!", 2007): when a module rests, and when it is well again."""

from collections import deque
from time import monotonic

import structlog

log = structlog.get_logger()

WINDOW = 10
"""Seconds over which failures are counted, in slices of one."""
MIN_FAILURES = 5
"""Failures in a window before a module rests..."""
FAILING_SHARE = 0.5
"""...and their share of its requests."""
MAX_HELD = 1.0
"""Seconds of a window that a module's failures may hold the loop: everybody else has waited as long."""
MIN_REST = 2.0
MAX_REST = 24.0
"""Seconds. Each rest that a trial ends badly is followed by one twice as long."""
TRIALS = 2
"""Requests in a row that must go well before a module that rested is well again."""
UNTRIED = 15.0
"""Seconds after a rest in which nobody came: holds must not stand still for ever because nobody looks."""


class Breaker:
    """Counts how a module's requests end, and lets it rest when most fail."""

    def __init__(self, name: str) -> None:
        """Well, with nothing counted. `name` is the module's, for the log."""
        self.resting = False
        self.why = ""
        self.good = 0
        """Requests of this second that ended as they should."""
        self._name = name
        self._bad = 0
        self._held = 0.0
        self._slices: deque[tuple[int, int, float]] = deque(maxlen=WINDOW)
        self._rest = MIN_REST
        self._until = 0.0
        self._tried = False
        self._passed = 0

    @property
    def left(self) -> float:
        """Seconds until the next trial; 0 when it may begin."""
        return max(0.0, self._until - monotonic())

    def admits_trial(self) -> bool:
        """Whether a request may go in while the module rests: one at a time, once its rest is over."""
        if self._tried or monotonic() < self._until:
            return False
        self._tried = True
        return True

    def ended_well(self, *, trial: bool) -> None:
        """A request ended as it should; where it was a trial, one more of those that make the module well again."""
        if not trial:
            self.good += 1
            return
        self._tried = False
        self._passed += 1
        if self._passed >= TRIALS:
            self._recover()

    def failed(self, why: str, *, trial: bool, held: float = 0.0) -> None:
        """A request ended as none should; the module rests when that is the rule. `held`: seconds of the loop."""
        self._bad += 1
        self._held += held
        if trial:
            self._tried, self._passed = False, 0
            self._rest = min(MAX_REST, self._rest * 2)
            self._until = monotonic() + self._rest
            self.why = why
            return
        bad = self._bad + sum(bad for _, bad, _ in self._slices)
        good = self.good + sum(good for good, _, _ in self._slices)
        lost = self._held + sum(lost for _, _, lost in self._slices)
        failing = bad >= MIN_FAILURES and bad >= FAILING_SHARE * (good + bad)
        if not self.resting and (failing or lost > MAX_HELD):
            self.resting, self.why = True, why
            self._tried, self._passed = False, 0
            self._until = monotonic() + self._rest
            log.error("a module rests", module=self._name, failed=bad, of=good + bad, why=why)

    def undecided(self, *, trial: bool) -> None:
        """A request ended for a reason that is not the module's: a trial that it was has shown nothing."""
        if trial:
            self._tried = False

    def _recover(self) -> None:
        self.resting, self.why = False, ""
        self._rest = MIN_REST
        self.good = self._bad = 0
        self._held = 0.0
        self._slices.clear()
        log.warning("a module is well again", module=self._name)

    def next_slice(self) -> None:
        """A second has passed. Where nobody has come to try a module that rested, it is taken to be well again."""
        if self.resting and not self._tried and monotonic() > self._until + UNTRIED:
            self._recover()
        self._slices.append((self.good, self._bad, self._held))
        self.good = self._bad = 0
        self._held = 0.0
