"""The load of whole orders: buyers who each hold a seat, pay, and open the ticket with its QR code.

    python -m bench.buyers PLAN.json

Buyers for a group take four tickets with a promo code, and answer two questions about each. They send requests as
browsers do: one connection a person, compressed responses, and the site that a form comes from.
The process costs little, because it parses only the parts of a response that it needs. The plan has the port, tokens,
events, the number of concurrent people, the seconds of warm-up and measurement, and the number of parts to count in.
The result is printed as JSON.
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
"""Seconds before a person whose ticket is not ready yet reloads the receipt."""
MAX_WAIT = 10.0
"""Seconds for a response, and for a ticket."""
CARD = "4242 4242 4242 4242"

_ZIPPED = re.compile(rb"\r\ncontent-encoding: gzip", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: ([^\r]+)", re.IGNORECASE)
_HIDDEN = re.compile(rb'<input type="hidden" name="(\w+)" value="([^"]*)"')
_TEXT_FIELD = re.compile(rb'<input [^>]*name="(a-\d+-\d+)"')
_CHOICE_FIELD = re.compile(rb'<select [^>]*name="(a-\d+-\d+)"')
_TICKET = re.compile(rb'href="(/tickets/[0-9A-Z]{16})"')


class WrongResponse(Exception):
    """A response with which the journey cannot continue. The message names the step and the response."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response of the portal."""

    status: int
    location: str
    body: bytes


class Connection(asyncio.Protocol):
    """A connection that is kept alive, with one request at a time."""

    def __init__(self) -> None:
        """Prepare the connection; the loop connects it."""
        self._received = bytearray()
        self._awaited: asyncio.Future[Response] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Complete the current request once its whole response has arrived."""
        received = self._received
        received += data
        end = received.find(b"\r\n\r\n")
        if end < 0 or self._awaited is None:
            return
        head = bytes(received[:end])
        length = _LENGTH.search(head)
        body_end = end + 4 + (int(length[1]) if length else 0)
        if len(received) < body_end:
            return
        location = _LOCATION.search(head)
        body = bytes(received[end + 4 : body_end])
        if _ZIPPED.search(head):
            body = gzip.decompress(body)
        response = Response(int(head[9:12]), location[1].decode() if location else "", body)
        del received[:body_end]
        awaited, self._awaited = self._awaited, None
        if not awaited.done():
            awaited.set_result(response)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the current request."""
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(ConnectionError(f"the portal closed the connection: {exc}"))

    def expect(self) -> asyncio.Future[Response]:
        """Return a future for the next response."""
        self._awaited = asyncio.get_running_loop().create_future()
        return self._awaited

    async def send(self, request: bytes) -> Response:
        """Send a request, and wait for the response."""
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
    """When the response to the payment had arrived."""
    ticketed: float
    """When the receipt showed the ticket."""
    ended: float
    requests: int


