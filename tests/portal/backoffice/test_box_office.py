"""The box office on its pages and in the API: sales, shifts, permissions, and the audit log."""

import csv
import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import facade as catalogue
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one, query_file
from tests.rig.forms import hidden_fields, press
from tests.rig.server import Server, serving

OFFICE = "/organise/box-office"
RACE = f"{OFFICE}/events/robo-race"


def prepare(connection: Connection) -> dict[str, Guest]:
    race = announce(connection, "Robo Race", fee=45_000, capacity=50)
    announce(connection, "Open Talk", fee=0)
    announce(connection, "Quiz Night", fee=10_000, starts_at=connection.now)
    announce(connection, "Concert", fee=90_000, capacity=1)
    question = catalogue.QuestionDetails("text", "College", is_required=True)
    catalogue.add_question(connection, race.slug, question)
    roles = {
        "olga": "owner",
        "meena": "organiser",
        "ravi": "box-office",
        "sana": "box-office",
        "uma": "box-office",
        "kiran": "box-office",
        "tara": "treasurer",
        "dev": "staff",
        "asha": "attendee",
    }
    people = {name: invite_one(connection, name, role) for name, role in roles.items()}  # type: ignore[arg-type]
    catalogue.assign_events(connection, people["kiran"].id, [race.id])
    return people


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("box-office") / "data"


@pytest.fixture(scope="module")
def people(data: Path) -> dict[str, Guest]:
    with before_opening(data) as database:
        return database.write(prepare)


@pytest.fixture(scope="module")
def server(data: Path, people: dict[str, Guest]) -> Iterator[Server]:
    extra = {"FESTGATE_TIMEZONE": "Asia/Kolkata", "FESTGATE_LOCALE": "en_IN", "FESTGATE_WORKERS": "2"}
    with serving(data, extra=extra) as running:
        yield running
        assert "unhandled exception" not in running.log()
        check_data(data)


class Crew:
    """The browsers of the team."""

    def __init__(self, server: Server, people: dict[str, Guest], stack: ExitStack) -> None:
        """Open none yet."""
        self._open = {name: partial(guest.browser, server) for name, guest in people.items()}
        self._stack = stack

    def __getitem__(self, name: str) -> httpx.Client:
        """Open a browser of that person."""
        return self._stack.enter_context(self._open[name]())


@pytest.fixture
def crew(server: Server, people: dict[str, Guest]) -> Iterator[Crew]:
    with ExitStack() as stack:
        yield Crew(server, people, stack)


def form_of(client: httpx.Client, page: str = RACE, **fields: str) -> dict[str, str]:
    """Return the fields of the form as it is shown, with one ticket of the first type and cash."""
    text = client.get(page).text
    (count,) = re.findall(r'<select id="t-\d+" name="(count-\d+)"', text)
    return hidden_fields(text, page) | {count: "1", "method": "cash"} | fields


def sell(client: httpx.Client, page: str = RACE, **fields: str) -> str:
    """Sell a ticket; return the address of the sale."""
    response = client.post(page, data=form_of(client, page, **fields))
    assert response.status_code == 303, response.text
    return response.headers["location"]


def test_todays_events_come_first_and_a_search_finds_one(crew: Crew) -> None:
    seller = crew["ravi"]
    page = seller.get(OFFICE).text
    places = [page.index(text) for text in ('id="today"', "Quiz Night", 'id="later"', "Robo Race")]
    assert places == sorted(places)
    assert "₹450" in page
    assert re.search(r"\d+ left", page)
    matches = seller.get(OFFICE, params={"q": "robo"}).text
    assert "Robo Race" in matches
    assert "Quiz Night" not in matches
    assert "No event matches" in seller.get(OFFICE, params={"q": "nothing"}).text
    # Its sales have ended with its start.
    assert "Sales closed" in page
    assert "No event matches" in seller.get(OFFICE, params={"q": "a" + "\u0301" * 90}).text


