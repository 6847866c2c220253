"""Bulkheads: what keeps one module's trouble inside it.

A monolith shares one process and one loop. Each module passes through a bulkhead of its own, which holds four things:

- a **budget** of requests inside at once: what comes above it is told so at once, and the others have the process;
- **turns**: in one turn of the loop a module has a few milliseconds; what is left of its crowd comes in the next turn,
  after everybody else's, so a flood waits for itself (fair queueing, as of packets: Demers, Keshav and Shenker 1989);
- a **time limit**, after which a request is ended and answered;
- a **circuit breaker** (Nygard, "Release It!", 2007): a module that fails most of the time is cut off, and costs
  nothing until a trial shows that it is healthy again. Holding the loop is a failure, too.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from dataclasses import dataclass
from time import monotonic
from types import coroutine
from typing import Any, Final, Literal, TypeAlias, TypeVar

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from festgate.kit.errors import ModuleUnavailable, Refused, Unavailable
from festgate.kit.resilience import faults
from festgate.kit.resilience.breaker import Breaker
from festgate.kit.resilience.pulse import Pulse, resumed

log = structlog.get_logger()

A = TypeVar("A")
R = TypeVar("R")
Work: TypeAlias = Callable[[A], Coroutine[Any, Any, R]]
Rest: TypeAlias = Awaitable[None]

QUANTUM = 0.010
"""Seconds of one turn of the loop that one module has to itself: fifty pages from memory, or a few others. Nobody sees
that long a wait, and sixteen people who ask without a pause fit in. With half of it they had to wait for turns, and
bulkheads took 3 % of what a page takes; now they take 1 to 2 %."""
COUNTED = 0.005
"""Seconds that a module computes, in this turn or in several, before the end of the turn is asked for. To be told of it
costs the loop a round of its own."""
HELD = 0.1
"""Seconds of the loop without a pause that count as a failure: a page takes a hundredth of that."""
TICK = 0.25
"""Seconds between two looks for requests whose time is over."""

ABSENT_FOR = 60
"""Seconds after which to ask again for a module that is not there: somebody has to mend it."""
FULL = "has too many visitors at the moment. Please try again shortly."
PROBLEM = "is temporarily unavailable. Everything else works as usual."
TOO_SLOW = "took too long to answer. Check whether it was done before you try again."

State = Literal["well", "resting", "absent"]


@dataclass(frozen=True)
class Budget:
    """What one module may take of the process."""

    requests: int
    """Inside at the same time, those that wait for their turn among them."""
    seconds: float
    """That one request may take."""


_ENDED: Final = object()


@dataclass(slots=True)
class _Entry:
    """A request that could not just walk through."""

    trial: bool
    """Whether it is a trial of a module whose circuit is open."""
    task: asyncio.Task[Any] | None = None
    """Where it has had to wait for anything."""


_THROUGH: Final = _Entry(trial=False)
"""All the others."""


@coroutine
def _put(answer: list[R], work: Work[A, R], argument: A) -> Generator[Any, Any, None]:
    """What `work` gives, into the list.

    Where a coroutine returns something, its last step ends with an exception, and that takes as long as all the rest.
    A generator, since that can be stepped as it is: a coroutine would need an iterator made of it first.
    """
    answer.append((yield from work(argument)))


class Bulkhead:
    """One module's: every request of its passes through `run`."""

    def __init__(self, name: str, title: str, budget: Budget, pulse: Pulse, keeps: str = "") -> None:
        """`title` is the module's name for people, `keeps` a sentence on what its failure leaves untouched."""
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
        self._full = budget.requests <= 0
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
        if not self.breaker.is_open:
            return "well"
        return "resting"

    @property
    def why(self) -> str:
        """What is wrong with it; empty while nothing is."""
        return self.absent or self.breaker.why

    def is_unavailable(self) -> bool:
        """Whether it answers nobody now, or only on trial."""
        return bool(self.absent) or self.breaker.is_open

    async def run(self, work: Work[A, R], argument: A) -> R:
        """Return what `work(argument)` returns.

        Raises ModuleUnavailable for what the module cannot answer, and its own Refused.
        """
        answer: list[R] = []
        rest = self.begin(answer, work, argument, monotonic())
        if rest is not None:
            await rest
        return answer[0]

    def begin(self, answer: list[R], work: Work[A, R], argument: A, began: float) -> Rest | None:
        """As `run`, into `answer`: at once where nothing has to be waited for, else after what is to be awaited.

        `began`: by the monotonic clock, in this turn of the loop, when what is done for this request began.

        Not a coroutine itself, since most pages from memory need none here.
        """
        pulse = self.pulse
        if self._turn != pulse.turn:
            self._turn, self._spent, self._entered = pulse.turn, 0.0, 0
        if self.breaker.is_open or self._queue or self._spent > QUANTUM or self._full or faults.armed:
            return self._admit(answer, work, argument)
        return self._step_in(_put(answer, work, argument), _THROUGH, began)

    async def _admit(self, answer: list[R], work: Work[A, R], argument: A) -> None:
        """The same for whoever may have to wait for their turn, or be refused."""
        entry = _Entry(self.breaker.is_open)
        if entry.trial and not self.breaker.admits_trial():
            raise self.refusal()
        if self._full:
            raise self._refused_as_full(entry)
        try:
            if self._queue or self._spent > QUANTUM:
                entry.task = self._count_in(monotonic())
                try:
                    await self._wait_for_turn()
                except asyncio.CancelledError:
                    self._end_cancelled(entry)
                    raise
            if self._turn != self.pulse.turn:
                self._turn, self._spent, self._entered = self.pulse.turn, 0.0, 0
            struck = self._struck(work) if faults.armed else work
            rest = self._step_in(_put(answer, struck, argument), entry, monotonic())
            if rest is not None:
                await rest
        finally:
            if entry.task is not None:
                self._leave(entry.task)

    def _step_in(self, steps: Generator[Any, Any, None], entry: _Entry, began: float) -> Rest | None:
        """The first step by hand: most requests need no other, and whoever never waits is never seen inside."""
        self._entered += 1
        try:
            awaited = next(steps, _ENDED)
        except asyncio.CancelledError:
            self._end_cancelled(entry)
            raise
        except Exception as error:
            self._end_raised(error, monotonic() - began, entry)
            raise
        if awaited is not _ENDED:
            self.pulse.waits += 1
            return self._wait(steps, awaited, _Entry(entry.trial, entry.task or self._count_in(began)))
        # Nothing else ran meanwhile: all of this was the loop's time.
        spent = monotonic() - began
        self._spent += spent
        if self._spent > COUNTED and self._is_long(spent, entry):
            return None
        if entry is _THROUGH:
            self.breaker.good += 1  # written out, as this is what nearly every request comes to
        else:
            self.breaker.ended_well(trial=entry.trial)
        return None

    def _is_long(self, spent: float, entry: _Entry) -> bool:
        """Ask for the end of the turn; whether the request held the loop by itself, which counts as a failure."""
        if not self.pulse.counting:
            self.pulse.count()
            # What came before this request may have been in turns that are over.
            self._spent, self._entered = spent, 1
        return spent > HELD and self._held(spent, entry)

    async def _wait(self, steps: Generator[Any, Any, None], awaited: object, entry: _Entry) -> None:
        """What comes after the first step."""
        try:
            await resumed(steps, awaited)
        except asyncio.CancelledError:
            self._end_cancelled(entry)
            raise
        except Exception as error:
            self._end_raised(error, 0.0, entry)
            raise
        finally:
            if entry.task is not None:
                self._leave(entry.task)
        self.breaker.ended_well(trial=entry.trial)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        self._inside.pop(task, None)
        self._overdue.discard(task)
        self._full = len(self._inside) >= self.budget.requests

    def _count_in(self, began: float) -> asyncio.Task[Any]:
        """This request is inside from now on, until its task is taken out again."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (requests run in tasks)
        self._inside[task] = began
        self._full = len(self._inside) >= self.budget.requests
        return task

    def _struck(self, work: Work[A, R]) -> Work[A, R]:
        """The same work behind the fault that a drill may have armed for this module."""

        async def behind_fault(argument: A) -> R:
            await faults.inject_async(self._point)
            return await work(argument)

        return behind_fault

    def _held(self, spent: float, entry: _Entry) -> bool:
        """Whether the code held the loop for too long, and not the machine the code; then that is a failure."""
        held = self.pulse.computed() > HELD
        if held:
            self.breaker.failed(f"A request held the loop for {spent:.2f} s.", trial=entry.trial, held=spent)
        return held

    def _refused_as_full(self, entry: _Entry) -> ModuleUnavailable:
        self.breaker.undecided(trial=entry.trial)
        return ModuleUnavailable(self.name, f"{self.title} is full", f"{self.title} {FULL}", "", 2)

    def _end_cancelled(self, entry: _Entry) -> None:
        if entry.task not in self._overdue:  # the visitor went away, or the process ends
            self.breaker.undecided(trial=entry.trial)
            return
        entry.task.uncancel()
        log.warning("a request took too long", module=self.name, limit=self.budget.seconds)
        self.breaker.failed(f"A request took more than {self.budget.seconds:g} s.", trial=entry.trial)
        raise self.refusal(done=False) from None

    def _end_raised(self, error: Exception, spent: float, entry: _Entry) -> None:
        if isinstance(error, Unavailable | ClientDisconnect):
            self.breaker.undecided(trial=entry.trial)
        elif not isinstance(error, Refused | HTTPException):
            # The page says what to do; the whole story is for the log.
            log.error("a bug", module=self.name, exc_info=error)
            self.breaker.failed(f"{type(error).__name__}: {error}", trial=entry.trial)
            raise self.refusal() from error
        elif not (spent > HELD and self._held(spent, entry)):
            self.breaker.ended_well(trial=entry.trial)

    async def _wait_for_turn(self) -> None:
        """Come back in a later turn of the loop, in the order of arrival."""
        loop = asyncio.get_running_loop()
        if not self._queue:
            loop.call_soon(self._send_in, loop)
        waiter = loop.create_future()
        self._queue.append(waiter)
        await waiter

    def _send_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """All that was ready in this turn has run: as many as fit into a quantum, as it was, go into the next."""
        left = max(1, int(QUANTUM * self._entered / self._spent)) if self._spent else 1
        while self._queue and left:
            waiter = self._queue.popleft()
            if not waiter.done():  # who gave up while they waited is passed over
                waiter.set_result(None)
                left -= 1
        if self._queue:
            loop.call_soon(self._send_in, loop)

    def refusal(self, *, done: bool = True) -> ModuleUnavailable:
        """What a visitor is told. Without `done` it is not known whether what they asked for was done."""
        problem = f"{self.title} {PROBLEM if done else TOO_SLOW}"
        left = ABSENT_FOR if self.absent else math.ceil(self.breaker.left)
        return ModuleUnavailable(self.name, f"{self.title} is unavailable", problem, self.keeps, max(1, left))

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

    def begin(self, answer: list[R], work: Work[A, R], argument: A, began: float) -> Rest | None:  # noqa: ARG002
        """What to await, so that `answer` has what `work(argument)` gives."""
        return _put(answer, self._struck(work) if faults.armed else work, argument)


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
