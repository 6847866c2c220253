"""`kill -9` in the middle of many journeys: whoever was told "paid" has the order and gets the ticket."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from festgate.kit.db.statements import Connection, Statement
from festgate.portal.checkout.orders import try_now
from festgate.portal.checkout.sandbox import APPROVES, LOSES, TIMES_OUT
from tests.journeys.stage import Guest, announce, ask_data, holds, invite, quiet
from tests.rig.database import copy_of, open_database
from tests.rig.forms import check_out, hidden_fields
from tests.rig.lengths import length, torture
from tests.rig.postgres import Cluster
from tests.rig.server import Serve, Server
from tests.rig.waiting import until
from tests.rig.wire import Answer, Line
from tests.server.processes import children_of

pytestmark = torture

JOURNEYS = length(200, 1500)
KILLS = length(2, 75)
"""Of each trial: 300 in the long form, over two trials and two kinds of database."""
KINDS = length(("sqlite",), ("sqlite", "postgresql"))
AT_ONCE = 40
WORKERS = 2
UNANSWERED = (TIMES_OUT, LOSES) * 3
"""Cards of those who come first, whose payments the provider leaves open."""
SETTINGS = {"FESTGATE_PAYMENT_METHODS": "sandbox"}
KILLS_AFTER = [JOURNEYS * number // (KILLS + 1) for number in range(1, KILLS + 1)]
"""When something happens to the server: once that many people have been told "paid"."""
PATIENCE = 120.0
"""Seconds that a person keeps trying while the gate is shut."""


@dataclass
class Crowd:
    """People on their way through the portal, who come again when it hangs up on them."""

    server: Server
    paths: list[str]
    ground: "Ground"
    told: dict[str, str] = field(default_factory=dict)
    """Whoever has read on the order's page that it is paid, and the order's reference."""
    untold: set[str] = field(default_factory=set)
    """Whoever has read that the payment is not answered yet, or was cut off before it was charged."""
    hung_up: int = 0
    forms: dict[str, dict[str, str]] = field(default_factory=dict)
    """The hidden fields of the checkout form that each person has seen."""

    async def walk(self, guest: Guest, card: str, gate: asyncio.Semaphore) -> None:
        """Take a seat at each event, look at them, pay, and read the receipt."""
        async with gate, self._line(guest) as ask:
            for path in self.paths:
                # Whoever asks again because no answer came may have got the seat the first time.
                assert (await ask("POST", path, {})).status in (303, 409)
            assert (await ask("GET", "/my-events", {})).status == 200
            till = (await ask("GET", "/checkout", {})).text
            form = {"payment_method": "sandbox", "card_number": card}
            # Someone who was cut off after the order was placed finds nothing to pay, and sends the form from before.
            self.forms[guest.username] = hidden_fields(till, "/checkout") or self.forms.get(
                guest.username, {}
            )
            paid = await ask("POST", "/checkout", self.forms[guest.username] | form)
            assert (paid.status, paid.location[:8]) == (303, "/orders/")
            receipt = (await ask("GET", paid.location, {})).text
            if "Paid." in receipt:
                self.told[guest.username] = paid.location.removeprefix("/orders/")
            else:
                assert "has not been confirmed yet" in receipt or "Nothing was charged." in receipt
                self.untold.add(guest.username)

    @asynccontextmanager
    async def _line(
        self, guest: Guest
    ) -> AsyncIterator[Callable[[str, str, dict[str, str]], Awaitable[Answer]]]:
        line: Line | None = None

        async def ask(method: str, path: str, fields: dict[str, str]) -> Answer:
            nonlocal line
            async with asyncio.timeout(PATIENCE):
                while True:
                    try:
                        line = line or await Line.open(self.server.url)
                        if method == "GET":
                            return await line.get(path, guest.cookie)
                        return await line.post(path, fields, guest.cookie)
                    except OSError:
                        self.hung_up += 1
                        if line is not None:
                            line.close()
                        line = None
                        await asyncio.sleep(0.1)

        try:
            yield ask
        finally:
            if line is not None:
                line.close()


async def journeys(
    crowd: Crowd, guests: list[Guest], operation: Callable[[], None], unanswered: Sequence[str] = ()
) -> None:
    """All journeys, forty at a time; `operation` is done each time that so many more people have been told "paid".

    `unanswered` are the cards of those who come first.
    """
    cards = [*unanswered, *[APPROVES] * (len(guests) - len(unanswered))]
    # Those whose payments hang stand beside the queue, not in it.
    gates = [asyncio.Semaphore(len(guests)), asyncio.Semaphore(AT_ONCE)]
    walks = [
        asyncio.create_task(crowd.walk(guest, card, gates[card == APPROVES]))
        for guest, card in zip(guests, cards, strict=True)
    ]
    for number in KILLS_AFTER:
        while len(crowd.told) < number and not all(walk.done() for walk in walks):
            await asyncio.wait(walks, timeout=0.005)
        await asyncio.to_thread(operation)
    await asyncio.gather(*walks)


@dataclass(frozen=True)
class Ground:
    """A fest's data, and the settings of a server that serves from it."""

    url: str
    data: Path
    settings: dict[str, str]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what the data say, read beside the server."""
        return ask_data(self.url, self.data, sql)


@pytest.fixture(params=KINDS)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    data = tmp_path / "fest"
    if request.param == "sqlite":
        yield Ground(copy_of(request.getfixturevalue("migrated_sqlite"), data), data, SETTINGS)
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    name = cluster.create(request.getfixturevalue("migrated_postgres"))
    url = cluster.url(name)
    yield Ground(url, data, SETTINGS | {"FESTGATE_DATABASE_URL": url})
    cluster.drop(name)


def plant(ground: Ground) -> tuple[list[str], list[Guest]]:
    """Return the events' registration paths, and people with sessions."""
    with open_database(ground.url) as database:
        events = [database.write(announce, title, capacity=JOURNEYS) for title in ("Robo Race", "Hackathon")]
        guests = database.write(invite, JOURNEYS)
    return [f"/events/{event.slug}/register" for event in events], guests


