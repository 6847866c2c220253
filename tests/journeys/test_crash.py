"""`kill -9` during many journeys: every visitor who was shown "Paid" has the order and gets the ticket."""

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
from tests.journeys.stage import Guest, announce, await_idle, check_data, invite, query_data
from tests.rig.database import copy_of, open_database
from tests.rig.forms import check_out, hidden_fields
from tests.rig.lengths import length, torture
from tests.rig.postgres import Cluster
from tests.rig.server import Serve, Server
from tests.rig.waiting import until
from tests.rig.wire import Answer, ClientConnection
from tests.server.processes import children_of

pytestmark = torture

JOURNEYS = length(200, 1500)
KILLS = length(2, 75)
"""Kills in each trial: 300 in the long form, over two trials and two kinds of database."""
KINDS = length(("sqlite",), ("sqlite", "postgresql"))
AT_ONCE = 40
WORKERS = 2
UNANSWERED = (TIMES_OUT, LOSES) * 3
"""Cards of the first visitors, whose payments the provider leaves open."""
SETTINGS = {"FESTGATE_PAYMENT_METHODS": "sandbox"}
KILL_AT = [JOURNEYS * number // (KILLS + 1) for number in range(1, KILLS + 1)]
"""Numbers of visitors shown "Paid" at which a process is killed."""
RETRY_SECONDS = 120.0
"""Seconds that a visitor keeps retrying while the server is down."""


@dataclass
class Crowd:
    """Visitors on their journeys, who retry when the server closes their connection."""

    server: Server
    paths: list[str]
    fest_data: "FestData"
    paid_refs: dict[str, str] = field(default_factory=dict)
    """The reference of each order that was shown to its visitor as paid, by username."""
    unconfirmed: set[str] = field(default_factory=set)
    """Visitors shown that the payment is not confirmed yet, or that nothing was charged."""
    disconnects: int = 0
    forms: dict[str, dict[str, str]] = field(default_factory=dict)
    """The hidden fields of the checkout form that each visitor has seen."""

    async def run_journey(self, guest: Guest, card: str, semaphore: asyncio.Semaphore) -> None:
        """Take a seat at each event, look at them, pay, and read the receipt."""
        async with semaphore, self._client(guest) as send:
            for path in self.paths:
                # A visitor who retries after a lost response may have got the seat the first time.
                assert (await send("POST", path, {})).status in (303, 409)
            assert (await send("GET", "/my-events", {})).status == 200
            checkout_page = (await send("GET", "/checkout", {})).text
            form = {"payment_method": "sandbox", "card_number": card}
            # After a lost response to a placed order there is nothing to pay, and the visitor sends the earlier form.
            self.forms[guest.username] = hidden_fields(checkout_page, "/checkout") or self.forms.get(
                guest.username, {}
            )
            paid = await send("POST", "/checkout", self.forms[guest.username] | form)
            assert (paid.status, paid.location[:8]) == (303, "/orders/")
            receipt = (await send("GET", paid.location, {})).text
            if "Paid." in receipt:
                self.paid_refs[guest.username] = paid.location.removeprefix("/orders/")
            else:
                assert "has not been confirmed yet" in receipt or "Nothing was charged." in receipt
                self.unconfirmed.add(guest.username)

    @asynccontextmanager
    async def _client(
        self, guest: Guest
    ) -> AsyncIterator[Callable[[str, str, dict[str, str]], Awaitable[Answer]]]:
        connection: ClientConnection | None = None

        async def send(method: str, path: str, fields: dict[str, str]) -> Answer:
            nonlocal connection
            async with asyncio.timeout(RETRY_SECONDS):
                while True:
                    try:
                        connection = connection or await ClientConnection.open(self.server.url)
                        if method == "GET":
                            return await connection.get(path, guest.cookie)
                        return await connection.post(path, fields, guest.cookie)
                    except OSError:
                        self.disconnects += 1
                        if connection is not None:
                            connection.close()
                        connection = None
                        await asyncio.sleep(0.1)

        try:
            yield send
        finally:
            if connection is not None:
                connection.close()


async def run_journeys(
    crowd: Crowd, guests: list[Guest], operation: Callable[[], None], unanswered: Sequence[str] = ()
) -> None:
    """Run all journeys, forty at a time, and call `operation` at each number of paid orders in KILL_AT.

    `unanswered` are the cards of the first visitors.
    """
    cards = [*unanswered, *[APPROVES] * (len(guests) - len(unanswered))]
    # Visitors whose payments stay open do not count towards the forty.
    semaphores = [asyncio.Semaphore(len(guests)), asyncio.Semaphore(AT_ONCE)]
    tasks = [
        asyncio.create_task(crowd.run_journey(guest, card, semaphores[card == APPROVES]))
        for guest, card in zip(guests, cards, strict=True)
    ]
    for number in KILL_AT:
        while len(crowd.paid_refs) < number and not all(task.done() for task in tasks):
            await asyncio.wait(tasks, timeout=0.005)
        await asyncio.to_thread(operation)
    await asyncio.gather(*tasks)


@dataclass(frozen=True)
class FestData:
    """A fest's data, and the settings of a server that serves from it."""

    url: str
    data: Path
    settings: dict[str, str]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Query the data; a server may be using them."""
        return query_data(self.url, self.data, sql)


@pytest.fixture(params=KINDS)
def fest_data(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FestData]:
    data = tmp_path / "fest"
    if request.param == "sqlite":
        yield FestData(copy_of(request.getfixturevalue("migrated_sqlite"), data), data, SETTINGS)
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    name = cluster.create(request.getfixturevalue("migrated_postgres"))
    url = cluster.url(name)
    yield FestData(url, data, SETTINGS | {"FESTGATE_DATABASE_URL": url})
    cluster.drop(name)


def create_data(fest_data: FestData) -> tuple[list[str], list[Guest]]:
    """Return the events' registration paths, and people with sessions."""
    with open_database(fest_data.url) as database:
        events = [database.write(announce, title, capacity=JOURNEYS) for title in ("Robo Race", "Hackathon")]
        guests = database.write(invite, JOURNEYS)
    return [f"/events/{event.slug}/register" for event in events], guests


def states(fest_data: FestData) -> dict[str, str]:
    """Return each order's state by its reference."""
    return dict(fest_data.rows("SELECT ref, state FROM checkout_orders"))


def crash(server: Server, crowd: Crowd) -> None:
    """Kill and restart the server. Every order that was shown as paid is still paid."""
    server.kill()
    paid_refs = dict(crowd.paid_refs)
    server.start()
    after = states(crowd.fest_data)
    assert {ref: after.get(ref) for ref in paid_refs.values()} == dict.fromkeys(paid_refs.values(), "paid")


def kill_one_worker(server: Server, crowd: Crowd) -> None:
    """Kill the oldest worker, and wait until the supervisor has replaced it."""
    paid_refs = dict(crowd.paid_refs)
    oldest_worker = children_of(server.pid)[0]
    os.kill(oldest_worker, signal.SIGKILL)
    until(lambda: len(set(children_of(server.pid)) - {oldest_worker}) == WORKERS, "the worker is replaced")
    after = states(crowd.fest_data)
    assert {ref: after.get(ref) for ref in paid_refs.values()} == dict.fromkeys(paid_refs.values(), "paid")


def await_payments(fest_data: FestData) -> None:
    """Ask the provider about open orders now instead of in 15 seconds; no request is in progress any more."""
    with open_database(fest_data.url) as database:
        database.write(make_due)
    until(lambda: "pending" not in states(fest_data).values(), "no order is pending", RETRY_SECONDS)


def make_due(connection: Connection) -> None:
    """Make every open order due for a query to the provider."""
    for (ref,) in connection.all(Statement(text("SELECT ref FROM checkout_orders WHERE state = 'pending'"))):
        try_now(connection, ref)


def check_result(server: Server, crowd: Crowd, guests: list[Guest]) -> None:
    """Assert that orders shown as paid are paid, that interrupted ones can be paid, and that nobody pays twice."""
    fest_data = crowd.fest_data
    orders = fest_data.rows("SELECT person_id, ref, state, total_minor FROM checkout_orders")
    assert len({person for person, *_ in orders}) == len(orders) == JOURNEYS
    assert {ref for _, ref, state, _ in orders if state == "paid"} >= set(crowd.paid_refs.values())
    unlucky = {person for person, _, state, _ in orders if state == "declined"}
    # One client for all: making one takes longer than a request.
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as browser:
        for guest in guests:
            if guest.id in unlucky:
                again = check_out(browser, guest.cookie, payment_method="sandbox")
                crowd.paid_refs[guest.username] = again.headers["location"].removeprefix("/orders/")
        paid = fest_data.rows("SELECT person_id, ref, total_minor FROM checkout_orders WHERE state = 'paid'")
        assert len(paid) == len({person for person, *_ in paid}) == JOURNEYS
        charged = fest_data.rows(
            "SELECT order_ref, amount_minor FROM checkout_sandbox_charges WHERE approved = 1"
        )
        assert sorted(charged) == sorted((ref, total) for _, ref, total in paid)
        assert fest_data.rows("SELECT count(*) FROM checkout_refunds") == [(0,)]
        await_idle(server)
        refs = {person: ref for person, ref, _ in paid}
        for guest in guests:
            assert crowd.paid_refs.get(guest.username, refs[guest.id]) == refs[guest.id]
            receipt = browser.get(f"/orders/{refs[guest.id]}", headers=guest.cookie).text
            assert len(set(re.findall(r'href="/tickets/[0-9A-Z]{16}"', receipt))) == len(crowd.paths)
    check_data(fest_data.data, fest_data.settings)


def test_every_order_shown_as_paid_is_kept_and_has_tickets_after_crashes(
    serve: Serve, fest_data: FestData
) -> None:
    paths, guests = create_data(fest_data)
    server = serve(data=fest_data.data, extra=fest_data.settings)
    crowd = Crowd(server, paths, fest_data)
    asyncio.run(run_journeys(crowd, guests, partial(crash, server, crowd), UNANSWERED))
    assert crowd.disconnects > 0
    assert len(crowd.paid_refs) + len(crowd.unconfirmed) == JOURNEYS
    await_payments(fest_data)
    check_result(server, crowd, guests)


def test_killed_workers_are_replaced_and_no_paid_order_is_lost(serve: Serve, fest_data: FestData) -> None:
    paths, guests = create_data(fest_data)
    server = serve("--workers", str(WORKERS), data=fest_data.data, extra=fest_data.settings)
    crowd = Crowd(server, paths, fest_data)
    asyncio.run(run_journeys(crowd, guests, partial(kill_one_worker, server, crowd)))
    assert crowd.disconnects > 0
    await_payments(fest_data)
    check_result(server, crowd, guests)
    assert server.stop() == 0
