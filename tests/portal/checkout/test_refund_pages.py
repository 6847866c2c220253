"""A refund rule from the organiser's form to the attendee's cancellation, on a real server."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import DAY
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.rig.forms import hidden_fields
from tests.rig.server import Server, serving
from tests.rig.waiting import until

SETTINGS = {"FESTGATE_PAYMENT_METHODS": "sandbox", "FESTGATE_LOCALE": "en_IN"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("refunds") / "data"


@pytest.fixture(scope="module")
def people(data: Path) -> tuple[Guest, Guest]:
    with before_opening(data) as database:
        start = database.clock.now + 10 * DAY
        database.write(announce, "Robo Race", fee=45_000, starts_at=start)
        return database.write(invite_one, "meena", "organiser"), database.write(invite_one, "asha")


@pytest.fixture(scope="module")
def server(data: Path, people: tuple[Guest, Guest]) -> Iterator[Server]:
    with serving(data, extra=SETTINGS) as new_server:
        yield new_server
        assert "unhandled exception" not in new_server.log()
        check_data(data, SETTINGS)


def text_of(page: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_an_attendee_sees_the_rule_before_paying_and_gets_the_stated_amount_back(
    server: Server, people: tuple[Guest, Guest]
) -> None:
    organiser, guest = people
    with organiser.browser(server) as office, guest.browser(server) as browser:
        tickets = "/organise/events/robo-race/tickets"
        refused = office.post(f"{tickets}/refunds", data={"days-1": "14", "percent-1": "200"})
        assert (refused.status_code, "Enter a whole number from 1 to 100." in refused.text) == (422, True)
        rule = {"days-1": "14", "percent-1": "100", "days-2": "2", "percent-2": "50"}
        assert office.post(f"{tickets}/refunds", data=rule).status_code == 303
        assert 'value="14"' in office.get(tickets).text

        stated = "50 % back until 2 days before the start"
        assert stated in text_of(browser.get("/events/robo-race"))
        assert browser.get("/api/v1/events/robo-race").json()["refunds"] == [
            {"days": 14, "percent": 100},
            {"days": 2, "percent": 50},
        ]
        assert browser.post("/events/robo-race/register").status_code == 303
        checkout = browser.get("/checkout")
        assert stated in text_of(checkout)
        fields = hidden_fields(checkout.text, "/checkout") | {"payment_method": "sandbox"}
        receipt = browser.post("/checkout", data=fields | {"card_number": "4242 4242 4242 4242"}).headers[
            "location"
        ]

        def link() -> str | None:
            match = re.search(rf'href="({receipt}/seats/\d+/cancel)"', browser.get(receipt).text)
            return match[1] if match else None

        path = until(link, "the link that cancels the seat")
        assert path is not None
        question = browser.get(path)
        assert "You get back ₹225.00 The fest keeps ₹225.00" in text_of(question)
        stale = hidden_fields(question.text, path) | {"shown": "1.45000INR"}
        assert browser.post(path, data=stale).headers["location"] == path
        assert browser.post(path, data=hidden_fields(question.text, path)).headers["location"] == receipt
        until(lambda: "₹225.00 refunded" in text_of(browser.get(receipt)), "the refund")
        assert browser.get(path).status_code == 409
