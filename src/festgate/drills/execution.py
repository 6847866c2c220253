"""Conducting drills while a crowd is there: a quiet window, then one drill after the other, each rolled back.

All drills that want the same portal share one run of the rehearsal's player. Moments are kept in seconds since 1970,
and become seconds of the run once it has ended.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from festgate.drills.machine import Machine, taken_by_others
from festgate.drills.monitor import RESTING, Look, Visit, Witness
from festgate.drills.plan import PAGES, Drill
from festgate.drills.portal import Refuses
from festgate.drills.stage import Checked, Stage
from festgate.effects import MAX_ARMED_SECONDS

SETTLE: Final = 0.5
"""Seconds before the quiet window, and between two drills: what was begun before has ended then."""
LOOK: Final = 0.1
"""Seconds between two looks whether the steady state holds again."""
SLACK: Final = 30.0
"""Seconds that a fault stays armed beyond its drill where nobody disarms it: the dead man's switch."""
MIN_SEEN: Final = 2.5
"""Seconds of a fault after the time that it may take to be contained: what is contained has to be seen for a while."""
START: Final = 5.0
"""Seconds that the first look at the steady state may take to be good: people are still coming in."""


@dataclass
class Act:
    """What was done and seen in one drill."""

    drill: Drill
    since: float = 0.0
    """When nothing of the drill before was left: what began earlier has nothing to do with this one."""
    armed: float = 0.0
    """When the first thing was done."""
    undone: float = 0.0
    """When everything had been rolled back."""
    ended: float = 0.0
    """When it was last looked at."""
    recovered: float | None = None
    """When the steady state held again; None where it did not in the time that it had."""
    done: list[tuple[float, str]] = field(default_factory=list)
    """What was done, and when."""
    refused: str = ""
    """Why it was not played; empty where it was."""
    astray: str = ""
    """What did not hold at the end; empty where all did."""
    before: Checked | None = None
    after: Checked | None = None
    looks: Sequence[Look] = ()
    visits: Sequence[Visit] = ()
    flooded: str = ""
    """What became of the requests of a flood, of a hostile client or of slow clients."""
    struck: tuple[int, ...] = ()
    """Workers that were sent a signal."""
    workers: int = 0
    """How many there were."""
    busy: float = 0.0
    """Share of the machine's cores that other programs had meanwhile."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Where the conductor is, for whoever looks on."""

    title: str
    number: int
    """Of the drill, from 1; 0 in the quiet window."""
    left: float
    """Seconds until all is over, at most."""


Told = Callable[[Phase], None]


class _Stopped(Exception):
    """Somebody asked the conductor to stop."""


