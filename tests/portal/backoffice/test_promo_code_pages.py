"""The organisers' pages of promo codes, and the pages and the API that take them, on a real server."""

import csv
import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import httpx
import pytest

from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.server import Server, serving

NUMBERS = count(1)


@dataclass
class Fest:
    """A served fest without promo codes for all events, and its organiser's browser."""

    server: Server
    database: OpenDatabase
    client: httpx.Client

    def new_event(self, fee: int = 45_000) -> str:
        """Publish an event; return its slug."""
        return self.database.write(announce, f"Race {next(NUMBERS)}", fee=fee).slug

    def new_person(self) -> Guest:
        """Create somebody without seats."""
        return self.database.write(invite_one, f"buyer-{next(NUMBERS)}")


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data = tmp_path_factory.mktemp("codes") / "data"
    with before_opening(data) as database:
        organiser = database.write(invite_one, "meena", "organiser")
    with (
        serving(data) as server,
        open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database,
        organiser.browser(server) as client,
    ):
        yield Fest(server, database, client)
        assert "unhandled exception" not in server.log()
        check_data(data)


@pytest.fixture
def client(fest: Fest) -> httpx.Client:
    """Return the organiser's browser."""
    return fest.client


@pytest.fixture
def slug(fest: Fest) -> str:
    """Publish an event with a fee."""
    return fest.new_event()


@pytest.fixture
def buyer(fest: Fest) -> Iterator[httpx.Client]:
    """Provide the API client of a person without seats."""
    with fest.new_person().program(fest.server) as new_client:
        yield new_client


@pytest.fixture
def visitor(fest: Fest) -> Iterator[httpx.Client]:
    """Provide the browser of a person without seats."""
    with fest.new_person().browser(fest.server) as new_client:
        yield new_client


def scope_of(client: httpx.Client, slug: str) -> str:
    """Return the name of the event in the form."""
    title = slug.replace("-", " ").capitalize()
    match = re.search(rf'value="(e\d+)"[^>]*>{title}<', client.get("/organise/promo-codes/new").text)
    assert match is not None
    return match[1]


def save(client: httpx.Client, place: str, **fields: str) -> httpx.Response:
    values = {"kind": "percentage", "value": "20", "scope": "", "max_uses": "", "max_per_person": ""}
    return client.post(f"/organise/promo-codes/{place}", data=values | fields)


def new_code(client: httpx.Client, slug: str, **fields: str) -> str:
    """Create a code of the event; return it."""
    code = f"CODE{next(NUMBERS)}"
    response = save(client, "new", code=code, scope=scope_of(client, slug), **fields)
    assert response.status_code == 303, response.text
    return code


def number_of(client: httpx.Client, code: str) -> str:
    """Return the number in the address of a code's page."""
    match = re.search(r"/organise/promo-codes/(\d+)", client.get(f"/organise/promo-codes?q={code}").text)
    assert match is not None
    return match[1]


def errors_of(page: httpx.Response) -> list[str]:
    assert page.status_code == 422, page.text
    return [html.unescape(text) for text in re.findall(r'class="error"[^>]*>([^<]+)<', page.text)]


def text_of(page: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def fields_of(page: httpx.Response) -> dict[str, str]:
    """Return the fields of the form to register as a browser sends them."""
    form = re.search(r'<form[^>]*/register">.*?</form>', page.text, re.DOTALL)
    assert form is not None
    inputs = re.findall(r"<input[^>]*>", form[0])
    sent = [tag for tag in inputs if 'type="hidden"' in tag or " checked" in tag]
    pairs = [(re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)) for tag in sent]
    return {name[1]: html.unescape(value[1]) for name, value in pairs if name and value}


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"code": "AB"}, "Use 3 to 40 letters A to Z"),
        ({"code": "WITH %"}, "Use 3 to 40 letters A to Z"),
        ({"value": "120"}, "Enter a percentage from 0 to 100"),
        ({"value": ""}, "Enter how much less a ticket costs."),
        ({"kind": "amount", "value": "x"}, "is not an amount"),
        ({"max_uses": "0"}, "Enter a whole number from 1 to 1000000."),
        ({"scope": "e999999"}, "Choose one of the list."),
        ({"opens_at": "2199-01-02T10:00", "closes_at": "2199-01-01T10:00"}, "after the start"),
    ],
)
def test_a_wrong_field_gets_a_sentence_and_nothing_is_saved(
    client: httpx.Client, fields: dict[str, str], sentence: str
) -> None:
    (error,) = errors_of(save(client, "new", **{"code": "WRONG"} | fields))
    assert sentence in error
    assert "WRONG" not in client.get("/organise/promo-codes").text