def test_a_program_lists_the_events_that_its_seller_can_sell(
    people: dict[str, Guest], server: Server
) -> None:
    with people["ravi"].program(server) as api:
        events = {event["event"]: event for event in api.get("/box-office/events").json()["events"]}
        assert next(iter(events)) == "quiz-night"
        assert events["quiz-night"]["tickets"] == []
        (kind,) = events["robo-race"]["tickets"]
        assert (kind["price"]["minor"], kind["chosen_price"], kind["name"]) == (45_000, False, "")
        assert kind["left"] > 0
        assert api.get("/box-office/events", params={"q": "nothing"}).json() == {
            "events": [],
            "has_more": False,
        }
    with people["kiran"].program(server) as api:
        assert [event["event"] for event in api.get("/box-office/events").json()["events"]] == ["robo-race"]
    with people["tara"].program(server) as api:
        assert api.get("/box-office/events").status_code == 403


def test_a_sale_shows_its_tickets_and_the_change(crew: Crew, people: dict[str, Guest], data: Path) -> None:
    sale = sell(crew["ravi"], received="500", name="Asha Rao")
    page = crew["ravi"].get(sale).text
    assert "Give ₹50.00 change." in page
    assert page.count('class="qr"') == 1
    assert "Asha Rao" in page
    ref = sale.rpartition("/")[2]
    rows = query_file(data, "SELECT person_id, origin, action FROM audit_entries WHERE subject = ?", ref)
    assert rows == [(people["ravi"].id, "session", "sale.made")]


def test_a_double_click_makes_one_sale_and_a_changed_form_another(crew: Crew) -> None:
    seller = crew["sana"]
    fields = form_of(seller)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: seller.post(RACE, data=fields), range(4)))
    assert {answer.status_code for answer in answers} == {303}
    (address,) = {answer.headers["location"] for answer in answers}
    assert seller.get(address).status_code == 200
    changed = seller.post(RACE, data=fields | {"method": "upi"})
    assert changed.status_code == 422
    assert "used for another sale" in changed.text
    again = hidden_fields(changed.text, RACE)
    assert again["form"] != fields["form"]
    assert seller.post(RACE, data=fields | again | {"method": "upi"}).headers["location"] != address


def test_wrong_fields_are_named_and_nothing_is_sold(crew: Crew) -> None:
    seller = crew["ravi"]
    before = seller.get(f"{OFFICE}/shift").text.count('class="code"')
    fields = form_of(seller, email="nobody", received="1")
    response = seller.post(RACE, data=fields)
    assert response.status_code == 422
    assert "This is not an email address" in response.text
    response = seller.post(RACE, data=fields | {"email": ""})
    assert "less than the 450.00 INR" in response.text
    none = {name: "0" if name.startswith("count-") else value for name, value in fields.items()}
    assert "Choose at least one ticket." in seller.post(RACE, data=none).text
    assert "Choose how it was paid." in seller.post(RACE, data=fields | {"method": "gold"}).text
    code = seller.post(RACE, data=fields | {"email": "", "received": "", "code": "NONE"})
    assert code.status_code in (404, 409, 422)
    assert 'role="alert"' in code.text
    assert seller.get(f"{OFFICE}/shift").text.count('class="code"') == before


def test_a_sold_out_event_says_so(crew: Crew) -> None:
    seller, page = crew["ravi"], f"{OFFICE}/events/concert"
    late = form_of(seller, page)
    sell(seller, page)
    response = seller.post(page, data=late)
    assert response.status_code == 409
    assert "Nothing can be sold for this event now" in response.text
    assert crew["ravi"].get(f"{OFFICE}/events/no-such-event").status_code == 404