def states(ground: Ground) -> dict[str, str]:
    """Return each order's state by its reference."""
    return dict(ground.rows("SELECT ref, state FROM checkout_orders"))


def crash(server: Server, crowd: Crowd) -> None:
    """The power goes, and comes back: what anyone was told is still so."""
    server.kill()
    told = dict(crowd.told)
    server.start()
    kept = states(crowd.ground)
    assert {ref: kept.get(ref) for ref in told.values()} == dict.fromkeys(told.values(), "paid")


def kill_one_worker(server: Server, crowd: Crowd) -> None:
    """The worker that has served longest dies; its parent starts another."""
    told = dict(crowd.told)
    oldest = children_of(server.pid)[0]
    os.kill(oldest, signal.SIGKILL)
    until(lambda: len(set(children_of(server.pid)) - {oldest}) == WORKERS, "a new worker is there")
    kept = states(crowd.ground)
    assert {ref: kept.get(ref) for ref in told.values()} == dict.fromkeys(told.values(), "paid")


def settle(ground: Ground) -> None:
    """Nobody's request is under way any more: what is open is asked about now, and not in a quarter of a minute."""
    with open_database(ground.url) as database:
        database.write(ask_now)
    until(lambda: "pending" not in states(ground).values(), "no order is pending", PATIENCE)


def ask_now(connection: Connection) -> None:
    """Have the provider asked about every open order at once."""
    for (ref,) in connection.all(Statement(text("SELECT ref FROM checkout_orders WHERE state = 'pending'"))):
        try_now(connection, ref)


def prove(server: Server, crowd: Crowd, guests: list[Guest]) -> None:
    """Everybody has what they were told; whose order was cut off before it was charged pays again; none pays twice."""
    ground = crowd.ground
    orders = ground.rows("SELECT person_id, ref, state, total_minor FROM checkout_orders")
    assert len({person for person, *_ in orders}) == len(orders) == JOURNEYS
    assert {ref for _, ref, state, _ in orders if state == "paid"} >= set(crowd.told.values())
    unlucky = {person for person, _, state, _ in orders if state == "declined"}
    # One client for all: making one takes longer than a request.
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as browser:
        for guest in guests:
            if guest.id in unlucky:
                again = check_out(browser, guest.cookie, payment_method="sandbox")
                crowd.told[guest.username] = again.headers["location"].removeprefix("/orders/")
        paid = ground.rows("SELECT person_id, ref, total_minor FROM checkout_orders WHERE state = 'paid'")
        assert len(paid) == len({person for person, *_ in paid}) == JOURNEYS
        charged = ground.rows(
            "SELECT order_ref, amount_minor FROM checkout_sandbox_charges WHERE approved = 1"
        )
        assert sorted(charged) == sorted((ref, total) for _, ref, total in paid)
        assert ground.rows("SELECT count(*) FROM checkout_refunds") == [(0,)]
        quiet(server)
        refs = {person: ref for person, ref, _ in paid}
        for guest in guests:
            assert crowd.told.get(guest.username, refs[guest.id]) == refs[guest.id]
            receipt = browser.get(f"/orders/{refs[guest.id]}", headers=guest.cookie).text
            assert len(re.findall(r'href="/tickets/[0-9A-Z]{16}"', receipt)) == len(crowd.paths)
    holds(ground.data, ground.settings)


def test_nobody_who_was_told_paid_lacks_the_order_or_the_ticket_after_crashes(
    serve: Serve, ground: Ground
) -> None:
    paths, guests = plant(ground)
    server = serve(data=ground.data, extra=ground.settings)
    crowd = Crowd(server, paths, ground)
    asyncio.run(journeys(crowd, guests, partial(crash, server, crowd), UNANSWERED))
    assert crowd.hung_up > 0
    assert len(crowd.told) + len(crowd.untold) == JOURNEYS
    settle(ground)
    prove(server, crowd, guests)


def test_when_one_worker_after_the_other_is_killed_the_rest_goes_on_and_nothing_is_lost(
    serve: Serve, ground: Ground
) -> None:
    paths, guests = plant(ground)
    server = serve("--workers", str(WORKERS), data=ground.data, extra=ground.settings)
    crowd = Crowd(server, paths, ground)
    asyncio.run(journeys(crowd, guests, partial(kill_one_worker, server, crowd)))
    assert crowd.hung_up > 0
    settle(ground)
    prove(server, crowd, guests)
    assert server.stop() == 0
