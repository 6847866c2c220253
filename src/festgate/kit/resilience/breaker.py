"""The circuit breaker of a bulkhead (Nygard, "Release It!", 2007): closed, open, and half-open for trials."""

from collections import deque
from time import monotonic

import structlog

log = structlog.get_logger()

WINDOW = 10
"""Seconds over which failures are counted, in slices of one."""
MIN_FAILURES = 5
"""Minimum number of failures in a window for the circuit to open."""
FAILING_SHARE = 0.5
"""Minimum share of failures among the requests of a window for the circuit to open."""
MAX_HELD = 1.0
"""Seconds of a window for which a module's failures may block the event loop, and so all other requests."""
MIN_OPEN = 2.0
MAX_OPEN = 24.0
"""Seconds that the circuit stays open before a trial. Each failed trial doubles the time."""
TRIALS = 2
"""Consecutive successful trials that close the circuit."""
UNTRIED = 15.0
"""Seconds without a request after which an open circuit closes: holds must not stay paused for lack of visitors."""


class Breaker:
    """Counts the successes and failures of a module, and opens the circuit when most requests fail."""

    def __init__(self, name: str) -> None:
        """Start closed; `name` is the module's name for the log."""
        self.is_open = False
        self.why = ""
        self.successes = 0
        """Successful requests of this second."""
        self._name = name
        self._failures = 0
        self._held = 0.0
        self._slices: deque[tuple[int, int, float]] = deque(maxlen=WINDOW)
        self._open_for = MIN_OPEN
        self._until = 0.0
        self._tried = False
        self._passed = 0

    @property
    def left(self) -> float:
        """The seconds until the next trial may begin."""
        return max(0.0, self._until - monotonic())

    def admits_trial(self) -> bool:
        """Return whether a request may pass the open circuit as a trial: after the pause, and one at a time."""
        if self._tried or monotonic() < self._until:
            return False
        self._tried = True
        return True

    def succeeded(self, *, trial: bool) -> None:
        """Count a successful request; enough consecutive successful trials close the circuit."""
        if not trial:
            self.successes += 1
            return
        self._tried = False
        self._passed += 1
        if self._passed >= TRIALS:
            self._recover()

    def failed(self, why: str, *, trial: bool, held: float = 0.0) -> None:
        """Count a failed request, and open the circuit if most fail. `held` is how long it blocked the event loop."""
        self._failures += 1
        self._held += held
        if trial:
            self._open_for = min(MAX_OPEN, self._open_for * 2)
        else:
            failures = self._failures + sum(failures for _, failures, _ in self._slices)
            successes = self.successes + sum(successes for successes, _, _ in self._slices)
            blocked = self._held + sum(seconds for _, _, seconds in self._slices)
            failing = failures >= MIN_FAILURES and failures >= FAILING_SHARE * (successes + failures)
            if self.is_open or not (failing or blocked > MAX_HELD):
                return
            log.error("circuit opened", module=self._name, failed=failures, of=successes + failures, why=why)
        self.is_open, self.why = True, why
        self._tried, self._passed = False, 0
        self._until = monotonic() + self._open_for

    def ended_early(self, *, trial: bool) -> None:
        """Note a request that ended for a reason outside the module; it counts neither way."""
        if trial:
            self._tried = False

    def _recover(self) -> None:
        self.is_open, self.why = False, ""
        self._open_for = MIN_OPEN
        self.successes = self._failures = 0
        self._held = 0.0
        self._slices.clear()
        log.warning("circuit closed", module=self._name)

    def next_slice(self) -> None:
        """Begin the next second of the window; close an open circuit if no request has tried it for a while."""
        if self.is_open and not self._tried and monotonic() > self._until + UNTRIED:
            self._recover()
        self._slices.append((self.successes, self._failures, self._held))
        self.successes = self._failures = 0
        self._held = 0.0
