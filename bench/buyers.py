"""People who each buy a ticket, all the way, again and again: the load of whole orders.

    python -m bench.buyers PLAN.json

They ask as browsers do: one connection a person, compressed answers, and where a form came from. A process of its own
that costs little: answers are read no further than they have to be. The plan says port, tokens, slugs, people at once,
seconds of warm-up and of measuring, and in how many parts to count; the result goes to standard output as JSON.
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
"""Seconds before a person whose ticket is still being made looks again."""
MAX_WAIT = 10.0
"""Seconds for any answer, and for a ticket."""
CARD = "4242 4242 4242 4242"

_ZIPPED = re.compile(rb"\r\ncontent-encoding: gzip", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: ([^\r]+)", re.IGNORECASE)
_HIDDEN = re.compile(rb'<input type="hidden" name="(\w+)" value="([^"]*)"')
_TICKET = re.compile(rb'href="(/tickets/[0-9A-Z]{16})"')


class WrongAnswer(Exception):
    """The journey cannot go on; the sentence says at which step, and what came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the portal said."""

    status: int
    location: str
    body: bytes


class Line(asyncio.Protocol):
    """One connection that is kept alive, one question at a time."""

    def __init__(self) -> None:
        """Connected by the loop."""
        self._came = bytearray()
        self._awaited: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has connected it."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answers the question once its whole answer is there."""
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
        """Whoever waits hears of it."""
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(ConnectionError(f"the portal closed the connection: {exc}"))

    def expect(self) -> asyncio.Future[Answer]:
        """The next answer that comes."""
        self._awaited = asyncio.get_running_loop().create_future()
        return self._awaited

    async def ask(self, request: bytes) -> Answer:
        """Send it, and wait for the answer."""
        assert self._transport is not None  # noqa: S101
        awaited = self.expect()
        self._transport.write(request)
        return await asyncio.wait_for(awaited, MAX_WAIT)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


@dataclass(frozen=True, slots=True)
class Finished:
    """One whole order. Times of the monotonic clock, in seconds."""

    began: float
    paid: float
    """The answer to the payment had come."""
    ticketed: float
    """The receipt showed the ticket."""
    ended: float
    requests: int


@dataclass
class Buyer:
    """One person's way through the portal, over one connection."""

    line: Line
    host: str
    token: str
    requests: int = field(default=0)

    async def buy(self, slug: str) -> Finished:
        """Hold a seat, look at it, check out, pay, and fetch the ticket with its code. Raises WrongAnswer."""
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
    """Let people buy for as long as the plan says; what came of it. Raises WrongAnswer at the first wrong answer."""
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
                    raise WrongAnswer("there are not enough people for that many orders")
                buyer = Buyer(line, f"127.0.0.1:{plan['port']}", person[0])
                finished.append(await buyer.buy(person[1]))
        finally:
            line.close()

    async def watch() -> float:
        """This process's share of a core while it is measured."""
        await asyncio.sleep(begins - time.monotonic())
        used, since = time.process_time(), time.monotonic()
        await asyncio.sleep(ends - time.monotonic())
        return (time.process_time() - used) / (time.monotonic() - since)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        for _ in range(plan["people"]):
            group.create_task(keep_buying())
    counted = [each for each in finished if begins <= each.ended < ends]
    return {
        "per_part": per_part(counted, begins, plan["seconds"], plan["parts"]),
        "orders": len(counted),
        "all_orders": len(finished),
        "requests": sum(each.requests for each in counted) / max(1, len(counted)),
        "seconds_whole": quantiles([each.ended - each.began for each in counted]),
        "seconds_to_ticket": quantiles([each.ticketed - each.paid for each in counted]),
        "client_share": watching.result(),
    }


def _round_and_round(slugs: Sequence[str]) -> Iterator[str]:
    while True:
        yield from slugs


def per_part(counted: Sequence[Finished], begins: float, seconds: float, parts: int) -> list[float]:
    """Orders a second in each of `parts` equal pieces of the window."""
    counts = [0] * parts
    for each in counted:
        counts[int((each.ended - begins) / seconds * parts)] += 1
    return [count / (seconds / parts) for count in counts]


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """The values that 50, 95 and 99 % lie at or below; 0 where there are none."""
    ordered = sorted(values) or [0.0]
    return {
        f"p{share}": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)
    }


def main(plan_file: Path) -> int:
    """The exit code: 1, and the sentence on standard error, when an answer was wrong."""
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
