"""Five hundred people request fifty seats at the same moment, on a real server over real connections."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event
from festgate.portal.registrations import facade as registrations
from tests.journeys.stage import Guest, announce, check_data, invite, invite_one
from tests.rig import postgres
from tests.rig.database import copy_of, open_database
from tests.rig.forms import hidden_fields
from tests.rig.lengths import length, torture
from tests.rig.server import Server, serving
from tests.rig.wire import Answer, ClientConnection, exchange, request

pytestmark = torture

ROUNDS = length(1, 15)
"""How often 500 people race, each time for the seats of a new event."""
CROWD = 500
SEATS = 50
REPEATS = 50
"""Concurrent requests of one person."""
USES = 20
"""Tickets that a promo code is for."""


@dataclass(frozen=True)
class Race:
    """A server, and 500 people who request seats."""

    server: Server
    url: str
    extra: dict[str, str]
    crowd: list[Guest]
    impatient: Guest
    open: Event
    """An event with seats for everyone."""

    def announce(self, title: str, fee: int) -> Event:
        """Return a new event with few seats."""
        with open_database(self.url) as database:
            return database.write(announce, title, fee=fee, capacity=SEATS)

    def holders(self, event: Event) -> set[str]:
        """Return the usernames of people with a held or confirmed seat at the event, from the database."""

        def query(connection: Connection) -> set[str]:
            return {
                guest.username
                for guest in self.crowd
                for seat in registrations.seats_of(connection, guest.id)
                if seat.event_id == event.id and seat.state in ("held", "confirmed")
            }

        with open_database(self.url) as database:
            return database.report(query)


@pytest.fixture(
    scope="module",
    params=[("sqlite", 1), ("sqlite", 2), ("postgresql", 2)],
    ids=["sqlite", "sqlite, two workers", "postgresql, two workers"],
)
def race(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Race]:
    kind, workers = request.param
    folder = tmp_path_factory.mktemp("race")
    with ExitStack() as stack:
        if kind == "sqlite":
            migrated: Path = request.getfixturevalue("migrated_sqlite")
            url, extra = copy_of(migrated, folder / "fest"), {}
        else:
            cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
            name = cluster.create(request.getfixturevalue("migrated_postgres"))
            stack.callback(cluster.drop, name)
            url = cluster.url(name)
            extra = {"FESTGATE_DATABASE_URL": url}
        extra["FESTGATE_PAYMENT_METHODS"] = "sandbox"
        with open_database(url) as database:
            crowd = database.write(invite, CROWD)
            impatient = database.write(invite_one, "impatient")
            open_event = database.write(announce, "Music Night", capacity=CROWD)
        server = stack.enter_context(serving(folder / "fest", "--workers", str(workers), extra=extra))
        yield Race(server, url, extra, crowd, impatient, open_event)
        assert "unhandled exception" not in server.log()
        check_data(server.data, extra)


async def send_at_once(race: Race, guests: Sequence[Guest], path: str, **fields: str) -> list[Answer]:
    """Open all connections first, then send all forms at the same moment."""
    connections = await asyncio.gather(*(ClientConnection.open(race.server.url) for _ in guests))
    sent = (
        connection.post(path, fields, guest.cookie)
        for connection, guest in zip(connections, guests, strict=True)
    )
    answers = await asyncio.gather(*sent)
    for connection in connections:
        connection.close()
    return answers


@pytest.mark.parametrize("fee", [0, 45_000], ids=["free", "paid"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_exactly_50_of_500_concurrent_registrations_get_one_of_50_seats(
    race: Race, fee: int, number: int
) -> None:
    event = race.announce(f"Race {number} for {fee}", fee)
    answers = asyncio.run(send_at_once(race, race.crowd, f"/events/{event.slug}/register"))
    assert Counter(answer.status for answer in answers) == {303: SEATS, 409: CROWD - SEATS}
    assert {answer.location for answer in answers if answer.status == 303} == {"/my-events"}
    for refusal in (answer.text for answer in answers if answer.status == 409):
        assert "Sold out" in refusal
        assert "so check back later" in refusal
        assert 'href="/events"' in refusal
    successful = {
        guest.username for guest, answer in zip(race.crowd, answers, strict=True) if answer.status == 303
    }
    assert race.holders(event) == successful


def test_fifty_concurrent_requests_of_one_person_make_one_seat_and_one_order(race: Race) -> None:
    impatient = [race.impatient] * REPEATS
    answers = asyncio.run(send_at_once(race, impatient, f"/events/{race.open.slug}/register"))
    own_seat = f"/events/{race.open.slug}?already=1"
    assert Counter(answer.location for answer in answers) == {"/my-events": 1, own_seat: REPEATS - 1}
    page = exchange(race.server.url, request("GET", own_seat, race.impatient.cookie)).text
    assert "You are already registered for this event." in page
    checkout_page = exchange(race.server.url, request("GET", "/checkout", race.impatient.cookie))
    fields = hidden_fields(checkout_page.text, "/checkout")
    payments = asyncio.run(send_at_once(race, impatient, "/checkout", payment_method="sandbox", **fields))
    assert {answer.status for answer in payments} == {303}
    assert len({answer.location for answer in payments}) == 1
    with open_database(race.url) as database:
        (seat,) = database.read(registrations.seats_of, race.impatient.id)
        assert (seat.state, seat.order_id is not None) == ("confirmed", True)


@dataclass(frozen=True)
class ForCode:
    """An event with a promo code of few uses."""

    event: Event
    ticket: int
    code: str


def announce_with_code(race: Race) -> ForCode:
    with open_database(race.url) as database:
        event = database.write(announce, "Race for a code", fee=45_000, capacity=3 * CROWD)
        (only,) = database.read(catalogue.types_of, event.id)
        details = replace(only.details, max_per_order=3)
        database.write(catalogue.edit_ticket_type, event.slug, only.id, details, registrations.count_of_type)
        database.write(catalogue.limit_per_person, event.slug, 3)
        terms = catalogue.CodeTerms("percentage", 5_000, event_id=event.id, max_uses=USES)
        return ForCode(event, only.id, database.write(catalogue.create_code, "LAST20", terms).code)


def test_500_people_with_different_numbers_of_tickets_share_the_last_uses_of_a_promo_code(race: Race) -> None:
    wanted = announce_with_code(race)
    path = f"/events/{wanted.event.slug}/register"

    async def send() -> list[Answer]:
        connections = await asyncio.gather(*(ClientConnection.open(race.server.url) for _ in race.crowd))
        sent = (
            connection.post(
                path, {f"count-{wanted.ticket}": str(1 + number % 3), "code": "last20"}, guest.cookie
            )
            for number, (connection, guest) in enumerate(zip(connections, race.crowd, strict=True))
        )
        answers = await asyncio.gather(*sent)
        for connection in connections:
            connection.close()
        return answers

    answers = asyncio.run(send())
    taken = sum(1 + number % 3 for number, answer in enumerate(answers) if answer.location == "/my-events")
    # Somebody with one ticket comes after each refusal, so that no use is left.
    assert taken == USES
    refused = f"/events/{wanted.event.slug}?problem=code-not-valid&code=last20"
    assert {answer.location for answer in answers} == {"/my-events", refused}
    with open_database(race.url) as database:
        assert database.read(catalogue.all_codes)[0].used == USES
        assert database.read(catalogue.event_by_id, wanted.event.id).taken == USES
