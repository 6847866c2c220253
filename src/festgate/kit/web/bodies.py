"""Reading of request bodies: completely, within limits, and before the request counts against a module's budget.

A client that sends its body slowly, partly or not at all then takes no place in the module, and does not count as a
failure of the module. Most bodies arrive together with the head of the request: those need no count and no timeout.
"""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope

from festgate.kit.errors import Refused
from festgate.kit.resilience.pulse import resumed
from festgate.kit.translation import N_
from festgate.kit.web.clients import Trusted, address_of, client_key

BODIES: Final = "festgate.bodies"
"""Key in the scope of a request with a body: the `Bodies` that read it."""


class TooSlow(Refused):
    """A body that did not arrive within its time limit."""

    status = 408
    code = "too-slow"
    title = N_("The request took too long")
    message = N_("Your connection was too slow, so nothing was changed. Please go back and try again.")

    def headers(self) -> dict[str, str]:
        """Close the connection, so that the rest of the body is not awaited."""
        return {"connection": "close"}


@dataclass(frozen=True)
class BodyLimits:
    """Limits on the time for a body, and on the number of bodies in transfer to one worker."""

    seconds: float = 20.0
    """Seconds for the whole body."""
    grace: float = 10.0
    """Seconds before the rate counts: a phone that changes cells sends nothing for several seconds."""
    rate: float = 500.0
    """Bytes a second, on average since the body began: a tenth of the rate of the slowest mobile network. The 300 bytes
    of a form are due after 11 seconds, the longest text of an organiser (16 KB) after 20."""
    pending: int = 2048
    """Bodies in transfer at a time."""
    pending_bytes: int = 128 * 1024 * 1024
    """Bytes of those bodies; most have at most 64 KB, and an event's form 512 KB."""
    pending_per_client: int = 512
    """Bodies in transfer from one client address that is not a proxy; a campus whose forms are all split has dozens."""


class Bodies:
    """Reads the request bodies of one worker.

    If too many are in transfer, or too much of them has arrived, the oldest is ended (408) in favour of the new one: an
    honest client needs only a moment, so the slowest clients lose first.
    """

    def __init__(self, limits: BodyLimits | None = None, trusted: Trusted | None = None) -> None:
        """Take the limits, and the `trusted` addresses, which stand for many clients and have no limit of their own."""
        self._limits = limits or BodyLimits()
        self._trusted = trusted or Trusted()
        self._clocks: dict[asyncio.Timeout, str] = {}
        """Timeouts of the bodies in transfer, the oldest first, with their clients."""
        self._held = 0
        """Bytes of the bodies in transfer that have arrived."""
        self._by_client: defaultdict[str, dict[asyncio.Timeout, None]] = defaultdict(dict)

    async def read(self, scope: Scope, receive: Receive) -> Receive:
        """Read the whole body; return a `receive` that gives it. Raise TooSlow, TooLarge or ClientDisconnect."""
        message, waits = _begin(receive())
        if waits is None and not message.get("more_body", False):
            return _replaying(_checked(message), receive)
        return _replaying(await self._read_slowly(scope, receive, message, waits), receive)

    @property
    def pending(self) -> int:
        """The number of bodies in transfer."""
        return len(self._clocks)

    async def _read_slowly(
        self, scope: Scope, receive: Receive, message: Message, waits: Coroutine[Any, Any, Message] | None
    ) -> Message:
        limits = self._limits
        began = asyncio.get_running_loop().time()
        clock = asyncio.timeout_at(began + min(limits.grace, limits.seconds))
        pieces: list[bytes] = []
        size = 0
        try:
            async with clock:
                self._enter(clock, scope)
                try:
                    if waits is not None:
                        message = await waits
                    while True:
                        pieces.append(_checked(message).get("body", b""))
                        size += len(pieces[-1])
                        self._hold(len(pieces[-1]))
                        if not message.get("more_body", False):
                            return {"type": "http.request", "body": b"".join(pieces), "more_body": False}
                        if clock in self._clocks:  # else it was ended: the next await raises
                            due = min(limits.seconds, limits.grace + size / limits.rate)
                            clock.reschedule(began + due)
                        message = await receive()
                finally:
                    self._held -= size
                    self._leave(clock)
        except TimeoutError:
            if not clock.expired():
                raise
            raise TooSlow from None

    def _enter(self, clock: asyncio.Timeout, scope: Scope) -> None:
        """Register a body, and end the oldest if there are too many."""
        address = address_of(scope)
        client = "" if address in self._trusted else client_key(address)
        self._clocks[clock] = client
        own = self._by_client[client]
        own[clock] = None
        if client and len(own) > self._limits.pending_per_client:
            self._end(next(iter(own)))
        elif len(self._clocks) > self._limits.pending:
            self._end(next(iter(self._clocks)))

    def _hold(self, size: int) -> None:
        """Count bytes that have arrived, and end the oldest body if there are too many."""
        self._held += size
        if self._held > self._limits.pending_bytes and self._clocks:
            self._end(next(iter(self._clocks)))

    def _end(self, clock: asyncio.Timeout) -> None:
        self._leave(clock)
        if not clock.expired():
            clock.reschedule(asyncio.get_running_loop().time())

    def _leave(self, clock: asyncio.Timeout) -> None:
        client = self._clocks.pop(clock, None)
        if client is not None:
            own = self._by_client[client]
            del own[clock]
            if not own:
                del self._by_client[client]


async def read_ahead(request: Request) -> Request:
    """Read the body now; return a request that repeats it, or the same request if it has no body."""
    bodies: Bodies | None = request.scope.get(BODIES)
    if bodies is None:
        return request
    return Request(request.scope, await bodies.read(request.scope, request.receive))


def _begin(receiving: Any) -> tuple[Message, Coroutine[Any, Any, Message] | None]:  # noqa: ANN401
    """Return the first message if it is available, and otherwise a coroutine that waits for it."""
    steps = receiving.__await__()
    try:
        awaited = next(steps)
    except StopIteration as done:
        return done.value, None
    return {}, resumed(steps, awaited)


def _checked(message: Message) -> Message:
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message


def _replaying(whole: Message, receive: Receive) -> Receive:
    """Return a `receive` that gives this message, then the client's further messages, such as a disconnect."""
    waiting = [whole]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