def test_the_seller_takes_a_sale_back_in_one_step(crew: Crew, data: Path) -> None:
    seller = crew["uma"]
    sale = sell(seller)
    page = seller.get(sale).text
    assert "1 ticket is void at once, and its seat is free again. You give back ₹450.00 in cash" in page
    assert "Only its seller can take it back" in crew["ravi"].get(sale).text
    assert press(crew["ravi"], sale, f"{sale}/undo").status_code == 409
    for _ in range(2):
        assert press(seller, sale, f"{sale}/undo").status_code == 303
    gone = seller.get(sale).text
    assert "This sale was taken back" in gone
    assert 'class="qr"' not in gone
    rows = query_file(data, "SELECT count(*) FROM audit_entries WHERE action = 'sale.undone'")
    assert rows == [(1,)]


def test_the_guest_is_checked_in_at_once_and_the_sale_is_final(crew: Crew) -> None:
    seller = crew["ravi"]
    sale = sell(seller)
    assert "Check in 1 guest now" in seller.get(sale).text
    assert press(seller, sale, f"{sale}/check-in").status_code == 303
    page = seller.get(sale).text
    assert "Checked in" in page
    assert "Check in 1 guest now" not in page
    assert "Somebody was checked in with it" in page


def test_required_questions_are_asked_or_skipped(crew: Crew, data: Path) -> None:
    seller = crew["ravi"]
    sale = sell(seller)
    asked = seller.get(f"{sale}/answers").text
    assert "College" in asked
    (name,) = re.findall(r'name="(a-\d+-\d+)"', asked)
    assert seller.post(f"{sale}/answers", data={name: ""}).status_code == 303
    assert seller.post(f"{sale}/answers", data={name: "IIT"}).status_code == 303
    assert 'value="IIT"' in seller.get(f"{sale}/answers").text
    assert query_file(data, "SELECT value FROM registrations_answers") == [("IIT",)]


def test_a_program_stores_the_answers_of_a_customer(
    crew: Crew, people: dict[str, Guest], server: Server
) -> None:
    path = f"/box-office/sales/{sell(crew['ravi']).rpartition('/')[2]}/answers"
    with people["ravi"].program(server) as api:
        (asked,) = api.get(path).json()
        assert (asked["label"], asked["required"], asked["answer"]) == ("College", True, "")
        given = {"question": asked["question"], "registration": asked["registration"], "answer": "IIT Delhi"}
        for _ in range(2):
            assert api.put(path, json={"answers": [given]}).json() == [{**asked, "answer": "IIT Delhi"}]
        other = {**given, "registration": asked["registration"] + 1_000}
        assert api.put(path, json={"answers": [other]}).status_code == 404
        too_long = api.put(path, json={"answers": [{**given, "answer": "x" * 1_500}]})
        assert list(too_long.json()["fields"]) == [f"question-{asked['question']}"]
    with people["tara"].program(server) as api:
        assert api.get(path).status_code == 403


def test_a_shift_is_counted_closed_printed_and_listed_with_its_difference(crew: Crew, data: Path) -> None:
    seller = crew["uma"]
    assert seller.post(f"{OFFICE}/shift", data={"float": "1,000"}).status_code == 303
    sell(seller, f"{OFFICE}/events/open-talk")
    sell(seller, method="upi")
    sell(seller)
    page = seller.get(f"{OFFICE}/shift").text
    assert "₹1,450.00" in page
    close = f"{OFFICE}/shift/close"
    stale = hidden_fields(page, close) | {"counted": "1440", "note": "a coin fell"}
    sell(seller)
    refused = seller.post(close, data=stale)
    assert refused.status_code == 409
    assert "There was a sale or a refund since you opened the page" in refused.text
    assert seller.post(close, data=stale | {"counted": "many"}).status_code == 422
    closed = seller.post(close, data=stale | hidden_fields(refused.text, close) | {"counted": "1890"})
    assert closed.status_code == 303
    printed = seller.get(closed.headers["location"]).text
    assert "-₹10.00" in printed
    assert "a coin fell" in printed
    assert seller.post(close, data=stale).status_code == 409
    listed = crew["tara"].get(f"{OFFICE}/shifts").text
    assert "-₹10.00" in listed
    assert "Differs" in listed
    rows = list(csv.DictReader(io.StringIO(crew["tara"].get(f"{OFFICE}/shifts.csv").text)))
    (row,) = [row for row in rows if row["difference"] == "-10.00"]
    assert (row["expected_cash"], row["counted_cash"], row["upi_sales"]) == ("1900.00", "1890.00", "450.00")
    assert crew["ravi"].get(closed.headers["location"]).status_code == 404
    assert crew["tara"].get(closed.headers["location"]).status_code == 200
    assert query_file(data, "SELECT count(*) FROM audit_entries WHERE action = 'shift.closed'") == [(1,)]