@dataclass
class Buyer:
    """A person's journey through the portal, over one connection."""

    connection: Connection
    host: str
    token: str
    requests: int = field(default=0)

    async def buy(self, slug: str) -> Finished:
        """Hold a seat, look at it, check out, pay, and open the ticket with its QR code. Raise WrongResponse."""
        began = time.monotonic()
        await self._post(f"/events/{slug}/register", "/my-events")
        await self._get("/my-events")
        return await self._pay(began)

    async def buy_for_group(self, slug: str, type_id: int, count: int, code: str) -> Finished:
        """Do what `buy` does for several tickets with a promo code, and answer the questions about each."""
        began = time.monotonic()
        choice = {f"count-{type_id}": str(count), "code": code}
        questions = await self._post(f"/events/{slug}/register", "/my-events/", **choice)
        page = await self._get(questions)
        answers = {name.decode(): "CS-07" for name in _TEXT_FIELD.findall(page)}
        answers |= {name.decode(): "M" for name in _CHOICE_FIELD.findall(page)}
        if len(answers) != 2 * count:
            raise WrongResponse(f"GET {questions}: {len(answers)} questions instead of {2 * count}")
        await self._post(questions, "/checkout", **answers)
        return await self._pay(began)

    async def _pay(self, began: float) -> Finished:
        checkout = await self._get("/checkout")
        hidden = {name.decode(): value.decode() for name, value in _HIDDEN.findall(checkout)}
        if "idempotency_key" not in hidden:
            raise WrongResponse("GET /checkout: no idempotency key on the page")
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
                raise WrongResponse(f"GET {order}: not paid")
            if time.monotonic() > paid + MAX_WAIT:
                raise WrongResponse(f"GET {order}: no ticket within {MAX_WAIT:g} seconds")
            await asyncio.sleep(PAUSE)
        ticketed = time.monotonic()
        address = ticket[1].decode()
        if b"<svg" not in await self._get(address):
            raise WrongResponse(f"GET {address}: no QR code")
        return Finished(began, paid, ticketed, time.monotonic(), self.requests)

    async def _get(self, path: str) -> bytes:
        response = await self._send(f"GET {path} HTTP/1.1\r\n", "")
        if response.status != 200:
            raise WrongResponse(f"GET {path}: {response.status} {response.location}")
        return response.body

    async def _post(self, path: str, location: str, **fields: str) -> str:
        response = await self._send(f"POST {path} HTTP/1.1\r\n", urlencode(fields))
        if response.status != 303 or not response.location.startswith(location):
            raise WrongResponse(f"POST {path}: {response.status} {response.location}")
        return response.location

    async def _send(self, first_line: str, form: str) -> Response:
        self.requests += 1
        head = (
            f"{first_line}Host: {self.host}\r\nCookie: festgate_session={self.token}\r\n"
            "Accept-Encoding: gzip\r\n"
        )
        if first_line.startswith("POST"):
            head += (
                f"Sec-Fetch-Site: same-origin\r\nContent-Length: {len(form)}\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n"
            )
        return await self.connection.send(f"{head}\r\n{form}".encode())


async def shop(plan: dict[str, Any]) -> dict[str, Any]:
    """Let people buy for the time in the plan. Return the result, or raise WrongResponse at the first error."""
    loop = asyncio.get_running_loop()
    begins = time.monotonic() + plan["warm_up"]
    ends = begins + plan["seconds"]
    people = zip(plan["tokens"], _repeat(plan["events"]), strict=False)
    finished: list[Finished] = []

    async def keep_buying() -> None:
        _, connection = await loop.create_connection(Connection, "127.0.0.1", plan["port"])
        try:
            while time.monotonic() < ends:
                person = next(people, None)
                if person is None:
                    raise WrongResponse("there are not enough people for so many orders")
                buyer = Buyer(connection, f"127.0.0.1:{plan['port']}", person[0])
                slug, *group = person[1]
                finished.append(await (buyer.buy_for_group(slug, *group) if group else buyer.buy(slug)))
        finally:
            connection.close()

    async def measure_share() -> float:
        """Return this process's share of a core during the measurement."""
        await asyncio.sleep(begins - time.monotonic())
        used, since = time.process_time(), time.monotonic()
        await asyncio.sleep(ends - time.monotonic())
        return (time.process_time() - used) / (time.monotonic() - since)

    async with asyncio.TaskGroup() as group:
        share = group.create_task(measure_share())
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
        "client_share": share.result(),
    }


def _repeat(events: Sequence[list[Any]]) -> Iterator[list[Any]]:
    while True:
        yield from events


def per_part(counted: Sequence[Finished], begins: float, seconds: float, parts: int) -> list[float]:
    """Return the orders a second in each of `parts` equal parts of the window."""
    counts = [0] * parts
    for order in counted:
        counts[int((order.ended - begins) / seconds * parts)] += 1
    return [count / (seconds / parts) for count in counts]


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Return the 50th, 95th and 99th percentiles; 0 where there are no values."""
    ordered = sorted(values) or [0.0]
    return {
        f"p{share}": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)
    }


def main(plan_file: Path) -> int:
    """Run the plan and return the exit code: 1, with a message, if a response was wrong."""
    plan = json.loads(plan_file.read_text(encoding="utf-8"))
    try:
        result = uvloop.run(shop(plan))
    except* (WrongResponse, OSError, TimeoutError) as group:
        print(f"{group.exceptions[0]!r}", file=sys.stderr)
        result = None
    if result is None:
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
