"""Organisers cancel a paid registration on the pages, by the API and on the command line."""

import html
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.portal.checkout.facade import order_by_ref, refunds_of
from festgate.portal.registrations.facade import seat
from festgate.portal.tickets.facade import codes_by_seat
from tests.journeys.stage import Guest, announce, before_opening, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.server import Server, festgate, serving
from tests.rig.waiting import until


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cancelling") / "data"


@pytest.fixture(scope="module")
def people(data: Path) -> dict[str, Guest]:
    with before_opening(data) as database:
        for title in ("Robo Race", "Music Night"):
            database.write(partial(announce, title=title, fee=45_000))
        database.write(partial(announce, title="Open Stage", fee=0))
        roles = dict.fromkeys(("asha", "ravi", "chitra", "deepa", "gita"), "attendee") | {
            "meena": "organiser"
        }
        return {name: database.write(invite_one, name, role) for name, role in roles.items()}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server(data: Path, people: dict[str, Guest]) -> Iterator[Server]:
    with serving(data, extra={"FESTGATE_PAYMENT_METHODS": "sandbox"}) as new_server:
        yield new_server


@pytest.fixture(scope="module")
def organiser(server: Server, people: dict[str, Guest]) -> Iterator[httpx.Client]:
    with people["meena"].browser(server) as new_client:
        yield new_client


@pytest.fixture
def database(data: Path, server: Server) -> Iterator[OpenDatabase]:
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


def buy_both(server: Server, guest: Guest) -> str:
    """Buy seats at both events; return the reference of the order."""
    with guest.browser(server) as browser:
        for slug in ("robo-race", "music-night"):
            browser.post(f"/events/{slug}/register")
        page = html.unescape(browser.get("/checkout").text)
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        response = browser.post("/checkout", data={**fields, "payment_method": "sandbox"})
        return response.headers["location"].removeprefix("/orders/")


def hidden_fields(page: str) -> dict[str, str]:
    """Return the hidden fields of the confirmation form."""
    return dict(re.findall(r'<input type="hidden" name="(seat|seen)" value="([^"]*)"', page))


def test_a_registration_is_cancelled_and_refunded_only_in_the_state_that_was_confirmed(
    server: Server, organiser: httpx.Client, people: dict[str, Guest], database: OpenDatabase
) -> None:
    ref = buy_both(server, people["asha"])
    until(lambda: len(database.read(codes_by_seat, people["asha"].id)) == 2, "both tickets")
    first, second = database.read(order_by_ref, ref).lines
    assert "Cancel and refund the whole order" in organiser.get(f"/organise/orders/{ref}").text
    confirmation_of_order = organiser.get(f"/organise/orders/{ref}/cancel").text
    confirmation = organiser.get(f"/organise/orders/{ref}/cancel?seat={first.seat_id}").text
    assert all(word in confirmation for word in ("asha", first.title, "450", "Cancel and refund"))
    assert second.title not in confirmation
    response = organiser.post(f"/organise/orders/{ref}/cancel", data=hidden_fields(confirmation))
    assert (response.status_code, response.headers["location"]) == (
        303,
        f"/organise/orders/{ref}?done=cancelled",
    )
    until(
        lambda: all(
            refund.done_at for refund in database.read(refunds_of, database.read(order_by_ref, ref).id)
        ),
        "the refund is done",
    )
    assert "Asked for by meena." in organiser.get(f"/organise/orders/{ref}").text
    with people["asha"].browser(server) as browser:
        receipt = browser.get(f"/orders/{ref}").text
        assert "Cancelled by the organisers. ₹450.00 refunded on" in receipt
        assert "being prepared" not in receipt
        assert "Cancelled by the organisers" in browser.get("/my-events").text
    stale = organiser.post(f"/organise/orders/{ref}/cancel", data=hidden_fields(confirmation_of_order))
    assert stale.status_code == 409
    assert "has changed since you opened the page" in stale.text
    assert database.read(seat, second.seat_id).state == "confirmed"


def test_only_organisers_can_refund_by_the_api(
    server: Server, people: dict[str, Guest], database: OpenDatabase
) -> None:
    ref = buy_both(server, people["ravi"])
    with people["ravi"].program(server) as attendee, people["meena"].program(server) as api:
        assert attendee.post(f"/orders/{ref}/refund", json={}).status_code == 403
        line = database.read(order_by_ref, ref).lines[0]
        response = api.post(f"/orders/{ref}/refund", json={"registration": line.seat_id})
        assert (response.status_code, response.json()["state"]) == (200, "paid")
        assert api.post(f"/orders/{ref}/refund", json={}).json()["state"] in ("refunding", "refunded")
        endings = {
            registration["id"]: registration["ended_by"]
            for registration in attendee.get("/registrations").json()
        }
        assert set(endings.values()) == {"organiser"}


def test_the_command_cancels_an_order_only_with_yes(
    server: Server, people: dict[str, Guest], data: Path, database: OpenDatabase
) -> None:
    ref = buy_both(server, people["chitra"])
    without_yes = festgate("orders", "cancel", ref, data=data)
    assert without_yes.returncode == 2
    assert "₹900.00 would go back. Add --yes" in without_yes.stderr
    assert festgate("orders", "cancel", ref, "--yes", "--by", "ravi", data=data).returncode == 2
    assert database.read(order_by_ref, ref).state == "paid"
    process = festgate("orders", "cancel", ref, "--yes", "--by", "meena", data=data)
    assert process.returncode == 0, process.stderr
    assert "registration-cancelled" in process.stderr
    order = database.read(order_by_ref, ref)
    assert order.state in ("refunding", "refunded")
    assert [refund.asked_by for refund in database.read(refunds_of, order.id)] == [people["meena"].id]
    assert "Asked for by meena." in festgate("orders", "show", ref, data=data).stdout


def register_free(server: Server, guest: Guest) -> int:
    """Register for the free event; return the id of the registration."""
    with guest.program(server) as program:
        return int(program.post("/events/open-stage/registrations").json()["id"])


def test_the_command_cancels_a_free_registration_but_not_a_paid_one(
    server: Server, people: dict[str, Guest], data: Path, database: OpenDatabase
) -> None:
    free_seat = str(register_free(server, people["deepa"]))
    without_yes = festgate("orders", "cancel-registration", free_seat, data=data)
    assert without_yes.returncode == 2
    assert "would cancel" in without_yes.stderr
    assert database.read(seat, int(free_seat)).state == "confirmed"
    process = festgate("orders", "cancel-registration", free_seat, "--yes", data=data)
    assert process.returncode == 0, process.stderr
    assert database.read(seat, int(free_seat)).state == "cancelled"
    line = database.read(order_by_ref, buy_both(server, people["deepa"])).lines[0]
    paid = festgate("orders", "cancel-registration", str(line.seat_id), "--yes", data=data)
    assert paid.returncode == 2, paid.stdout
    assert database.read(seat, line.seat_id or 0).state == "confirmed"


def test_only_organisers_can_cancel_the_free_registration_of_another_person_by_the_api(
    server: Server, people: dict[str, Guest], database: OpenDatabase
) -> None:
    free_seat = register_free(server, people["gita"])
    with people["deepa"].program(server) as other_attendee, people["meena"].program(server) as organiser:
        assert other_attendee.post(f"/registrations/{free_seat}/cancel", json={}).status_code == 404
        assert database.read(seat, free_seat).state == "confirmed"
        assert organiser.post(f"/registrations/{free_seat}/cancel", json={}).status_code == 200
    cancelled = database.read(seat, free_seat)
    assert (cancelled.state, cancelled.ended_by) == ("cancelled", "organiser")
