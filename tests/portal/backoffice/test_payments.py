"""The organisers' list of stuck payments, over HTTP and on the command line."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.portal.checkout import orders, placements
from festgate.portal.checkout.queries import order_by_id
from festgate.portal.registrations.holds import hold_seat
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.forms import press
from tests.rig.server import Server, festgate, serving
from tests.rig.waiting import until

DESK_AND_SANDBOX = {"FESTGATE_PAYMENT_METHODS": "desk,sandbox"}


class Fest:
    """A data folder with guests and their orders by name."""

    def __init__(self, data: Path) -> None:
        """Start without guests and orders."""
        self.data = data
        self.guests: dict[str, Guest] = {}
        self.refs: dict[str, str] = {}
        self.ids: dict[str, int] = {}

    def place(self, database: OpenDatabase, name: str, method: str, *, asks: bool) -> None:
        """Add a guest with an unpaid order."""
        guest = self.guests[name] = database.write(invite_one, name, "attendee")
        database.write(hold_seat, guest.id, "robo-race", 15)
        order, _ = database.write(placements.place_order, guest.id, method, MINUTE, "key", asks=asks)
        self.refs[name], self.ids[name] = order.ref, order.id


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Fest:
    fest = Fest(tmp_path_factory.mktemp("payments") / "data")
    with before_opening(fest.data) as database:
        fest.guests["meena"] = database.write(invite_one, "meena", "organiser")
        database.write(partial(announce, title="Robo Race", fee=45_000))
        now = database.clock.now
        # An expired desk order of yesterday.
        database.clock.now = now - DAY + MINUTE
        fest.place(database, "ravi", "desk", asks=False)
        database.clock.now = now
        # Stripe is not enabled here, so this payment cannot be looked up.
        fest.place(database, "asha", "stripe", asks=True)
        # The sandbox, which has no such payment, was asked once and is asked again in an hour.
        fest.place(database, "usha", "sandbox", asks=True)
        database.clock.move(HOUR)
        database.write(orders.ask_later, fest.ids["usha"], 0, "no answer within 30 seconds")
        database.clock.now = now
        # This order only waits for the person to pay at the desk.
        fest.place(database, "vikram", "desk", asks=False)
    return fest


@pytest.fixture(scope="module")
def server(fest: Fest) -> Iterator[Server]:
    with serving(fest.data, extra=DESK_AND_SANDBOX) as new_server:
        yield new_server


@pytest.fixture(scope="module")
def organiser(server: Server, fest: Fest) -> Iterator[httpx.Client]:
    with fest.guests["meena"].browser(server) as new_client:
        yield new_client


@pytest.fixture
def database(fest: Fest, server: Server) -> Iterator[OpenDatabase]:
    with open_database(f"sqlite:///{fest.data / 'festgate.sqlite3'}") as database:
        yield database


def row_of(client: httpx.Client, ref: str) -> str:
    """Return the row of an order in the list, or an empty text."""
    match = re.search(rf'<tr role="row">\s*<th[^>]*><a[^>]*>{ref}</a>.*?</tr>', get_list(client), re.DOTALL)
    return match[0] if match else ""


def get_list(client: httpx.Client) -> str:
    return client.get("/organise/payments").text


def read_stuck_count(client: httpx.Client) -> int:
    """Return the number of stuck payments on the organisers' first page."""
    match = re.search(r"(\d+) payments? (?:is|are) stuck", client.get("/organise").text)
    return int(match[1]) if match else 0


def test_only_organisers_can_list_and_retry_stuck_payments(server: Server, fest: Fest) -> None:
    with fest.guests["ravi"].browser(server) as visitor:
        assert visitor.get("/organise/payments").status_code == 403
        assert visitor.post(f"/organise/payments/{fest.refs['asha']}/try").status_code == 403


def test_a_stuck_payment_is_listed_until_the_organiser_asks_the_provider(
    organiser: httpx.Client, fest: Fest, database: OpenDatabase
) -> None:
    ref = fest.refs["usha"]
    row = row_of(organiser, ref)
    assert all(word in row for word in ("usha", "450", "no answer within 30 seconds", "1 time", "Check now"))
    assert read_stuck_count(organiser) >= 1
    response = organiser.post(f"/organise/payments/{ref}/try")
    assert (response.status_code, response.headers["location"]) == (303, f"/organise/payments?tried={ref}")
    until(lambda: row_of(organiser, ref) == "", "it is settled")
    assert database.read(order_by_id, fest.ids["usha"]).state == "declined"
    assert f"Order {ref} is settled: declined." in organiser.get(f"/organise/payments?tried={ref}").text


def test_a_payment_whose_provider_cannot_be_asked_shows_the_reason(
    organiser: httpx.Client, fest: Fest
) -> None:
    ref = fest.refs["asha"]
    organiser.post(f"/organise/payments/{ref}/try")
    row = until(
        lambda: row_found if "switched on" in (row_found := row_of(organiser, ref)) else "",
        "the provider was asked",
    )
    assert "the payment method stripe is not switched on" in row
    assert "is being retried" in organiser.get(f"/organise/payments?tried={ref}").text
    assert organiser.post("/organise/payments/NOTHING/try").status_code == 404


def test_an_order_is_found_by_its_reference_in_any_case_and_with_spaces(
    organiser: httpx.Client, fest: Fest, database: OpenDatabase
) -> None:
    ref = fest.refs["ravi"]
    until(lambda: database.read(order_by_id, fest.ids["ravi"]).state == "expired", "the order expired")
    assert ref not in organiser.get("/organise/orders").text
    typed_ref = f"{ref[:5]} {ref[5:]}".lower()
    page = organiser.get("/organise/payments", params={"ref": typed_ref}).text
    assert all(word in page for word in ("ravi", "Expired", "Robo Race", f"/organise/orders/{ref}/paid"))
    path = f"/organise/payments?ref={ref}"
    assert press(organiser, path, f"/organise/orders/{ref}/paid").status_code == 303
    page = organiser.get(f"/organise/payments?ref={ref}").text
    assert "/paid" not in page
    empty_page = organiser.get("/organise/payments", params={"ref": "<b>nothing"}).text
    assert "There is no order &lt;b&gt;nothing" in empty_page


def test_an_order_that_waits_for_the_desk_is_not_stuck(organiser: httpx.Client, fest: Fest) -> None:
    assert fest.refs["vikram"] not in get_list(organiser)


def test_the_command_lists_stuck_payments_with_exit_code_1(fest: Fest, server: Server) -> None:
    process = festgate("payments", "stuck", data=fest.data, extra=DESK_AND_SANDBOX)
    (line,) = [line for line in process.stdout.splitlines() if fest.refs["asha"] in line]
    fields = line.split("\t")
    assert (process.returncode, fields[:3], fields[4]) == (
        1,
        ["payment", fest.refs["asha"], "asha"],
        "stripe",
    )
    assert fest.refs["vikram"] not in process.stdout
    check_data(fest.data, DESK_AND_SANDBOX)


def test_the_command_without_stuck_payments_prints_a_message(tmp_path: Path) -> None:
    with before_opening(tmp_path):
        pass
    process = festgate("payments", "stuck", data=tmp_path)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "No payments need attention.\n")
