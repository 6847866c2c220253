"""Passes and single tickets race for the last seats of overlapping sets of events, in several processes at once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from sqlalchemy import func, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import MINUTE
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Refused
from festgate.kit.visitors import COMMAND
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.exchanges import Wish, exchange_ticket
from festgate.portal.registrations import queries
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.holds import hold_seats
from festgate.portal.tickets.facade import is_used
from tests.portal.registrations.pass_fest import HOLD_MINUTES, add_pass, check, single, take, taken
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

PROCESSES = 6
CLIENTS = 64
CAPACITY = 8
Client: TypeAlias = Callable[[Database], Coroutine[Any, Any, object]]
_activity = table("pg_stat_database", column("datname"), column("deadlocks"))
_deadlocks = Statement(
    select(func.sum(_activity.c.deadlocks)).where(_activity.c.datname == func.current_database())
)


def test_passes_and_single_tickets_never_oversell_or_block_each_other(database: OpenDatabase) -> None:
    events = [add_event(database, fee=0, capacity=CAPACITY) for _ in range(4)]
    first, second, third, fourth = events
    # Each names its events in another order, and the homes are at the ends and in the middle.
    sold = [
        (first, add_pass(database, first, [fourth, second], fee=900)),
        (fourth, add_pass(database, fourth, [third, first], quota=5)),
        (second, add_pass(database, second, [third, fourth, first])),
        (third, single(database, third)),
        (first, single(database, first)),
        (fourth, single(database, fourth)),
    ]
    # All that is left of some seats are ended holds, which are swept in the race.
    for _ in range(3):
        take(database, add_someone(database), sold[0][1])
    database.clock.move(HOLD_MINUTES * MINUTE)
    for gives_back in (True, False):
        people = [add_someone(database) for _ in range(CLIENTS)]
        clients = [
            _client(person, *sold[at % len(sold)], gives_back and at % 3 == 0)
            for at, person in enumerate(people)
        ]
        # First each operation in a transaction of its own, then as many as a process commits together.
        results = race(database, clients, one_by_one=gives_back)
        assert [result for result in results if not isinstance(result, list | Refused)] == []
        check(database)
        assert all(count <= CAPACITY for count in taken(database, *events))
        if gives_back and database.dialect == "postgresql":
            assert database.read(lambda connection: int(connection.value(_deadlocks))) == 0
    for home, kind in sold:  # the last race had more clients than there were seats, and nobody cancelled
        kind_left = catalogue.type_of(database.read(catalogue.types_of, home.id), kind.id).left
        home_left = CAPACITY - taken(database, home)[0]
        assert 0 in (home_left, kind_left)
    database.clock.move(HOLD_MINUTES * MINUTE)
    check(database)


def test_exchanges_race_with_each_other_and_with_buyers(database: OpenDatabase) -> None:
    events = [add_event(database, fee=0, capacity=CAPACITY) for _ in range(4)]
    first, second, third, fourth = events
    kinds = [
        add_pass(database, first, [fourth, second]),
        add_pass(database, fourth, [third, first], quota=5),
        add_pass(database, second, [third]),
        *(single(database, event) for event in events),
    ]
    holders = [add_someone(database) for _ in range(14)]
    owned = [take(database, person, kinds[at % len(kinds)])[0] for at, person in enumerate(holders)]
    clients = [
        _exchanger(database, seat, kinds[(at + step) % len(kinds)])
        for step in range(1, 4)
        for at, seat in enumerate(owned)
    ]
    homes = {event.id: event for event in events}
    for at in range(12):
        kind = kinds[at % len(kinds)]
        clients.insert(3 * at, _client(add_someone(database), homes[kind.event_id], kind, at % 2 == 0))
    results = race(database, clients, one_by_one=True)
    assert [result for result in results if not isinstance(result, list | int | Refused)] == []
    assert any(isinstance(result, int) for result in results)
    check(database)
    assert all(count <= CAPACITY for count in taken(database, *events))
    if database.dialect == "postgresql":
        assert database.read(lambda connection: int(connection.value(_deadlocks))) == 0


def _exchanger(database: OpenDatabase, seat: int, kind: catalogue.TicketType) -> Client:
    """Return a client that exchanges a ticket for one of that type."""
    wish = Wish(database.read(catalogue.event_by_id, kind.event_id).slug, kind.id, "even")

    async def run(process: Database) -> int:
        return await process.write(exchange_ticket, COMMAND, seat, wish, is_used)

    return run


def _client(
    person: int,
    home: catalogue.Event,
    kind: catalogue.TicketType,
    gives_back: bool,
) -> Client:
    """Return a client that takes a ticket, and perhaps cancels it again."""

    def hold(connection: Connection) -> list[int]:
        return hold_seats(connection, person, home.slug, HOLD_MINUTES, choice=Choice({kind.id: 1}))

    async def run(process: Database) -> list[int]:
        seats = await process.write(hold)
        if gives_back and (await process.read(queries.seat, seats[0])).order_id is None:
            await process.write(cancel_seat, person, seats[0])
        return seats

    return run


def race(database: OpenDatabase, clients: list[Client], *, one_by_one: bool) -> list[object]:
    """Run the clients in several processes at once; return their results and errors.

    `one_by_one`: a process runs one client after the other, so that no two operations share a transaction.
    """

    async def in_turn(process: Database, own: list[Client]) -> list[object]:
        if not one_by_one:
            return await asyncio.gather(*(client(process) for client in own), return_exceptions=True)
        return [
            result
            for client in own
            for result in await asyncio.gather(client(process), return_exceptions=True)
        ]

    async def run() -> list[object]:
        processes = [Database(database.url, clock=database.clock) for _ in range(PROCESSES)]
        for process in processes:
            await process.open()
        try:
            shares = [clients[at::PROCESSES] for at in range(PROCESSES)]
            done = await asyncio.gather(*map(in_turn, processes, shares))
        finally:
            for process in processes:
                await process.close()
        return [result for results in done for result in results]

    return database.run(run())