def test_the_page_shows_the_price_with_the_code_and_that_is_charged(
    client: httpx.Client, visitor: httpx.Client, slug: str
) -> None:
    assert "Promo code" not in visitor.get(f"/events/{slug}").text
    code = new_code(client, slug)
    assert "Promo code" in visitor.get(f"/events/{slug}").text
    page = visitor.get(f"/events/{slug}?code={code.lower()}")
    assert "before ₹450 ₹360" in text_of(page)
    fields = fields_of(page)
    assert fields["code"] == code
    assert visitor.post(f"/events/{slug}/register", data=fields).headers["location"] == "/my-events"
    till = text_of(visitor.get("/checkout"))
    assert f"Promo code {code}" in till
    assert "Total ₹360.00" in till


def test_a_discount_that_changed_meanwhile_is_shown_again_and_nothing_is_held(
    client: httpx.Client, visitor: httpx.Client, slug: str
) -> None:
    code = new_code(client, slug)
    fields = fields_of(visitor.get(f"/events/{slug}?code={code}"))
    changed = save(client, number_of(client, code), value="10", scope=scope_of(client, slug))
    assert changed.status_code == 303
    back = visitor.post(f"/events/{slug}/register", data=fields).headers["location"]
    page = text_of(visitor.get(back))
    assert "The price has changed since you opened the page." in page
    assert "₹405" in page
    assert "You have no held seats." in visitor.get("/checkout").text


def test_a_wrong_code_gets_a_sentence_and_a_used_one_too(
    client: httpx.Client, visitor: httpx.Client, buyer: httpx.Client, slug: str
) -> None:
    code = new_code(client, slug, max_uses="1")
    assert "There is no such promo code for this event." in visitor.get(f"/events/{slug}?code=NOPE").text
    fields = fields_of(visitor.get(f"/events/{slug}?code={code}"))
    assert buyer.post(f"/events/{slug}/registrations", json={"code": code}).status_code == 201
    back = visitor.post(f"/events/{slug}/register", data=fields).headers["location"]
    assert "This promo code has been used up." in visitor.get(back).text
    assert "1 of 1" in text_of(client.get(f"/organise/promo-codes?q={code}"))
    assert "Used up" in text_of(client.get(f"/organise/promo-codes?q={code}"))


def test_a_free_code_confirms_a_seat_at_once_in_the_api(
    client: httpx.Client, buyer: httpx.Client, slug: str
) -> None:
    code = new_code(client, slug, kind="free", value="")
    seat = buyer.post(f"/events/{slug}/registrations", json={"code": code})
    assert seat.status_code == 201, seat.text
    shown = seat.json()
    assert (shown["state"], shown["fee"]["minor"], shown["promo_code"]) == ("confirmed", 0, code)


def test_a_hidden_ticket_is_shown_and_sold_with_the_code_that_unlocks_it(
    client: httpx.Client, visitor: httpx.Client, buyer: httpx.Client, slug: str
) -> None:
    (first,) = client.get(f"/api/v1/events/{slug}").json()["tickets"]
    tickets = f"/organise/events/{slug}/tickets"
    plain = {"min_per_order": "1", "max_per_order": "1"}
    client.post(f"{tickets}/{first['id']}", data=plain | {"name": "Standard", "fee": "450"})
    client.post(f"{tickets}/new", data=plain | {"name": "Crew", "fee": "50", "hidden": "yes"})
    code = new_code(client, slug, kind="unlock", value="")
    assert "Crew" not in visitor.get(f"/events/{slug}").text
    page = visitor.get(f"/events/{slug}?code={code}")
    crew = re.search(r'name="ticket" value="(\d+)"[^>]*>\s*<span[^>]*><span[^>]*><span[^>]*>Crew', page.text)
    assert crew is not None
    assert (
        visitor.post(f"/events/{slug}/register", data=fields_of(page) | {"ticket": crew[1]}).headers[
            "location"
        ]
        == "/my-events"
    )
    path = f"/events/{slug}/registrations"
    assert buyer.post(path, json={"ticket": int(crew[1])}).json()["code"] == "sales-closed"
    # The code changes nothing about a public ticket.
    refused = buyer.post(path, json={"ticket": first["id"], "code": code})
    assert (refused.status_code, refused.json()["code"]) == (409, "code-not-for-tickets")