def test_a_seller_with_assigned_events_sells_only_these(crew: Crew) -> None:
    seller = crew["kiran"]
    page = seller.get(OFFICE).text
    assert "Robo Race" in page
    assert "Open Talk" not in page
    assert seller.get(f"{OFFICE}/events/open-talk").status_code == 404
    other = form_of(crew["ravi"], f"{OFFICE}/events/open-talk")
    assert seller.post(f"{OFFICE}/events/open-talk", data=other).status_code == 404
    assert seller.get(sell(seller)).status_code == 200
    assert seller.get(sell(crew["ravi"], f"{OFFICE}/events/open-talk")).status_code == 404


@pytest.mark.parametrize("name", ["dev", "asha", "tara"])
def test_others_cannot_sell(crew: Crew, name: str) -> None:
    for address in (OFFICE, RACE, f"{OFFICE}/shift"):
        assert crew[name].get(address).status_code == 403
    assert crew[name].post(RACE, data={"form": "x"}).status_code == 403


def test_sellers_do_not_see_the_shifts_of_others(crew: Crew) -> None:
    for address in (f"{OFFICE}/shifts", f"{OFFICE}/shifts.csv"):
        assert crew["ravi"].get(address).status_code == 403
        assert crew["meena"].get(address).status_code == 200


def test_the_api_sells_once_takes_back_and_counts(server: Server, people: dict[str, Guest]) -> None:
    with people["meena"].program(server) as api:
        (kind,) = api.get("/events/robo-race").json()["tickets"]
        body = {
            "event": "robo-race",
            "tickets": [{"ticket": kind["id"]}],
            "method": "cash",
            "received": 50_000,
        }
        key = {"idempotency-key": "one"}
        first, second = (api.post("/box-office/sales", json=body, headers=key) for _ in range(2))
        assert (first.status_code, first.json()) == (201, second.json())
        sale = first.json()
        assert (sale["total"]["minor"], sale["change"]["minor"], sale["state"]) == (45_000, 5_000, "paid")
        assert len(sale["tickets"][0]["code"]) > 10
        other = api.post("/box-office/sales", json=body | {"method": "upi"}, headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
        assert api.get(f"/box-office/sales/{sale['ref']}").json() == sale
        assert (
            api.post("/box-office/shifts", json={"opening_float": 10_000}).json()["expected_cash"]["minor"]
            == 55_000
        )
        undone = api.post(f"/box-office/sales/{sale['ref']}/undo").json()
        assert (undone["state"], undone["tickets"][0]["valid"]) == ("refunded", False)
        more = api.post("/box-office/sales", json=body, headers={"idempotency-key": "two"}).json()
        entered = api.post(f"/box-office/sales/{more['ref']}/check-in").json()
        assert entered["tickets"][0]["admitted_at"] is not None
        closed = api.post("/box-office/shifts/current/close", json={"counted": 55_000, "note": "fine"}).json()
        assert (closed["difference"]["minor"], closed["refunded"]["cash"]["minor"]) == (0, 45_000)
        again = api.post("/box-office/shifts/current/close", json={"counted": 1})
        assert (again.status_code, again.json()["code"]) == (409, "shift-not-open")
        listed = api.get("/box-office/shifts", params={"limit": 1}).json()
        assert len(listed["shifts"]) == 1
        assert listed["total"] >= 1
    with people["asha"].program(server) as api:
        assert api.post("/box-office/sales", json=body, headers=key).status_code == 403
        assert api.get("/box-office/shifts").status_code == 403
