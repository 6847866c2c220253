"""Five hundred people want fifty seats in the same instant, on a real server and over real connections."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from festgate.registrations import facade as registrations
from tests.journeys.stage import Guest, announce, invite, holds
from tests.rig.database import OpenDatabase, open_database
from tests.rig.server import Serve, Server
from tests.rig.wire import Answer, Line

CROWD = 500
SEATS = 50
TWO = ("--workers", "2")


@pytest.fixture
def extra(database_url: str) -> dict[str, str]:
    """The settings under which a server uses the test's database."""
    return {} if database_url.startswith("sqlite") else {"FESTGATE_DATABASE_URL": database_url}


async def rush(server: Server, path: str, crowd: Sequence[Guest]) -> list[Answer]:
    """Everybody connects first, and then asks for the seat at once."""
    lines = await asyncio.gather(*(Line.open(server.url) for _ in crowd))
    asked = (line.post(path, headers=guest.cookie) for line, guest in zip(lines, crowd, strict=True))
    answers = await asyncio.gather(*asked)
    for line in lines:
        line.close()
    return answers


def holders(database: OpenDatabase, crowd: Sequence[Guest]) -> set[str]:
    """Who has a seat, held or confirmed."""
    return {
        guest.username
        for guest in crowd
        for seat in database.read(registrations.seats_of, guest.id)
        if seat.state in ("held", "confirmed")
    }


@pytest.mark.parametrize(
    "database_url, arguments",
    [("sqlite", ()), ("sqlite", TWO), ("postgresql", TWO)],
    indirect=["database_url"],
    ids=["sqlite", "sqlite, two workers", "postgresql, two workers"],
)
@pytest.mark.parametrize("fee", [0, 45_000], ids=["free", "paid"])
def test_of_500_who_race_for_50_seats_exactly_50_get_one(
    serve: Serve, database_url: str, extra: dict[str, str], arguments: tuple[str, ...], fee: int, tmp_path: Path
) -> None:
    with open_database(database_url) as database:
        crowd = database.write(invite, CROWD)
        event = database.write(announce, "Robo Race", fee=fee, capacity=SEATS)
    server = serve(*arguments, data=tmp_path / "fest", extra=extra)
    answers = asyncio.run(rush(server, f"/events/{event.slug}/register", crowd))
    assert Counter(answer.status for answer in answers) == {303: SEATS, 409: CROWD - SEATS}
    for answer in answers:
        if answer.status == 303:
            assert answer.location == "/my-events"
        else:
            assert "Sold out" in answer.text
            assert "it can be worth looking again" in answer.text
            assert 'href="/events"' in answer.text
    told = {guest.username for guest, answer in zip(crowd, answers, strict=True) if answer.status == 303}
    assert server.stop() == 0
    with open_database(database_url) as database:
        assert holders(database, crowd) == told
    holds(server.data, extra)


@pytest.mark.parametrize(
    "database_url, arguments",
    [("sqlite", ()), ("sqlite", TWO), ("postgresql", TWO)],
    indirect=["database_url"],
    ids=["sqlite", "sqlite, two workers", "postgresql, two workers"],
)
def test_one_person_who_asks_fifty_times_at_once_gets_one_seat_and_one_order(
    serve: Serve, database_url: str, extra: dict[str, str], arguments: tuple[str, ...], tmp_path: Path
) -> None:
    with open_database(database_url) as database:
        (guest,) = database.write(invite, 1)
        event = database.write(announce, "Robo Race")
    server = serve(
        *arguments, data=tmp_path / "fest", extra=extra | {"FESTGATE_PAYMENT_METHODS": "sandbox,desk"}
    )
    impatient = [guest] * SEATS
    answers = asyncio.run(rush(server, f"/events/{event.slug}/register", impatient))
    assert Counter(answer.status for answer in answers) == {303: 1, 409: SEATS - 1}
    assert all("You have a seat already" in answer.text for answer in answers if answer.status == 409)
    orders = asyncio.run(pay_at_once(server, impatient))
    assert len(orders) == 1
    assert server.stop() == 0
    with open_database(database_url) as database:
        (seat,) = database.read(registrations.seats_of, guest.id)
        assert (seat.state, seat.order_id is not None) == ("confirmed", True)
    holds(server.data, extra)


async def pay_at_once(server: Server, crowd: Sequence[Guest]) -> set[str]:
    """Everybody presses Pay in the same instant; where they were led."""
    lines = await asyncio.gather(*(Line.open(server.url) for _ in crowd))
    fields = {"payment_method": "sandbox", "idempotency_key": "one and the same"}
    asked = (
        line.post("/checkout", fields, headers=guest.cookie) for line, guest in zip(lines, crowd, strict=True)
    )
    answers = await asyncio.gather(*asked)
    for line in lines:
        line.close()
    assert {answer.status for answer in answers} == {303}
    return {answer.location for answer in answers}
