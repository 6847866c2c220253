"""Bulkheads: what keeps one module's trouble inside it.

A monolith shares one process and one loop. Each module passes through a bulkhead of its own, which holds four things:

- a **budget** of requests inside at once: what comes above it is told so at once, and the others have the process;
- **turns**: in one turn of the loop a module has a few milliseconds; what is left of its crowd comes in the next turn,
  after everybody else's, so a flood waits for itself (fair queueing, as of packets: Demers, Keshav and Shenker 1989);
- a **time limit**, after which a request is ended and answered;
- a **circuit breaker** (Nygard, "Release It!", 2007): a module that fails most of the time rests, and costs nothing
  while it does, until a trial shows that it is well again. Holding the loop is a failure, too.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal, TypeVar

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from festgate.kit import faults
from festgate.kit.errors import Refused, Resting, Unavailable
from festgate.kit.pulse import Pulse, resumed

log = structlog.get_logger()

A = TypeVar("A")
R = TypeVar("R")

QUANTUM = 0.005
"""Seconds of one turn of the loop that one module has to itself: fifty pages from memory, or a few others."""
COUNTED = 0.0025
"""Seconds that a module computes, in this turn or in several, before the end of the turn is asked for: half a quantum, so
that it has at least the other half. To be told of it costs the loop a round of its own, which was more than a third of
what bulkheads take for a page from memory when it was asked for after a tenth."""
HELD = 0.1
"""Seconds of the loop without a pause that count as a failure: a page takes a hundredth of that."""
WINDOW = 10
"""Seconds over which failures are counted, in slices of one."""
LEAST_FAILURES = 5
"""Failures in a window before a module rests..."""
FAILING_SHARE = 0.5
"""...and their share of its requests."""
MOST_HELD = 1.0
"""Seconds of a window that a module's failures may hold the loop: everybody else has waited as long."""
SHORTEST_REST = 2.0
LONGEST_REST = 24.0
"""Seconds. Each rest that a trial ends badly is followed by one twice as long."""
TRIALS = 2
"""Requests in a row that must go well before a module that rested is well again."""
UNTRIED = 15.0
"""Seconds after a rest in which nobody came: holds must not stand still for ever because nobody looks."""
TICK = 0.25
"""Seconds between two looks for requests whose time is over."""

ABSENT_FOR = 60
"""Seconds after which to ask again for a module that is not there: somebody has to mend it."""
FULL = "has more visitors than it can serve just now. Please try again in a moment."
PROBLEM = "has a problem and rests for a moment; the rest of the fest goes on."
TOO_SLOW = "took too long to answer. Look whether it was done before you ask for it again."

State = Literal["well", "resting", "absent"]


@dataclass(frozen=True)
class Budget:
    """What one module may take of the process."""

    requests: int
    """Inside at the same time, those that wait for their turn among them."""
    seconds: float
    """That one request may take."""


class Breaker:
    """Counts how a module's requests end, and lets it rest when most fail."""

    def __init__(self, name: str) -> None:
        """Well, with nothing counted. `name` is the module's, for the log."""
        self.resting = False
        self.why = ""
        self.good = 0
        """Requests of this second that ended as they should; counted by whoever runs them, since that is cheap."""
        self._name = name
        self._bad = 0
        self._held = 0.0
        self._slices: deque[tuple[int, int, float]] = deque(maxlen=WINDOW)
        self._rest = SHORTEST_REST
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

    def passed(self) -> None:
        """A trial went well."""
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
            self._rest = min(LONGEST_REST, self._rest * 2)
            self._until = monotonic() + self._rest
            self.why = why
            return
        bad = self._bad + sum(bad for _, bad, _ in self._slices)
        good = self.good + sum(good for good, _, _ in self._slices)
        lost = self._held + sum(lost for _, _, lost in self._slices)
        failing = bad >= LEAST_FAILURES and bad >= FAILING_SHARE * (good + bad)
        if not self.resting and (failing or lost > MOST_HELD):
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
        self._rest = SHORTEST_REST
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


