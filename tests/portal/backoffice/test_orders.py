"""Open orders on the organisers' pages, on a real server."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.portal.checkout.facade import order_by_ref
from festgate.portal.registrations.facade import seats_of
from festgate.portal.tickets.facade import tickets_of
from tests.journeys.stage import Guest, announce, before_opening, change_file, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.forms import check_out, hidden_fields, press
from tests.rig.server import Server, serving
from tests.rig.waiting import until

DESK = {"FESTGATE_PAYMENT_METHODS": "desk,sandbox"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orders") / "data"


@pytest.fixture(scope="module")
def people(data: Path) -> dict[str, Guest]:
    with before_opening(data) as database:
        database.write(partial(announce, title="Robo Race", fee=45_000))
        guests = ("asha", "ravi", "usha", "nisha")
        return {"meena": database.write(invite_one, "meena", "organiser")} | {
            name: database.write(invite_one, name, "attendee") for name in guests
        }


@pytest.fixture(scope="module")
def server(data: Path, people: dict[str, Guest]) -> Iterator[Server]:
    with serving(data, extra=DESK) as new_server:
        yield new_server


@pytest.fixture(scope="module")
def organiser(server: Server, people: dict[str, Guest]) -> Iterator[httpx.Client]:
    with people["meena"].browser(server) as new_client:
        yield new_client


@pytest.fixture
def database(data: Path, server: Server) -> Iterator[OpenDatabase]:
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


def order_at_desk(server: Server, guest: Guest) -> str:
    """Place an order for a seat at the Robo Race with payment at the desk; return its reference."""
    with guest.browser(server) as browser:
        assert browser.post("/events/robo-race/register").status_code == 303
        response = check_out(browser, payment_method="desk")
        match = re.fullmatch(r"/orders/(\w+)", response.headers["location"])
        assert match is not None
        return match[1]


def section_of(client: httpx.Client, heading: str) -> str:
    """Return one section of the page of orders, or an empty text."""
    text = client.get("/organise/orders").text
    match = re.search(rf'<section class="stack" aria-labelledby="{heading}">(.*?)</section>', text, re.DOTALL)
    return match[1] if match else ""


def test_a_desk_order_is_listed_and_marked_paid_and_its_ticket_issued(
    server: Server, organiser: httpx.Client, people: dict[str, Guest], database: OpenDatabase
) -> None:
    assert "No open orders" in organiser.get("/organise/orders").text
    ref = order_at_desk(server, people["asha"])
    waiting = section_of(organiser, "to-pay")
    assert all(word in waiting for word in (ref, "asha", "450", "Due by", "Mark paid"))
    fields = hidden_fields(organiser.get("/organise/orders").text, f"/organise/orders/{ref}/paid")
    for _ in range(2):
        response = organiser.post(f"/organise/orders/{ref}/paid", data=fields)
        assert (response.status_code, response.headers["location"]) == (303, f"/organise/orders?done={ref}")
    assert f"Order {ref} is paid" in organiser.get(f"/organise/orders?done={ref}").text
    assert section_of(organiser, "to-pay") == ""
    assert database.read(order_by_ref, ref).state == "paid"
    until(lambda: database.read(tickets_of, people["asha"].id), "the ticket")


def test_an_order_that_was_reduced_meanwhile_is_not_marked_paid(
    server: Server, organiser: httpx.Client, people: dict[str, Guest], database: OpenDatabase, data: Path
) -> None:
    ref = order_at_desk(server, people["usha"])
    path = f"/organise/orders/{ref}/paid"
    stale = hidden_fields(organiser.get("/organise/orders").text, path)
    change_file(
        data,
        f"UPDATE checkout_orders SET total_minor = 30000, revision = 1 WHERE ref = '{ref}'",  # noqa: S608
    )
    for fields in (stale, {}):
        response = organiser.post(path, data=fields)
        assert response.status_code == 409
        assert f'role="alert">Order {ref} has changed since you opened the page' in response.text
        assert database.read(order_by_ref, ref).state == "pending"
    fresh = hidden_fields(response.text, path)
    assert "30000 INR" in fresh["shown"]
    assert organiser.post(path, data=fresh).status_code == 303


def test_an_online_payment_in_progress_is_listed_with_its_method(
    server: Server, organiser: httpx.Client, people: dict[str, Guest], data: Path
) -> None:
    ref = order_at_desk(server, people["nisha"])
    # Play money is paid at once, and a payment in progress elsewhere needs a provider.
    change_file(data, f"UPDATE checkout_orders SET method = 'stripe' WHERE ref = '{ref}'")  # noqa: S608
    waiting = section_of(organiser, "elsewhere")
    assert all(words in waiting for words in (ref, "nisha", "Due by", "Stripe"))


def test_a_desk_payment_is_refunded_at_the_desk_when_the_event_is_cancelled(
    server: Server, organiser: httpx.Client, people: dict[str, Guest], database: OpenDatabase
) -> None:
    ref = order_at_desk(server, people["ravi"])
    press(organiser, "/organise/orders", f"/organise/orders/{ref}/paid")
    assert "Mark refunded" not in section_of(organiser, "to-refund")
    cancel = "/organise/events/robo-race/cancel"
    assert press(organiser, cancel, cancel).status_code == 303
    due = until(
        lambda: section if ref in (section := section_of(organiser, "to-refund")) else "", "the refund is due"
    )
    assert "Mark refunded" in due
    response = press(organiser, "/organise/orders", f"/organise/orders/{ref}/refunded")
    assert response.headers["location"] == f"/organise/orders?done={ref}"
    assert ref not in section_of(organiser, "to-refund")
    assert {seat.state for seat in database.read(seats_of, people["ravi"].id)} == {"cancelled"}


@pytest.mark.parametrize("action", ["paid", "refunded"])
def test_a_missing_order_is_not_found(organiser: httpx.Client, action: str) -> None:
    assert organiser.post(f"/organise/orders/NOTHING/{action}").status_code == 404
    assert organiser.get("/organise/orders?done=NOTHING").status_code == 200
