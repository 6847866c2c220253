"""Simulated users who each buy a ticket, one order after the other: the load of whole orders.

    python -m bench.buyers PLAN.json

They send requests like browsers: one connection per user, compressed responses, and the origin of a form. The client
is a process of its own, and saves processor time: it parses no more of a response than it must. The plan contains the
port, tokens, slugs, the number of users at once, the seconds of warm-up and of measurement, and the number of parts in
which orders are counted. The result is JSON on standard output.
"""

import asyncio
import gzip
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import uvloop

PAUSE = 0.025
"""Seconds before a user whose ticket is not ready requests the receipt again."""
MAX_WAIT = 10.0
"""Seconds to wait for any response, and for a ticket."""
CARD = "4242 4242 4242 4242"

_ZIPPED = re.compile(rb"\r\ncontent-encoding: gzip", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: ([^\r]+)", re.IGNORECASE)
_HIDDEN = re.compile(rb'<input type="hidden" name="(\w+)" value="([^"]*)"')
_TICKET = re.compile(rb'href="(/tickets/[0-9A-Z]{16})"')


class WrongAnswer(Exception):
    """An answer with which the journey cannot continue; the message names the step and the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the portal."""

    status: int
    location: str
    body: bytes


class Line(asyncio.Protocol):
    """A persistent connection with one request at a time."""

    def __init__(self) -> None:
        """Create a connection that the event loop will open."""
        self._came = bytearray()
        self._awaited: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport of the open connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Resolve the awaited answer once all of it has arrived."""
        came = self._came
        came += data
        end = came.find(b"\r\n\r\n")
        if end < 0 or self._awaited is None:
            return
        head = bytes(came[:end])
        length = _LENGTH.search(head)
        body_end = end + 4 + (int(length[1]) if length else 0)
        if len(came) < body_end:
            return
        location = _LOCATION.search(head)
        body = bytes(came[end + 4 : body_end])
        if _ZIPPED.search(head):
            body = gzip.decompress(body)
        answer = Answer(int(head[9:12]), location[1].decode() if location else "", body)
        del came[:body_end]
        awaited, self._awaited = self._awaited, None
        if not awaited.done():
            awaited.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the awaited answer."""
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(ConnectionError(f"the portal closed the connection: {exc}"))

    def expect(self) -> asyncio.Future[Answer]:
        """Return a future of the next answer."""
        self._awaited = asyncio.get_running_loop().create_future()
        return self._awaited

    async def ask(self, request: bytes) -> Answer:
        """Send a request, and wait for the answer."""
        assert self._transport is not None  # noqa: S101
        awaited = self.expect()
        self._transport.write(request)
        return await asyncio.wait_for(awaited, MAX_WAIT)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


@dataclass(frozen=True, slots=True)
class Finished:
    """A whole order. Times are seconds of the monotonic clock."""

    began: float
    paid: float
    """When the answer to the payment arrived."""
    ticketed: float
    """When the receipt first showed the ticket."""
    ended: float
    requests: int


@dataclass
class Buyer:
    """A user who buys one ticket over one connection."""

    line: Line
    host: str
    token: str
    requests: int = field(default=0)

    async def buy(self, slug: str) -> Finished:
        """Hold a seat, view it, check out, pay, and fetch the ticket with its code. Raise WrongAnswer."""
        began = time.monotonic()
        await self._post(f"/events/{slug}/register", "/my-events")
        await self._get("/my-events")
        till = await self._get("/checkout")
        hidden = {name.decode(): value.decode() for name, value in _HIDDEN.findall(till)}
        if "idempotency_key" not in hidden:
            raise WrongAnswer("GET /checkout: no idempotency key on the page")
        order = await self._post(
            "/checkout",
            "/orders/",
            payment_method="sandbox",
            card_number=CARD,
            **hidden,
        )
        paid = time.monotonic()
        while True:
            receipt = await self._get(order)
            ticket = _TICKET.search(receipt)
            if ticket is not None:
                break
            if b"Paid." not in receipt:
                raise WrongAnswer(f"GET {order}: not paid")
            if time.monotonic() > paid + MAX_WAIT:
                raise WrongAnswer(f"GET {order}: no ticket within {MAX_WAIT:g} seconds")
            await asyncio.sleep(PAUSE)
        ticketed = time.monotonic()
        address = ticket[1].decode()
        if b"<svg" not in await self._get(address):
            raise WrongAnswer(f"GET {address}: no QR code")
        return Finished(began, paid, ticketed, time.monotonic(), self.requests)

    async def _get(self, path: str) -> bytes:
        answer = await self._ask(f"GET {path} HTTP/1.1\r\n", "")
        if answer.status != 200:
            raise WrongAnswer(f"GET {path}: {answer.status} {answer.location}")
        return answer.body

    async def _post(self, path: str, towards: str, **fields: str) -> str:
        answer = await self._ask(f"POST {path} HTTP/1.1\r\n", urlencode(fields))
        if answer.status != 303 or not answer.location.startswith(towards):
            raise WrongAnswer(f"POST {path}: {answer.status} {answer.location}")
        return answer.location

    async def _ask(self, first_line: str, form: str) -> Answer:
        self.requests += 1
        sent = (
            f"{first_line}Host: {self.host}\r\nCookie: festgate_session={self.token}\r\n"
            "Accept-Encoding: gzip\r\n"
        )
        if first_line.startswith("POST"):
            sent += (
                f"Sec-Fetch-Site: same-origin\r\nContent-Length: {len(form)}\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n"
            )
        return await self.line.ask(f"{sent}\r\n{form}".encode())


async def shop(plan: dict[str, Any]) -> dict[str, Any]:
    """Let users buy for the time in the plan, and return the result. Raise WrongAnswer at the first wrong answer."""
    loop = asyncio.get_running_loop()
    begins = time.monotonic() + plan["warm_up"]
    ends = begins + plan["seconds"]
    people = zip(plan["tokens"], _round_and_round(plan["slugs"]), strict=False)
    finished: list[Finished] = []

    async def keep_buying() -> None:
        _, line = await loop.create_connection(Line, "127.0.0.1", plan["port"])
        try:
            while time.monotonic() < ends:
                person = next(people, None)
                if person is None:
                    raise WrongAnswer("the plan has fewer users than orders")
                buyer = Buyer(line, f"127.0.0.1:{plan['port']}", person[0])
                finished.append(await buyer.buy(person[1]))
        finally:
            line.close()

    async def watch() -> float:
        """Return this process's share of a core during the measurement."""
        await asyncio.sleep(begins - time.monotonic())
        used, since = time.process_time(), time.monotonic()
        await asyncio.sleep(ends - time.monotonic())
        return (time.process_time() - used) / (time.monotonic() - since)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        for _ in range(plan["people"]):
            group.create_task(keep_buying())
    counted = [order for order in finished if begins <= order.ended < ends]
    return {
        "per_part": per_part(counted, begins, plan["seconds"], plan["parts"]),
        "orders": len(counted),
        "all_orders": len(finished),
        "requests": sum(order.requests for order in counted) / max(1, len(counted)),
        "seconds_whole": quantiles([order.ended - order.began for order in counted]),
        "seconds_to_ticket": quantiles([order.ticketed - order.paid for order in counted]),
        "client_share": watching.result(),
    }


def _round_and_round(slugs: Sequence[str]) -> Iterator[str]:
    while True:
        yield from slugs


def per_part(counted: Sequence[Finished], begins: float, seconds: float, parts: int) -> list[float]:
    """Return the orders per second in each of `parts` equal parts of the window."""
    counts = [0] * parts
    for order in counted:
        counts[int((order.ended - begins) / seconds * parts)] += 1
    return [count / (seconds / parts) for count in counts]


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Return the 50th, 95th and 99th percentile; 0 without values."""
    ordered = sorted(values) or [0.0]
    return {
        f"p{share}": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)
    }


def main(plan_file: Path) -> int:
    """Run the plan, and return the exit code; 1 and a message on standard error if an answer was wrong."""
    plan = json.loads(plan_file.read_text(encoding="utf-8"))
    try:
        result = uvloop.run(shop(plan))
    except* (WrongAnswer, OSError, TimeoutError) as group:
        print(f"{group.exceptions[0]!r}", file=sys.stderr)
        result = None
    if result is None:
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