class Bulkhead:
    """One module's: every request of its passes through `run`."""

    def __init__(self, name: str, title: str, budget: Budget, pulse: Pulse, keeps: str = "") -> None:
        """`title` is the module's name for people, `keeps` a sentence on what its rest leaves untouched."""
        self.name = name
        self.title = title
        self.keeps = keeps
        self.budget = budget
        self.breaker = Breaker(name)
        self.pulse = pulse
        self.absent = ""
        """Why the module is not there at all; empty when it is."""
        self.details = ""
        """The error that keeps it away, and where in the code, for whoever mends it."""
        self._point = f"module.{name}"
        self._inside: dict[asyncio.Task[Any], float] = {}
        """When each began that has had to wait for anything, the longest inside first."""
        self._overdue: set[asyncio.Task[Any]] = set()
        self._queue: deque[asyncio.Future[None]] = deque()
        """Those that wait for the loop's next turn."""
        self._turn = -1
        self._spent = 0.0
        """Seconds of that turn."""
        self._entered = 0
        """Requests in that turn."""

    @property
    def state(self) -> State:
        """How the module is."""
        if self.absent:
            return "absent"
        if not self.breaker.resting:
            return "well"
        return "resting"

    @property
    def why(self) -> str:
        """What is wrong with it; empty while nothing is."""
        return self.absent or self.breaker.why

    def resting(self) -> bool:
        """Whether it answers nobody now, or only on trial."""
        return bool(self.absent) or self.breaker.resting

    async def run(  # noqa: C901, PLR0912, PLR0915  (every request passes here, and a call is a tenth of what it costs)
        self, work: Callable[[A], Awaitable[R]], argument: A
    ) -> R:
        """What `work(argument)` gives. Raises Resting for what the module cannot answer, and its own Refused."""
        breaker = self.breaker
        trial = breaker.resting
        if trial and not breaker.admits_trial():
            raise self.refusal()
        if len(self._inside) >= self.budget.requests:
            raise self._full(trial=trial)
        pulse = self.pulse
        task: asyncio.Task[Any] | None = None
        waits = -1
        try:
            if self._queue or (self._spent > QUANTUM and self._turn == pulse.turn):
                task = self._count_in(monotonic())
                await self._wait_for_turn()
            if self._turn != pulse.turn:
                self._turn, self._spent, self._entered = pulse.turn, 0.0, 0
            self._entered += 1
            waits, entered = pulse.waits, monotonic()
            if faults.armed:
                work = self._struck(work)
            steps = work(argument).__await__()
            # The first step by hand: most requests need no other, and whoever never waits is never seen inside.
            try:
                awaited = next(steps)
            except StopIteration as done:
                answer: R = done.value
            else:
                pulse.waits += 1
                if task is None:
                    task = self._count_in(entered)
                answer = await resumed(steps, awaited)
        except asyncio.CancelledError:
            self._end_cancelled(task, trial=trial)
            raise
        except Exception as error:
            spent = monotonic() - entered if waits == pulse.waits else 0.0
            self._end_raised(error, spent, trial=trial)
            raise
        finally:
            if task is not None:
                del self._inside[task]
                self._overdue.discard(task)
        if waits == pulse.waits:  # nothing else ran meanwhile: all of this was the loop's time
            spent = monotonic() - entered
            self._spent += spent
            if self._spent > COUNTED and not pulse.counting:
                pulse.count()
            if spent > HELD and self._held(spent, trial=trial):
                return answer
        if trial:
            breaker.passed()
        else:
            breaker.good += 1
        return answer

    def _count_in(self, began: float) -> asyncio.Task[Any]:
        """This request is inside from now on, until its task is taken out again."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (requests run in tasks)
        self._inside[task] = began
        return task

    def _struck(self, work: Callable[[A], Awaitable[R]]) -> Callable[[A], Awaitable[R]]:
        """The same work behind the fault that a drill may have armed for this module."""

        async def behind_fault(argument: A) -> R:
            await faults.linger(self._point)
            return await work(argument)

        return behind_fault

    def _held(self, spent: float, *, trial: bool) -> bool:
        """Whether the code held the loop for too long, and not the machine the code; then that is a failure."""
        held = self.pulse.computed() > HELD
        if held:
            self.breaker.failed(f"A request held the loop for {spent:.2f} s.", trial=trial, held=spent)
        return held

    def _full(self, *, trial: bool) -> Resting:
        self.breaker.undecided(trial=trial)
        return Resting(self.name, f"{self.title} is full", f"{self.title} {FULL}", "", 2)

    def _end_cancelled(self, task: asyncio.Task[Any] | None, *, trial: bool) -> None:
        if task is None or task not in self._overdue:  # the visitor went away, or the process ends
            self.breaker.undecided(trial=trial)
            return
        task.uncancel()
        log.warning("a request took too long", module=self.name, limit=self.budget.seconds)
        self.breaker.failed(f"A request took more than {self.budget.seconds:g} s.", trial=trial)
        raise self.refusal(done=False) from None

    def _end_raised(self, error: Exception, spent: float, *, trial: bool) -> None:
        if isinstance(error, Unavailable | ClientDisconnect):
            self.breaker.undecided(trial=trial)
        elif not isinstance(error, Refused | HTTPException):
            # The page says what to do; the whole story is for the log.
            log.error("a bug", module=self.name, exc_info=error)
            self.breaker.failed(f"{type(error).__name__}: {error}", trial=trial)
            raise self.refusal() from error
        elif spent > HELD and self._held(spent, trial=trial):
            pass
        elif trial:
            self.breaker.passed()
        else:
            self.breaker.good += 1

    async def _wait_for_turn(self) -> None:
        """Come back in a later turn of the loop, in the order of arrival."""
        loop = asyncio.get_running_loop()
        if not self._queue:
            loop.call_soon(self._send_in, loop, max(1, self._entered))
        waiter = loop.create_future()
        self._queue.append(waiter)
        await waiter

    def _send_in(self, loop: asyncio.AbstractEventLoop, fitting: int) -> None:
        """All that was ready in this turn has run: as many as fitted into a quantum go into the next."""
        left = fitting
        while self._queue and left:
            waiter = self._queue.popleft()
            if not waiter.done():  # who gave up while they waited is passed over
                waiter.set_result(None)
                left -= 1
        if self._queue:
            loop.call_soon(self._send_in, loop, fitting)

    def refusal(self, *, done: bool = True) -> Resting:
        """What a visitor is told. Without `done` it is not known whether what they asked for was done."""
        problem = f"{self.title} {PROBLEM if done else TOO_SLOW}"
        left = ABSENT_FOR if self.absent else math.ceil(self.breaker.left)
        return Resting(self.name, f"{self.title} is resting", problem, self.keeps, max(1, left))

    def end_overdue(self, now: float) -> None:
        """End the requests whose time is over."""
        for task, started in self._inside.items():
            if now - started < self.budget.seconds:
                break
            if task not in self._overdue:
                self._overdue.add(task)
                task.cancel()


class Unguarded(Bulkhead):
    """The same door with nothing in it: whatever happens inside happens to everybody."""

    async def run(self, work: Callable[[A], Awaitable[R]], argument: A) -> R:
        """What `work(argument)` gives, or raises."""
        if faults.armed:
            await faults.linger(self._point)
        return await work(argument)


async def look_after(bulkheads: Iterable[Bulkhead]) -> None:
    """End what takes too long and let old failures be forgotten, until cancelled."""
    kept = tuple(bulkheads)
    slice_ends = monotonic() + 1
    while True:
        await asyncio.sleep(TICK)
        now = monotonic()
        for bulkhead in kept:
            bulkhead.pulse.beat()
            bulkhead.end_overdue(now)
        if now >= slice_ends:
            slice_ends = now + 1
            for bulkhead in kept:
                bulkhead.breaker.next_slice()
