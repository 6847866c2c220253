"""Messages on pages and the pause of holds while checkout is unavailable, on a real server with a drill."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import MINUTE, SECOND, system_clock
from festgate.portal.registrations.facade import are_holds_paused, seats_of
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.forms import check_out
from tests.rig.server import Server, serving
from tests.rig.waiting import until

DRILLS = {"FESTGATE_DRILLS_TOKEN": "a-token-of-the-tests", "FESTGATE_PAYMENT_METHODS": "sandbox"}
BEARER = {"authorization": f"Bearer {DRILLS['FESTGATE_DRILLS_TOKEN']}"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def asha(data: Path) -> Guest:
    with before_opening(data) as database:
        for title in ("Robo Race", "Photography Walk"):
            database.write(partial(announce, title=title))
        return database.write(invite_one, "asha")


@pytest.fixture
def server(data: Path, asha: Guest) -> Iterator[Server]:
    with serving(data, extra=DRILLS) as new_server:
        yield new_server


@pytest.fixture
def database(data: Path, server: Server) -> Iterator[OpenDatabase]:
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


def are_paused(database: OpenDatabase) -> bool:
    """Return whether holds are paused now."""
    database.clock.now = system_clock()
    return database.read(are_holds_paused)


def times_left(database: OpenDatabase, asha: Guest) -> list[int]:
    """Return the milliseconds that each hold of the guest has left."""
    database.clock.now = system_clock()
    seats = database.read(seats_of, asha.id)
    return [seat.held_until - database.clock.now for seat in seats if seat.state == "held"]


def test_holds_are_paused_with_a_message_while_checkout_is_unavailable(
    server: Server, asha: Guest, database: OpenDatabase, data: Path
) -> None:
    with (
        asha.browser(server) as browser,
        httpx.Client(base_url=server.url, headers=BEARER, trust_env=False, verify=False, timeout=30) as drill,
    ):
        for slug in ("robo-race", "photography-walk"):
            browser.post(f"/events/{slug}/register")
        assert "data-countdown" in browser.get("/my-events").text
        injected = drill.post("/drills/faults", json={"point": "module.checkout", "effect": "raise"})
        assert injected.status_code == 201, injected.text
        # Trials of the circuit fail, so checkout stays unavailable for longer than this test takes.
        until(
            lambda: "Checkout is unavailable" in browser.get("/checkout").text and are_paused(database),
            "checkout is unavailable, and holds are paused",
        )
        page = browser.get("/my-events").text
        assert "Checkout is temporarily unavailable. Your seats are safe" in page
        assert re.findall(r"Held: 1[45] minutes once checkout is back", page) != []
        assert "Kept for you while checkout is unavailable." in page
        assert "data-countdown" not in page
        unavailable = browser.get("/checkout")
        assert unavailable.status_code == 503
        assert "Your 2 seats are kept: their time is paused while checkout is unavailable" in unavailable.text
        before = times_left(database, asha)
        until(lambda: browser.get("/my-events").text == page, "the page does not change")
        assert times_left(database, asha) == before
        assert all(14 * MINUTE < left <= 15 * MINUTE for left in before)
        assert drill.delete("/drills/faults").status_code == 204
        until(lambda: browser.get("/checkout").status_code == 200, "checkout is back", 60)
        until(lambda: not are_paused(database), "holds are resumed")
        page = browser.get("/my-events").text
        assert "Checkout is temporarily unavailable" not in page
        assert "data-countdown" in page
        after = times_left(database, asha)
        assert all(0 <= left - later < 30 * SECOND for left, later in zip(before, after, strict=True))
        paid = check_out(browser, payment_method="sandbox")
        assert "Paid" in browser.get(paid.headers["location"]).text
    check_data(data, DRILLS)
