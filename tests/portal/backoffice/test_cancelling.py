"""Organisers who cancel a paid registration: its page, its confirmation, the API and the command line."""

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
    with serving(data, extra={"FESTGATE_PAYMENT_METHODS": "sandbox"}) as running:
        yield running


@pytest.fixture(scope="module")
def organiser(server: Server, people: dict[str, Guest]) -> Iterator[httpx.Client]:
    with people["meena"].browser(server) as opened:
        yield opened


@pytest.fixture
def beside(data: Path, server: Server) -> Iterator[OpenDatabase]:
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


def buy_both(server: Server, guest: Guest) -> str:
    """The reference of a paid order for both events."""
    with guest.browser(server) as browser:
        for slug in ("robo-race", "music-night"):
            browser.post(f"/events/{slug}/register")
        page = html.unescape(browser.get("/checkout").text)
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        answer = browser.post("/checkout", data={**fields, "payment_method": "sandbox"})
        return answer.headers["location"].removeprefix("/orders/")


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the confirmation."""
    return dict(re.findall(r'<input type="hidden" name="(seat|seen)" value="([^"]*)"', page))


def test_a_registration_is_cancelled_and_refunded_behind_a_confirmation_that_is_bound_to_what_it_showed(
    server: Server, organiser: httpx.Client, people: dict[str, Guest], beside: OpenDatabase
) -> None:
    ref = buy_both(server, people["asha"])
    until(lambda: len(beside.read(codes_by_seat, people["asha"].id)) == 2, "both tickets")
    first, second = beside.read(order_by_ref, ref).lines
    assert "Cancel and refund the whole order" in organiser.get(f"/organise/orders/{ref}").text
    whole = organiser.get(f"/organise/orders/{ref}/cancel").text
    one = organiser.get(f"/organise/orders/{ref}/cancel?seat={first.seat_id}").text
    assert all(word in one for word in ("asha", first.title, "450", "Cancel and refund"))
    assert second.title not in one
    answer = organiser.post(f"/organise/orders/{ref}/cancel", data=hidden(one))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/organise/orders/{ref}")
    until(
        lambda: all(refund.done_at for refund in beside.read(refunds_of, beside.read(order_by_ref, ref).id)),
        "the money is back",
    )
    assert "Asked for by meena." in organiser.get(f"/organise/orders/{ref}").text
    with people["asha"].browser(server) as browser:
        receipt = browser.get(f"/orders/{ref}").text
        assert "Cancelled by the organisers. ₹450.00 refunded on" in receipt
        assert "being prepared" not in receipt
        assert "Cancelled by the organisers" in browser.get("/my-events").text
    stale = organiser.post(f"/organise/orders/{ref}/cancel", data=hidden(whole))
    assert stale.status_code == 409
    assert "has changed since you opened the page" in stale.text
    assert beside.read(seat, second.seat_id).state == "confirmed"


def test_only_organisers_refund_over_the_api(
    server: Server, people: dict[str, Guest], beside: OpenDatabase
) -> None:
    ref = buy_both(server, people["ravi"])
    with people["ravi"].program(server) as attendee, people["meena"].program(server) as api:
        assert attendee.post(f"/orders/{ref}/refund", json={}).status_code == 403
        line = beside.read(order_by_ref, ref).lines[0]
        answer = api.post(f"/orders/{ref}/refund", json={"registration": line.seat_id})
        assert (answer.status_code, answer.json()["state"]) == (200, "paid")
        assert api.post(f"/orders/{ref}/refund", json={}).json()["state"] in ("refunding", "refunded")
        listed = {each["id"]: each["ended_by"] for each in attendee.get("/registrations").json()}
        assert set(listed.values()) == {"organiser"}


def test_the_command_line_says_what_it_would_do_and_does_it_with_yes(
    server: Server, people: dict[str, Guest], data: Path, beside: OpenDatabase
) -> None:
    ref = buy_both(server, people["chitra"])
    asked = festgate("orders", "cancel", ref, data=data)
    assert asked.returncode == 2
    assert "₹900.00 would go back. Add --yes" in asked.stderr
    assert festgate("orders", "cancel", ref, "--yes", "--by", "ravi", data=data).returncode == 2
    assert beside.read(order_by_ref, ref).state == "paid"
    done = festgate("orders", "cancel", ref, "--yes", "--by", "meena", data=data)
    assert done.returncode == 0, done.stderr
    assert "registration-cancelled" in done.stderr
    order = beside.read(order_by_ref, ref)
    assert order.state in ("refunding", "refunded")
    assert [refund.asked_by for refund in beside.read(refunds_of, order.id)] == [people["meena"].id]
    assert "Asked for by meena." in festgate("orders", "show", ref, data=data).stdout


def register_free(server: Server, guest: Guest) -> int:
    """The id of a registration that costs nothing."""
    with guest.program(server) as program:
        return int(program.post("/events/open-stage/registrations").json()["id"])


def test_the_command_line_cancels_a_free_registration_but_none_that_is_paid(
    server: Server, people: dict[str, Guest], data: Path, beside: OpenDatabase
) -> None:
    free = str(register_free(server, people["deepa"]))
    asked = festgate("orders", "cancel-registration", free, data=data)
    assert asked.returncode == 2
    assert "would cancel" in asked.stderr
    assert beside.read(seat, int(free)).state == "confirmed"
    done = festgate("orders", "cancel-registration", free, "--yes", data=data)
    assert done.returncode == 0, done.stderr
    assert beside.read(seat, int(free)).state == "cancelled"
    line = beside.read(order_by_ref, buy_both(server, people["deepa"])).lines[0]
    paid = festgate("orders", "cancel-registration", str(line.seat_id), "--yes", data=data)
    assert paid.returncode == 2, paid.stdout
    assert beside.read(seat, line.seat_id or 0).state == "confirmed"


def test_only_organisers_cancel_a_free_registration_of_another_person_over_the_api(
    server: Server, people: dict[str, Guest], beside: OpenDatabase
) -> None:
    free = register_free(server, people["gita"])
    with people["deepa"].program(server) as other, people["meena"].program(server) as organiser:
        assert other.post(f"/registrations/{free}/cancel", json={}).status_code == 404
        assert beside.read(seat, free).state == "confirmed"
        assert organiser.post(f"/registrations/{free}/cancel", json={}).status_code == 200
    cancelled = beside.read(seat, free)
    assert (cancelled.state, cancelled.ended_by) == ("cancelled", "organiser")
