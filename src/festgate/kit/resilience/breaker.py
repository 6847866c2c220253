"""The circuit breaker of a bulkhead (Nygard, "Release It!", 2007): closed, open, and half-open for trials."""

from collections import deque
from time import monotonic

import structlog

log = structlog.get_logger()

WINDOW = 10
"""Seconds over which failures are counted, in slices of one."""
MIN_FAILURES = 5
"""Failures in a window before the circuit opens..."""
FAILING_SHARE = 0.5
"""...and their share of its requests."""
MAX_HELD = 1.0
"""Seconds of a window that a module's failures may hold the loop: all other requests have waited as long."""
MIN_OPEN = 2.0
MAX_OPEN = 24.0
"""Seconds that the circuit stays open before a trial. Each failed trial doubles the time."""
TRIALS = 2
"""Successful trials in a row that close the circuit."""
UNTRIED = 15.0
"""Seconds without a request after which an open circuit closes: holds must not stay paused for lack of visitors."""


class Breaker:
    """Counts how a module's requests end, and opens when most fail."""

    def __init__(self, name: str) -> None:
        """Start closed, with nothing counted. `name` is the module's, for the log."""
        self.is_open = False
        self.why = ""
        self.good = 0
        """Requests of this second that ended as they should."""
        self._name = name
        self._bad = 0
        self._held = 0.0
        self._slices: deque[tuple[int, int, float]] = deque(maxlen=WINDOW)
        self._open_for = MIN_OPEN
        self._until = 0.0
        self._tried = False
        self._passed = 0

    @property
    def left(self) -> float:
        """Return the seconds until the next trial; 0 when it may begin."""
        return max(0.0, self._until - monotonic())

    def admits_trial(self) -> bool:
        """Return whether a request may pass the open circuit as a trial: one at a time, once its time is over."""
        if self._tried or monotonic() < self._until:
            return False
        self._tried = True
        return True

    def ended_well(self, *, trial: bool) -> None:
        """Count a request that ended as it should; enough trials in a row close the circuit."""
        if not trial:
            self.good += 1
            return
        self._tried = False
        self._passed += 1
        if self._passed >= TRIALS:
            self._recover()

    def failed(self, why: str, *, trial: bool, held: float = 0.0) -> None:
        """Count a failed request, and open the circuit when most fail. `held`: seconds of the loop."""
        self._bad += 1
        self._held += held
        if trial:
            self._tried, self._passed = False, 0
            self._open_for = min(MAX_OPEN, self._open_for * 2)
            self._until = monotonic() + self._open_for
            self.why = why
            return
        bad = self._bad + sum(bad for _, bad, _ in self._slices)
        good = self.good + sum(good for good, _, _ in self._slices)
        lost = self._held + sum(lost for _, _, lost in self._slices)
        failing = bad >= MIN_FAILURES and bad >= FAILING_SHARE * (good + bad)
        if not self.is_open and (failing or lost > MAX_HELD):
            self.is_open, self.why = True, why
            self._tried, self._passed = False, 0
            self._until = monotonic() + self._open_for
            log.error("circuit opened", module=self._name, failed=bad, of=good + bad, why=why)

    def undecided(self, *, trial: bool) -> None:
        """Note a request that ended for a reason outside the module: as a trial it has shown nothing."""
        if trial:
            self._tried = False

    def _recover(self) -> None:
        self.is_open, self.why = False, ""
        self._open_for = MIN_OPEN
        self.good = self._bad = 0
        self._held = 0.0
        self._slices.clear()
        log.warning("circuit closed", module=self._name)

    def next_slice(self) -> None:
        """Begin the next second of the window; close a circuit that no request has tried for a while."""
        if self.is_open and not self._tried and monotonic() > self._until + UNTRIED:
            self._recover()
        self._slices.append((self.good, self._bad, self._held))
        self.good = self._bad = 0
        self._held = 0.0
