"""The execution of drills beside a crowd: a quiet window, then one drill after another, each rolled back.

All drills that need the same portal share one run of the load test. Moments are kept in seconds since the epoch, and
are converted to seconds of the run once it has ended.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from festgate.drills.machine import Machine, taken_by_others
from festgate.drills.monitor import UNAVAILABLE, Monitor, PageSample, ReadinessSample
from festgate.drills.plan import PAGES, Drill
from festgate.drills.portal import is_served
from festgate.drills.stage import CheckResult, Stage
from festgate.effects import MAX_ARMED_SECONDS

PAUSE: Final = 0.5
"""Seconds before the quiet window and between two drills, in which earlier requests end."""
POLL: Final = 0.1
"""Seconds between two checks of the steady state."""
ARMED_MARGIN: Final = 30.0
"""Seconds that a fault stays armed beyond its drill if nothing disarms it: the dead man's switch."""
MIN_OBSERVED: Final = 2.5
"""Seconds to observe a fault after the time in which it may still spread, so that its containment can be measured."""
MAX_START: Final = 5.0
"""Seconds for the steady state to hold before the first drill, while the crowd is still arriving."""


@dataclass
class Journal:
    """The record of one drill: its activities, and what was measured meanwhile."""

    drill: Drill
    since: float = 0.0
    """When the previous drill had ended. Earlier requests do not count for this one."""
    armed: float = 0.0
    """When the first action was done."""
    rolled_back: float = 0.0
    """When everything had been rolled back."""
    ended: float = 0.0
    """When the last check had ended."""
    recovered: float | None = None
    """When the steady state held again; None if it did not in the time allowed."""
    activities: list[tuple[float, str]] = field(default_factory=list)
    """When an action was done, and its name."""
    refused: str = ""
    """Why the drill was not run; empty if it was."""
    deviation: str = ""
    """The part of the steady state that did not hold at the end; empty if all of it did."""
    before: CheckResult | None = None
    after: CheckResult | None = None
    readiness: Sequence[ReadinessSample] = ()
    pages: Sequence[PageSample] = ()
    clients: str = ""
    """What happened to the requests of a flood, a hostile client or slow clients."""
    signalled: tuple[int, ...] = ()
    """The workers that received a signal."""
    workers: int = 0
    """The number of workers before the drill."""
    busy: float = 0.0
    """The share of the machine's cores that other programs used meanwhile."""


@dataclass(frozen=True, slots=True)
class Phase:
    """The progress of the execution, for a display."""

    title: str
    number: int
    """The drill's number, from 1; 0 in the quiet window."""
    left: float
    """Seconds until all drills have ended, at most."""


ShowPhase = Callable[[Phase], None]


class _Stopped(Exception):
    """The execution was asked to stop."""


