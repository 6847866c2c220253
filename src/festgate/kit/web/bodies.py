"""The bodies of requests: read as a whole before a module's budget is taken, within limits of their own.

A client that sends its body slowly, in halves, or not at all then holds a place here and none in the module, and what
becomes of it is no failure of the module's. Most bodies come in one piece with their head: those are not counted, and
no clock is started for them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from festgate.kit.errors import Refused
from festgate.kit.resilience.pulse import resumed
from festgate.kit.web.clients import Trusted, address_of, client_key

BODIES: Final = "festgate.bodies"
"""In a request's scope where it has a body: the `Bodies` that read it."""


class TooSlow(Refused):
    """A body that did not arrive in its time."""

    status = 408
    code = "too-slow"
    title = "That took too long to arrive"
    message = "Your connection was too slow, so nothing was changed. Go back and send it once more."

    def headers(self) -> dict[str, str]:
        """What may still come of the body is not waited for."""
        return {"connection": "close"}


@dataclass(frozen=True)
class BodyLimits:
    """How long a body may take, and how many may be on their way to one worker."""

    seconds: float = 20.0
    """For the whole body."""
    grace: float = 10.0
    """Seconds before the rate counts: a phone that changes cells is silent for several."""
    rate: float = 500.0
    """Bytes a second, on average since the body began: a tenth of what the worst mobile network gives. The 300 bytes
    of a form are due after 11 seconds, the longest text of an organiser (16 KB) after 20."""
    pending: int = 2048
    """Bodies on their way at a time: at 64 KB each, 128 MB at most."""
    pending_per_client: int = 512
    """The same of one client address that is no proxy's: a campus whose forms are all cut in two has a few dozen."""


class Bodies:
    """Reads the bodies of one worker's requests.

    Where too many are on their way, the one that has taken longest is ended (408) and the new one is read: a client
    that sends in earnest needs a moment, so those that hold on for long are the first to go.
    """

    def __init__(self, limits: BodyLimits | None = None, trusted: Trusted | None = None) -> None:
        """Nothing is on its way; `trusted` addresses stand for many clients and share the limit for all."""
        self._limits = limits or BodyLimits()
        self._trusted = trusted or Trusted()
        self._clocks: dict[asyncio.Timeout, str] = {}
        """Of each body on its way, the oldest first, with its client."""
        self._by_client: defaultdict[str, dict[asyncio.Timeout, None]] = defaultdict(dict)

    async def read(self, scope: Scope, receive: Receive) -> Receive:
        """The body, all of it, to be received in one message. Raises TooSlow, TooLarge, ClientDisconnect."""
        message, waits = _begin(receive())
        if waits is None and not message.get("more_body", False):
            return _replaying(_checked(message), receive)
        return _replaying(await self._read_slowly(scope, receive, message, waits), receive)

    @property
    def pending(self) -> int:
        """How many are on their way."""
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
                        if not message.get("more_body", False):
                            return {"type": "http.request", "body": b"".join(pieces), "more_body": False}
                        if clock in self._clocks:  # else it has been ended, and is told so at the next wait
                            due = min(limits.seconds, limits.grace + size / limits.rate)
                            clock.reschedule(began + due)
                        message = await receive()
                finally:
                    self._leave(clock)
        except TimeoutError:
            if not clock.expired():
                raise
            raise TooSlow from None

    def _enter(self, clock: asyncio.Timeout, scope: Scope) -> None:
        """Count a body in, and end the oldest where that is one too many."""
        address = address_of(scope)
        client = "" if address in self._trusted else client_key(address)
        self._clocks[clock] = client
        own = self._by_client[client]
        own[clock] = None
        if client and len(own) > self._limits.pending_per_client:
            self._end(next(iter(own)))
        elif len(self._clocks) > self._limits.pending:
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


async def read_ahead(scope: Scope, receive: Receive) -> Receive:
    """What gives the body that has been read already; `receive` itself where the request has none."""
    bodies: Bodies | None = scope.get(BODIES)
    return receive if bodies is None else await bodies.read(scope, receive)


def _begin(receiving: Any) -> tuple[Message, Coroutine[Any, Any, Message] | None]:  # noqa: ANN401
    """The first message where it is there already; else what is to be awaited for it."""
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
    """The message once, then what else may come: that the client has gone."""
    waiting = [whole]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
