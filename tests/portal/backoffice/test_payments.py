"""The organisers' list of payments that hang, over HTTP and on the command line."""

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
from tests.journeys.stage import Guest, announce, before_opening, holds, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.forms import press
from tests.rig.server import Server, festgate, serving
from tests.rig.waiting import until

BOTH = {"FESTGATE_PAYMENT_METHODS": "desk,sandbox"}


class Fest:
    """The data, who is there, and their orders by the name of who placed them."""

    def __init__(self, data: Path) -> None:
        """Nothing yet."""
        self.data = data
        self.guests: dict[str, Guest] = {}
        self.refs: dict[str, str] = {}
        self.ids: dict[str, int] = {}

    def place(self, database: OpenDatabase, name: str, method: str, *, asks: bool) -> None:
        """A person with an order that nobody has begun to pay."""
        guest = self.guests[name] = database.write(invite_one, name, "attendee")
        database.write(hold_seat, guest.id, "robo-race", 15)
        order, _ = database.write(placements.place_order, guest.id, method, MINUTE, "key", asks=asks)
        self.refs[name], self.ids[name] = order.ref, order.id


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Fest:
    made = Fest(tmp_path_factory.mktemp("payments") / "data")
    with before_opening(made.data) as database:
        made.guests["meena"] = database.write(invite_one, "meena", "organiser")
        database.write(partial(announce, title="Robo Race", fee=45_000))
        now = database.clock.now
        # A desk order of yesterday, whose time is over.
        database.clock.now = now - DAY + MINUTE
        made.place(database, "ravi", "desk", asks=False)
        database.clock.now = now
        # Stripe is not switched on here: nobody can say what became of this one.
        made.place(database, "asha", "stripe", asks=True)
        # Asked about once, and not again in the next hour; the books of the play money know nothing of it.
        made.place(database, "usha", "sandbox", asks=True)
        database.clock.move(HOUR)
        database.write(orders.ask_later, made.ids["usha"], 0, "no answer within 30 seconds")
        database.clock.now = now
        # Only a person's own time is awaited here.
        made.place(database, "vikram", "desk", asks=False)
    return made


@pytest.fixture(scope="module")
def server(fest: Fest) -> Iterator[Server]:
    with serving(fest.data, extra=BOTH) as running:
        yield running


@pytest.fixture(scope="module")
def organiser(server: Server, fest: Fest) -> Iterator[httpx.Client]:
    with fest.guests["meena"].browser(server) as opened:
        yield opened


@pytest.fixture
def beside(fest: Fest, server: Server) -> Iterator[OpenDatabase]:
    with open_database(f"sqlite:///{fest.data / 'festgate.sqlite3'}") as database:
        yield database


def row_of(client: httpx.Client, ref: str) -> str:
    """The row of the list in which the order stands; empty when it does not."""
    found = re.search(rf'<tr role="row">\s*<th[^>]*><a[^>]*>{ref}</a>.*?</tr>', list_of(client), re.DOTALL)
    return found[0] if found else ""


def list_of(client: httpx.Client) -> str:
    return client.get("/organise/payments").text


def stuck_count(client: httpx.Client) -> int:
    """What the organisers' first page says."""
    found = re.search(r">Stuck payments(?:: (\d+))?</a>", client.get("/organise").text)
    assert found is not None
    return int(found[1] or 0)


def test_only_organisers_see_or_try_what_hangs(server: Server, fest: Fest) -> None:
    with fest.guests["ravi"].browser(server) as visitor:
        assert visitor.get("/organise/payments").status_code == 403
        assert visitor.post(f"/organise/payments/{fest.refs['asha']}/try").status_code == 403


def test_a_payment_that_nobody_answered_is_listed_is_asked_about_on_a_click_and_leaves_the_list(
    organiser: httpx.Client, fest: Fest, beside: OpenDatabase
) -> None:
    ref = fest.refs["usha"]
    row = row_of(organiser, ref)
    assert all(word in row for word in ("usha", "450", "no answer within 30 seconds", "1 time", "Check now"))
    assert stuck_count(organiser) >= 1
    answer = organiser.post(f"/organise/payments/{ref}/try")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/organise/payments?tried={ref}")
    until(lambda: row_of(organiser, ref) == "", "it is settled")
    assert beside.read(order_by_id, fest.ids["usha"]).state == "declined"
    assert f"Order {ref} is settled: declined." in organiser.get(f"/organise/payments?tried={ref}").text


def test_a_payment_whose_provider_cannot_be_asked_says_why_and_when_it_is_tried_again(
    organiser: httpx.Client, fest: Fest
) -> None:
    ref = fest.refs["asha"]
    organiser.post(f"/organise/payments/{ref}/try")
    row = until(
        lambda: found if "switched on" in (found := row_of(organiser, ref)) else "", "it was asked about"
    )
    assert "the payment method stripe is not switched on" in row
    assert "is being retried" in organiser.get(f"/organise/payments?tried={ref}").text
    assert organiser.post("/organise/payments/NOTHING/try").status_code == 404


def test_any_order_is_found_by_its_number_as_somebody_reads_it_aloud(
    organiser: httpx.Client, fest: Fest, beside: OpenDatabase
) -> None:
    ref = fest.refs["ravi"]
    until(lambda: beside.read(order_by_id, fest.ids["ravi"]).state == "expired", "its time is over")
    assert ref not in organiser.get("/organise/orders").text
    spoken = f"{ref[:5]} {ref[5:]}".lower()
    page = organiser.get("/organise/payments", params={"ref": spoken}).text
    assert all(word in page for word in ("ravi", "Expired", "Robo Race", f"/organise/orders/{ref}/paid"))
    found = f"/organise/payments?ref={ref}"
    assert press(organiser, found, f"/organise/orders/{ref}/paid").status_code == 303
    page = organiser.get(f"/organise/payments?ref={ref}").text
    assert "/paid" not in page
    nothing = organiser.get("/organise/payments", params={"ref": "<b>nothing"}).text
    assert "There is no order &lt;b&gt;nothing" in nothing


def test_an_order_that_only_waits_for_the_desk_does_not_hang(organiser: httpx.Client, fest: Fest) -> None:
    assert fest.refs["vikram"] not in list_of(organiser)


def test_the_command_lists_what_hangs_and_says_so_by_its_exit_code(fest: Fest, server: Server) -> None:
    done = festgate("payments", "stuck", data=fest.data, extra=BOTH)
    (line,) = [line for line in done.stdout.splitlines() if fest.refs["asha"] in line]
    fields = line.split("\t")
    assert (done.returncode, fields[:3], fields[4]) == (1, ["payment", fest.refs["asha"], "asha"], "stripe")
    assert fest.refs["vikram"] not in done.stdout
    holds(fest.data, BOTH)


def test_the_command_says_that_nothing_hangs(tmp_path: Path) -> None:
    with before_opening(tmp_path):
        pass
    done = festgate("payments", "stuck", data=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No payments need attention.\n")