class Execution:
    """Drills that run on a thread after `start` is called; `journals` and `quiet` are the result."""

    def __init__(
        self, stage: Stage, drills: Sequence[Drill], quiet: float, lasts: float | None, show: ShowPhase
    ) -> None:
        """Take the seconds of the quiet window, and of each fault; None for the time in its drill file."""
        self._stage = stage
        self._drills = drills
        self._quiet = quiet
        self._lasts = lasts
        self._show = show
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drills", daemon=True)
        self._checked: CheckResult | None = None
        self.finished = threading.Event()
        self.error: BaseException | None = None
        self.quiet = (0.0, 0.0)
        """When the quiet window began and ended."""
        self.journals: list[Journal] = []

    def start(self) -> None:
        """Begin once the crowd is present. Later calls do nothing."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """Roll back the current drill, and end."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def max_seconds(self) -> float:
        """The longest time that all drills may take."""
        return MAX_START + PAUSE + self._quiet + sum(map(self._max_seconds, self._drills))

    def _max_seconds(self, drill: Drill) -> float:
        tolerance = drill.tolerance
        length = max(self._length(drill), tolerance.noticed_within or 0.0) + drill.settle
        return length + tolerance.recovered_within + 2 * PAUSE

    def _length(self, drill: Drill) -> float:
        """Return the minimum seconds from the first action to the rollback, enough for every action."""
        return max(
            self._lasts or drill.lasts,
            *(activity.at + 1.0 for activity in drill.method),
            drill.tolerance.contained_within + MIN_OBSERVED,
        )

    def _run(self) -> None:
        try:
            self._run_all()
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  (the thread that started this one raises it)
            self.error = error
        finally:
            self.finished.set()

    def _run_all(self) -> None:
        self._show_phase("No fault is injected yet", 0)
        self._checked = self._stage.check()
        self._pause(PAUSE)
        began = time.time()
        self._pause(self._quiet)
        self.quiet = (began, time.time())
        for number, drill in enumerate(self._drills, start=1):
            self._show_phase(drill.title, number)
            journal = Journal(drill, before=self._checked, since=began)
            self.journals.append(journal)
            self._run_drill(journal)
            began = journal.ended
            if journal.deviation:
                return  # otherwise the next drill would begin on an unhealthy portal
            self._pause(PAUSE)

    def _run_drill(self, journal: Journal) -> None:
        stage, drill = self._stage, journal.drill
        journal.refused = self._await_steady_state(drill, MAX_START)
        if journal.refused:
            journal.deviation = journal.refused
            return
        page = PAGES[drill.tolerance.faulted or "catalogue"]
        with Machine() as machine, Monitor(stage.portal, page, stage.workers) as monitor:
            journal.readiness, journal.pages = monitor.readiness, monitor.pages
            stage.begin()
            journal.armed = time.time()
            try:
                self._run_method(journal)
            finally:
                problem = stage.roll_back()
                journal.rolled_back = time.time()
            for activity in drill.rollbacks:
                stage.do(activity.action, 0.0)
                journal.activities.append((time.time(), activity.name))
            self._pause(drill.settle)
            recovered_within = drill.tolerance.recovered_within
            journal.deviation = problem or self._await_steady_state(drill, recovered_within, page)
            journal.ended = time.time()
            journal.signalled, journal.workers = tuple(stage.signalled), stage.count
            journal.busy = taken_by_others(machine.samples, journal.armed, journal.rolled_back)
            if not journal.deviation:
                journal.recovered = journal.ended
        journal.after = self._checked = stage.check()

    def _run_method(self, journal: Journal) -> None:
        length = self._length(journal.drill)
        noticed_within = journal.drill.tolerance.noticed_within or 0.0
        for activity in sorted(journal.drill.method, key=lambda activity: activity.at):
            self._pause(journal.armed + activity.at - time.time())
            lasts = max(length, noticed_within) - activity.at + ARMED_MARGIN
            self._stage.do(activity.action, min(MAX_ARMED_SECONDS, lasts))
            journal.activities.append((time.time(), activity.name))
        self._pause(journal.armed + length - time.time())
        # A fault that the portal has to report stays until it is reported: a request may first have to reach its time
        # limit.
        while time.time() < journal.armed + noticed_within + POLL and not _is_noticed(journal):
            self._pause(POLL)
        journal.clients = "; ".join(clients.summary for clients in self._stage.clients)

    def _await_steady_state(self, drill: Drill, seconds: float, page: str = "/") -> str:
        """Wait until the steady state holds; return the part that does not after `seconds`, or an empty string.

        `page` has to be served, too: without a request, an open circuit is not tried again.
        """
        until = time.monotonic() + seconds
        while True:
            deviation = self._deviation(drill)
            if not deviation and not is_served(response := self._stage.portal.get(page)):
                deviation = f"{page} returns {response.status or 'no response'}"
            if not deviation or time.monotonic() > until:
                return deviation
            self._pause(POLL)

    def _deviation(self, drill: Drill) -> str:
        for probe in drill.steady_state.probes:
            # The probe `check` takes a second, and runs once when the drill has ended.
            if probe.probe != "check" and (deviation := self._stage.deviation(probe)):
                return f"{probe.name}: {deviation}"
        return ""

    def _show_phase(self, title: str, number: int) -> None:
        left = sum(map(self._max_seconds, self._drills[max(number - 1, 0) :]))
        self._show(Phase(title, number, left if number else left + PAUSE + self._quiet))

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise _Stopped


def _is_noticed(journal: Journal) -> bool:
    unhealthy = any(sample.readiness.unhealthy() for sample in journal.readiness)
    return unhealthy or any(sample.response.status == UNAVAILABLE for sample in journal.pages)