class Conductor:
    """Plays `drills` on `stage` once `start` is called; `acts` and `quiet` tell what came of it."""

    def __init__(
        self, stage: Stage, drills: Sequence[Drill], quiet: float, lasts: float | None, told: Told
    ) -> None:
        """`quiet`: seconds of the window without a fault. `lasts`: of each fault; None for what its file says."""
        self._stage = stage
        self._drills = drills
        self._quiet = quiet
        self._lasts = lasts
        self._told = told
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="conductor", daemon=True)
        self._checked: Checked | None = None
        self.finished = threading.Event()
        self.began = threading.Event()
        self.error: BaseException | None = None
        self.quiet = (0.0, 0.0)
        """When the quiet window began and ended."""
        self.acts: list[Act] = []

    def start(self) -> None:
        """Begin, on a thread of its own: the crowd is there."""
        if not self.began.is_set():
            self.began.set()
            self._thread.start()

    def stop(self) -> None:
        """Roll back what is under way, and end."""
        self._stop.set()
        if self.began.is_set():
            self._thread.join()

    @property
    def longest(self) -> float:
        """Seconds that all of it may take."""
        return START + SETTLE + self._quiet + sum(map(self._longest, self._drills))

    def _longest(self, drill: Drill) -> float:
        length = max(self._length(drill), drill.tolerance.noticed or 0.0) + drill.settle
        return length + drill.tolerance.recovered + 2 * SETTLE

    def _length(self, drill: Drill) -> float:
        """Seconds from the first action to the rollback, at least: long enough for every action."""
        wanted = self._lasts or drill.lasts
        return max(wanted, *(step.at + 1.0 for step in drill.method), drill.tolerance.contained + MIN_SEEN)

    def _run(self) -> None:
        try:
            self._play()
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  (told to whoever started it, on another thread)
            self.error = error
        finally:
            self.finished.set()

    def _play(self) -> None:
        self._tell("Nothing is broken yet", 0)
        self._checked = self._stage.check()
        self._pause(SETTLE)
        began = time.time()
        self._pause(self._quiet)
        self.quiet = (began, time.time())
        for number, drill in enumerate(self._drills, start=1):
            self._tell(drill.title, number)
            act = Act(drill, before=self._checked, since=began)
            self.acts.append(act)
            self._drill(act)
            began = act.ended
            if act.astray:
                return  # what follows would begin on a portal that is not well
            self._pause(SETTLE)

    def _drill(self, act: Act) -> None:
        stage, drill = self._stage, act.drill
        act.refused = self._steady(drill, START)
        if act.refused:
            act.astray = act.refused
            return
        page = PAGES[drill.tolerance.struck or "catalogue"]
        with Machine() as machine, Witness(stage.portal, page, stage.workers) as witness:
            act.looks, act.visits = witness.looks, witness.visits
            stage.begin()
            act.armed = time.time()
            try:
                self._do(act)
            finally:
                stuck = stage.roll_back()
                act.undone = time.time()
            for step in drill.rollbacks:
                stage.do(step.action, 0.0)
                act.done.append((time.time(), step.name))
            self._pause(drill.settle)
            act.astray = stuck or self._steady(drill, drill.tolerance.recovered, page)
            act.ended = time.time()
            act.struck, act.workers = tuple(stage.struck), stage.count
            act.busy = taken_by_others(machine.seen, act.armed, act.undone)
            if not act.astray:
                act.recovered = act.ended
        act.after = self._checked = stage.check()

    def _do(self, act: Act) -> None:
        length = self._length(act.drill)
        for step in sorted(act.drill.method, key=lambda step: step.at):
            self._pause(act.armed + step.at - time.time())
            lasts = min(MAX_ARMED_SECONDS, max(length, act.drill.tolerance.noticed or 0.0) - step.at + SLACK)
            self._stage.do(step.action, lasts)
            act.done.append((time.time(), step.name))
        self._pause(act.armed + length - time.time())
        # A fault that is to be noticed stays until it is, as long as it may take: a time limit takes what it takes.
        noticed = act.drill.tolerance.noticed or 0.0
        while time.time() < act.armed + noticed + LOOK and not _is_noticed(act):
            self._pause(LOOK)
        crowd = self._stage.crowd
        if crowd is not None:
            act.flooded = (
                f"the crowd got {crowd.served:,} pages, was told {crowd.put_off:,} times to come back later,"
                f" and got no right answer {crowd.failed:,} times"
            )
        if self._stage.hostile is not None:
            act.flooded = self._stage.hostile.told()
        if self._stage.slow is not None:
            act.flooded = self._stage.slow.told

    def _steady(self, drill: Drill, seconds: float, page: str = "/") -> str:
        """What of the steady state does not hold after so many seconds; empty as soon as all of it does.

        `page` has to be served, too: a module that nobody has asked since may not know yet that it is well.
        """
        until = time.monotonic() + seconds
        while True:
            # `check` takes a second, and is made once when the drill has ended.
            wrong = next(
                (
                    f"{probe.name}: {said}"
                    for probe in drill.probes
                    if probe.probe != "check" and (said := self._stage.holds(probe))
                ),
                "",
            )
            if not wrong and not (answer := self._stage.portal.ask(page)).served:
                wrong = f"{page} answers {answer.status or 'nothing'}"
            if not wrong or time.monotonic() > until:
                return wrong
            self._pause(LOOK)

    def _tell(self, title: str, number: int) -> None:
        left = sum(map(self._longest, self._drills[max(number - 1, 0) :]))
        self._told(Phase(title, number, left if number else left + SETTLE + self._quiet))

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise _Stopped


def _is_noticed(act: Act) -> bool:
    unwell = any(not look.readiness.ready or look.readiness.ill() for look in act.looks)
    return unwell or any(visit.answer.status == RESTING for visit in act.visits)


__all__ = ["Act", "Conductor", "Phase", "Refuses", "Told"]
