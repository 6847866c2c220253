"""Five hundred people want fifty seats in the same instant, on a real server and over real connections."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from festgate.portal.catalogue.facade import Event
from festgate.portal.registrations import facade as registrations
from tests.journeys.stage import Guest, announce, holds, invite, invite_one
from tests.rig import postgres
from tests.rig.database import copy_of, open_database
from tests.rig.forms import hidden_fields
from tests.rig.lengths import length, torture
from tests.rig.server import Server, serving
from tests.rig.wire import Answer, Line, exchange, request

pytestmark = torture

ROUNDS = length(1, 15)
"""How often half a thousand people race, each time for the seats of an event of its own."""
CROWD = 500
SEATS = 50
TWICE = 50
"""How often one person asks at once."""


@dataclass(frozen=True)
class House:
    """A server over a fest that half a thousand people wait for."""

    server: Server
    url: str
    extra: dict[str, str]
    crowd: list[Guest]
    impatient: Guest
    open: Event
    """With seats for everyone."""

    def announce(self, title: str, fee: int) -> Event:
        """Return a new event with few seats."""
        with open_database(self.url) as database:
            return database.write(announce, title, fee=fee, capacity=SEATS)

    def holders(self, event: Event) -> set[str]:
        """Who has a seat at the event, held or confirmed, by the rows."""
        with open_database(self.url) as database:
            return {
                guest.username
                for guest in self.crowd
                for seat in database.read(registrations.seats_of, guest.id)
                if seat.event_id == event.id and seat.state in ("held", "confirmed")
            }


@pytest.fixture(
    scope="module",
    params=[("sqlite", 1), ("sqlite", 2), ("postgresql", 2)],
    ids=["sqlite", "sqlite, two workers", "postgresql, two workers"],
)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
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
            wide = database.write(announce, "Music Night", capacity=CROWD)
        server = stack.enter_context(serving(folder / "fest", "--workers", str(workers), extra=extra))
        yield House(server, url, extra, crowd, impatient, wide)
        assert "unhandled exception" not in server.log()
        holds(server.data, extra)


async def at_once(house: House, guests: Sequence[Guest], path: str, **fields: str) -> list[Answer]:
    """Everybody connects first, and then sends the form in the same instant."""
    lines = await asyncio.gather(*(Line.open(house.server.url) for _ in guests))
    sent = (line.post(path, fields, guest.cookie) for line, guest in zip(lines, guests, strict=True))
    answers = await asyncio.gather(*sent)
    for line in lines:
        line.close()
    return answers


@pytest.mark.parametrize("fee", [0, 45_000], ids=["free", "paid"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_500_who_race_for_50_seats_exactly_50_get_one(house: House, fee: int, number: int) -> None:
    event = house.announce(f"Race {number} for {fee}", fee)
    answers = asyncio.run(at_once(house, house.crowd, f"/events/{event.slug}/register"))
    assert Counter(answer.status for answer in answers) == {303: SEATS, 409: CROWD - SEATS}
    assert {answer.location for answer in answers if answer.status == 303} == {"/my-events"}
    for refusal in (answer.text for answer in answers if answer.status == 409):
        assert "Sold out" in refusal
        assert "so check back later" in refusal
        assert 'href="/events"' in refusal
    told = {
        guest.username for guest, answer in zip(house.crowd, answers, strict=True) if answer.status == 303
    }
    assert house.holders(event) == told


def test_one_person_who_asks_fifty_times_at_once_gets_one_seat_and_one_order(house: House) -> None:
    impatient = [house.impatient] * TWICE
    answers = asyncio.run(at_once(house, impatient, f"/events/{house.open.slug}/register"))
    assert Counter(answer.status for answer in answers) == {303: 1, 409: TWICE - 1}
    assert all("You are already registered" in answer.text for answer in answers if answer.status == 409)
    till = exchange(house.server.url, request("GET", "/checkout", house.impatient.cookie))
    shown = hidden_fields(till.text, "/checkout")
    payments = asyncio.run(at_once(house, impatient, "/checkout", payment_method="sandbox", **shown))
    assert {answer.status for answer in payments} == {303}
    assert len({answer.location for answer in payments}) == 1
    with open_database(house.url) as database:
        (seat,) = database.read(registrations.seats_of, house.impatient.id)
        assert (seat.state, seat.order_id is not None) == ("confirmed", True)