def test_guesses_are_limited_on_the_page_and_in_the_api(client: httpx.Client, fest: Fest, slug: str) -> None:
    code = new_code(client, slug)
    guesser = fest.new_person()
    with guesser.browser(fest.server) as page, guesser.program(fest.server) as program:
        for number in range(5):
            assert "no such promo code" in page.get(f"/events/{slug}?code=GUESS{number}").text
            wrong = program.post(f"/events/{slug}/registrations", json={"code": f"GUESS{number}"})
            assert (wrong.status_code, wrong.json()["code"]) == (409, "code-unknown")
        assert "Too many wrong promo codes." in page.get(f"/events/{slug}?code={code}").text
        assert program.post(f"/events/{slug}/registrations", json={"code": code}).status_code == 429


def test_many_codes_are_created_and_downloaded(client: httpx.Client, slug: str) -> None:
    wrong = errors_of(save(client, "many", count="5000", prefix="bad prefix!"))
    assert len(wrong) == 2
    made = save(client, "many", count="60", prefix="gold", max_uses="1", scope=scope_of(client, slug))
    assert made.headers["location"] == "/organise/promo-codes?q=GOLD-"
    page = client.get(made.headers["location"])
    assert "60 codes" in text_of(page)
    assert "page=2" in page.text
    file = client.get("/organise/promo-codes.csv?q=GOLD-")
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert len({row["code"] for row in rows}) == 60
    assert rows[0]["discount"] == "20 % off"
    assert rows[0]["max_uses"] == "1"
    assert rows[0]["link"].endswith(f"/events/{slug}?code={rows[0]['code']}")


def test_a_code_is_ended_resumed_and_deleted_while_nobody_has_used_it(
    client: httpx.Client, buyer: httpx.Client, slug: str
) -> None:
    code = new_code(client, slug)
    place = f"/organise/promo-codes/{number_of(client, code)}"
    assert client.post(f"{place}/end").status_code == 303
    refused = buyer.post(f"/events/{slug}/registrations", json={"code": code})
    assert refused.json()["code"] == "code-not-valid"
    assert client.post(f"{place}/resume").status_code == 303
    assert "Delete" in client.get(place).text
    assert buyer.post(f"/events/{slug}/registrations", json={"code": code}).status_code == 201
    assert "Delete" not in client.get(place).text
    assert client.post(f"{place}/delete").status_code == 422
    unused = f"/organise/promo-codes/{number_of(client, new_code(client, slug))}"
    assert client.post(f"{unused}/delete").status_code == 303
    assert client.get(unused).status_code == 404


def test_the_tax_that_is_added_to_a_price_is_the_same_on_page_checkout_receipt_and_api(
    client: httpx.Client, visitor: httpx.Client, slug: str
) -> None:
    (only,) = client.get(f"/api/v1/events/{slug}").json()["tickets"]
    form = {"name": "", "fee": "500", "min_per_order": "1", "max_per_order": "1"}
    place = f"/organise/events/{slug}/tickets/{only['id']}"
    assert client.post(place, data=form | {"tax_rate": "18,0 %", "tax_on_top": "yes"}).status_code == 303
    assert 'value="500.00"' in client.get(place).text, "the organiser sees the price without tax"
    (only,) = client.get(f"/api/v1/events/{slug}").json()["tickets"]
    assert (only["fee"]["minor"], only["tax"]["minor"], only["tax_rate"]) == (59_000, 9_000, "18")
    page = visitor.get(f"/events/{slug}")
    assert "₹590 ₹500.00 plus ₹90.00 tax (18 %)" in text_of(page)
    visitor.post(f"/events/{slug}/register")
    till = visitor.get("/checkout")
    assert "Total ₹590.00 of which tax (18 %) ₹90.00" in text_of(till)
    hidden = {
        name: html.unescape(value)
        for name, value in re.findall(r'name="(idempotency_key|shown)" value="([^"]*)"', till.text)
    }
    placed = visitor.post("/checkout", data=hidden | {"payment_method": "desk"})
    receipt = text_of(visitor.get(placed.headers["location"]))
    assert "Total ₹590.00 of which tax (18 %) ₹90.00" in receipt
    assert errors_of(client.post(place, data=form | {"tax_rate": "101"}))


def test_only_organisers_see_promo_codes(fest: Fest, visitor: httpx.Client) -> None:
    for path in ("/organise/promo-codes", "/organise/promo-codes.csv", "/organise/promo-codes/new"):
        assert visitor.get(path).status_code == 403
    assert save(visitor, "new", code="MINE").status_code == 403
