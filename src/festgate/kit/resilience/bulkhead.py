"""Bulkheads: containment of each module's failures.

All modules share one process and one event loop. The requests of each module pass through its bulkhead, which has:

- a **budget** of concurrent requests: further ones are refused at once, so the other modules keep the process;
- **turns**: in one turn of the event loop a module gets a few milliseconds, and its remaining requests wait for the
  next turn, after all others, so that a flood delays only itself (fair queueing: Demers, Keshav and Shenker 1989);
- a **time limit**, after which a request is cancelled and answered; - a **circuit breaker** (Nygard, "Release It!",
2007): a module whose requests mostly fail gets no more requests until a trial shows that it is healthy again. Blocking
the event loop counts as a failure, too.
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
from festgate.kit.translation import N_, gettext

log = structlog.get_logger()

A = TypeVar("A")
R = TypeVar("R")
Function: TypeAlias = Callable[[A], Coroutine[Any, Any, R]]
Rest: TypeAlias = Awaitable[None]

QUANTUM = 0.010
"""Seconds of one turn of the event loop for one module: fifty pages from memory, or a few others. Such a wait is not
noticeable, and sixteen clients that send requests without a pause fit in. With half of it they had to wait for turns,
and bulkheads took 3 % of the time of a page; now they take 1 to 2 %."""
COUNTED = 0.005
"""Seconds of a module's processor time, in one turn or several, before it counts turns, which costs the event loop an
additional round."""
HELD = 0.1
"""Seconds without a pause on the event loop that count as a failure; a page takes a hundredth of that."""
TICK = 0.25
"""Seconds between two checks of the time limit."""

ABSENT_RETRY = 60
"""Seconds to wait before a retry for a module that is not loaded, since an operator must repair it."""
FULL = N_("{module} has too many visitors at the moment. Please try again shortly.")
UNAVAILABLE = N_("{module} is temporarily unavailable. Everything else works as usual.")
TOO_SLOW = N_(
    "{module} took too long to answer. Check whether your request was completed before you try again."
)

State = Literal["well", "resting", "absent"]


@dataclass(frozen=True)
class Budget:
    """The share of the process that one module may use."""

    requests: int
    """Concurrent requests, including those that wait for their turn."""
    seconds: float
    """Time limit of one request."""


_ENDED: Final = object()


@dataclass(slots=True)
class _Entry:
    """A request that may have to wait, or that is a trial."""

    trial: bool
    """Whether it is a trial while the circuit is open."""
    task: asyncio.Task[Any] | None = None
    """Its task, once it has had to wait."""


_DIRECT: Final = _Entry(trial=False)
"""The entry of all other requests."""


@coroutine
def _put(answer: list[R], function: Function[A, R], argument: A) -> Generator[Any, Any, None]:
    """Put the result of `function` into the list.

    A coroutine that returns a value ends with an exception, which takes as long as everything else here. A generator
    can be stepped directly, while a coroutine first needs an iterator.
    """
    answer.append((yield from function(argument)))


class Bulkhead:
    """The bulkhead of one module; each of its requests passes through `run` or `begin`."""

    def __init__(self, name: str, title: str, budget: Budget, pulse: Pulse, keeps: str = "") -> None:
        """Take the module's name, its title for visitors, and a sentence on what its failure does not affect."""
        self.name = name
        self.title = title
        self.keeps = keeps
        self.budget = budget
        self.breaker = Breaker(name)
        self.pulse = pulse
        self.absent = ""
        """The reason why the module is not loaded; empty if it is."""
        self.details = ""
        """The error that prevented loading, with its place in the code, for operators."""
        self._point = f"module.{name}"
        self._inside: dict[asyncio.Task[Any], float] = {}
        """Start times of the requests that have had to wait, the oldest first."""
        self._full = budget.requests <= 0
        self._overdue: set[asyncio.Task[Any]] = set()
        self._queue: deque[asyncio.Future[None]] = deque()
        """Requests that wait for the next turn of the event loop."""
        self._turn = -1
        self._spent = 0.0
        """Seconds spent in that turn."""
        self._entered = 0
        """Number of requests in that turn."""

    @property
    def state(self) -> State:
        """The health of the module, with the values of `/readyz`."""
        if self.absent:
            return "absent"
        return "resting" if self.breaker.is_open else "well"

    @property
    def why(self) -> str:
        """The reason why the module is unavailable; empty if it is healthy."""
        return self.absent or self.breaker.why

    def is_unavailable(self) -> bool:
        """Return whether the module answers no requests, or only trials."""
        return bool(self.absent) or self.breaker.is_open

    async def run(self, function: Function[A, R], argument: A) -> R:
        """Return the result of `function(argument)`. Raise ModuleUnavailable if the module cannot give one."""
        answer: list[R] = []
        rest = self.begin(answer, function, argument, monotonic())
        if rest is not None:
            await rest
        return answer[0]

    def begin(self, answer: list[R], function: Function[A, R], argument: A, began: float) -> Rest | None:
        """Put the result of `function(argument)` into `answer`, at once or when the returned awaitable is done.

        `began` is the monotonic time in this turn of the event loop at which the request began. This is not a coroutine
        because pages from memory do not need one.
        """
        pulse = self.pulse
        if self._turn != pulse.turn:
            self._turn, self._spent, self._entered = pulse.turn, 0.0, 0
        if self.breaker.is_open or self._queue or self._spent > QUANTUM or self._full or faults.armed:
            return self._admit(answer, function, argument)
        return self._step_in(_put(answer, function, argument), _DIRECT, began)

    async def _admit(self, answer: list[R], function: Function[A, R], argument: A) -> None:
        """Handle a request that may have to wait for its turn, or may be refused."""
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
            faulted = self._with_fault(function) if faults.armed else function
            rest = self._step_in(_put(answer, faulted, argument), entry, monotonic())
            if rest is not None:
                await rest
        finally:
            if entry.task is not None:
                self._leave(entry.task)

    def _step_in(self, steps: Generator[Any, Any, None], entry: _Entry, began: float) -> Rest | None:
        """Run the first step directly: most requests need no further step, and are then not counted as concurrent."""
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
        # Nothing else has run since, so this request used all of the time.
        spent = monotonic() - began
        self._spent += spent
        if self._spent > COUNTED and self._is_long(spent, entry):
            return None
        if entry is _DIRECT:
            self.breaker.successes += 1  # not a function, because nearly every request ends here
        else:
            self.breaker.succeeded(trial=entry.trial)
        return None

    def _is_long(self, spent: float, entry: _Entry) -> bool:
        """Start to count turns. Return whether the request alone blocked the event loop, which counts as a failure."""
        if not self.pulse.counting:
            self.pulse.count()
            # Earlier requests may have run in turns that are over.
            self._spent, self._entered = spent, 1
        return spent > HELD and self._held(spent, entry)

    async def _wait(self, steps: Generator[Any, Any, None], awaited: object, entry: _Entry) -> None:
        """Run the remaining steps."""
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
        self.breaker.succeeded(trial=entry.trial)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        self._inside.pop(task, None)
        self._overdue.discard(task)
        self._full = len(self._inside) >= self.budget.requests

    def _count_in(self, began: float) -> asyncio.Task[Any]:
        """Count this request as concurrent until its task is removed."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (requests run in tasks)
        self._inside[task] = began
        self._full = len(self._inside) >= self.budget.requests
        return task

    def _with_fault(self, function: Function[A, R]) -> Function[A, R]:
        """Return the function, wrapped in a fault if a drill has injected one into this module."""

        async def behind_fault(argument: A) -> R:
            await faults.inject_async(self._point)
            return await function(argument)

        return behind_fault

    def _held(self, spent: float, entry: _Entry) -> bool:
        """Count a failure if the code blocked the event loop for too long. A stall of the machine does not count."""
        held = min(spent, self.pulse.computed())
        if held <= HELD:
            return False
        self.breaker.failed(
            f"A request blocked the event loop for {held:.2f} s.", trial=entry.trial, held=held
        )
        return True

    def _refused_as_full(self, entry: _Entry) -> ModuleUnavailable:
        self.breaker.ended_early(trial=entry.trial)
        title = gettext("{module} is full").format(module=gettext(self.title))
        problem = gettext(FULL).format(module=gettext(self.title))
        return ModuleUnavailable(self.name, title, problem, "", 2)

    def _end_cancelled(self, entry: _Entry) -> None:
        if entry.task not in self._overdue:  # the client disconnected, or the process ends
            self.breaker.ended_early(trial=entry.trial)
            return
        entry.task.uncancel()
        log.warning("a request took too long", module=self.name, limit=self.budget.seconds)
        self.breaker.failed(f"A request took more than {self.budget.seconds:g} s.", trial=entry.trial)
        raise self.refusal(done=False) from None

    def _end_raised(self, error: Exception, spent: float, entry: _Entry) -> None:
        if isinstance(error, Unavailable | ClientDisconnect):
            self.breaker.ended_early(trial=entry.trial)
        elif not isinstance(error, Refused | HTTPException):
            log.error("unhandled exception", module=self.name, exc_info=error)
            self.breaker.failed(f"{type(error).__name__}: {error}", trial=entry.trial)
            raise self.refusal() from error
        elif not (spent > HELD and self._held(spent, entry)):
            self.breaker.succeeded(trial=entry.trial)

    async def _wait_for_turn(self) -> None:
        """Wait for a later turn of the event loop, in the order of arrival."""
        loop = asyncio.get_running_loop()
        if not self._queue:
            loop.call_soon(self._send_in, loop)
        waiter = loop.create_future()
        self._queue.append(waiter)
        await waiter

    def _send_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Admit as many waiting requests into the next turn as would have fit into the quantum of the last one."""
        left = max(1, int(QUANTUM * self._entered / self._spent)) if self._spent else 1
        while self._queue and left:
            waiter = self._queue.popleft()
            if not waiter.done():  # cancelled requests are skipped
                waiter.set_result(None)
                left -= 1
        if self._queue:
            loop.call_soon(self._send_in, loop)

    def refusal(self, *, done: bool = True) -> ModuleUnavailable:
        """Return the error for a visitor. `done` is False if the request may or may not have taken effect."""
        module = gettext(self.title)
        title = gettext("{module} is unavailable").format(module=module)
        problem = gettext(UNAVAILABLE if done else TOO_SLOW).format(module=module)
        left = ABSENT_RETRY if self.absent else math.ceil(self.breaker.left)
        return ModuleUnavailable(self.name, title, problem, gettext(self.keeps), max(1, left))

    def end_overdue(self, now: float) -> None:
        """Cancel the requests that have reached the time limit."""
        for task, started in self._inside.items():
            if now - started < self.budget.seconds:
                break
            if task not in self._overdue:
                self._overdue.add(task)
                task.cancel()


class Unguarded(Bulkhead):
    """A bulkhead without any containment, for comparison in drills."""

    def begin(self, answer: list[R], function: Function[A, R], argument: A, began: float) -> Rest | None:  # noqa: ARG002
        """Return an awaitable that puts the result of `function(argument)` into `answer`."""
        return _put(answer, self._with_fault(function) if faults.armed else function, argument)


async def watch_bulkheads(bulkheads: Iterable[Bulkhead]) -> None:
    """Enforce the time limits, and advance the windows of the circuit breakers, until cancelled."""
    watched = tuple(bulkheads)
    slice_ends = monotonic() + 1
    while True:
        await asyncio.sleep(TICK)
        now = monotonic()
        for bulkhead in watched:
            bulkhead.pulse.beat()
            bulkhead.end_overdue(now)
        if now >= slice_ends:
            slice_ends = now + 1
            for bulkhead in watched:
                bulkhead.breaker.next_slice()
