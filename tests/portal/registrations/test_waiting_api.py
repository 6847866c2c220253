"""The API of waiting lists and applications, and the place in line under My events, on a real server."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import httpx
import pytest

from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.waiting_list import decline
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.server import Server, serving

NUMBERS = count(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("waiting") / "data"


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Server]:
    with before_opening(data):
        pass
    with serving(data) as new_server:
        yield new_server
        assert "unhandled exception" not in new_server.log()
        check_data(data)


@pytest.fixture
def database(data: Path, server: Server) -> Iterator[OpenDatabase]:
    """Open the server's database in the process of the tests."""
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


@pytest.fixture
def people(database: OpenDatabase) -> list[Guest]:
    return [database.write(invite_one, f"person-{next(NUMBERS)}") for _ in range(3)]


@pytest.fixture
def apis(server: Server, people: list[Guest]) -> Iterator[list[httpx.Client]]:
    """Provide the API clients of three people."""
    with ExitStack() as stack:
        yield [stack.enter_context(person.program(server)) for person in people]


def add_event(database: OpenDatabase, *, needs_approval: bool = False) -> str:
    """Publish a free event with one seat, and a waiting list or applications."""
    event = database.write(announce, f"Gala {next(NUMBERS)}", fee=0, capacity=1)
    settings = catalogue.WaitingSettings("open", 120, needs_approval=needs_approval)
    database.write(catalogue.set_waiting_list, event.slug, settings)
    return event.slug


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_an_api_client_joins_the_list_gets_the_seat_that_comes_free_and_confirms_it(
    database: OpenDatabase, apis: list[httpx.Client]
) -> None:
    slug = add_event(database)
    holder, first, second = apis
    assert problem(first.post(f"/events/{slug}/waiting")) == (409, "seats-available")
    seat = holder.post(f"/events/{slug}/registrations").json()
    joined = first.post(f"/events/{slug}/waiting")
    assert joined.status_code == 201
    place = joined.json()
    assert (place["event"], place["state"], place["place"], place["remaining"]) == (slug, "waiting", 1, 1)
    assert first.post(f"/events/{slug}/waiting").json() == place
    assert second.post(f"/events/{slug}/waiting", json={"quantity": 1}).json()["place"] == 2
    assert problem(second.post(f"/events/{slug}/registrations")) == (409, "sold-out")

    assert holder.post(f"/registrations/{seat['id']}/cancel").status_code == 200
    (offered,) = first.get("/waiting").json()
    assert (offered["state"], offered["place"], offered["remaining"]) == ("offered", None, 0)
    (held,) = first.get("/registrations").json()
    assert (held["state"], held["held_until"]) == ("held", offered["offered_until"])
    assert first.post(f"/registrations/{held['id']}/confirm").json()["state"] == "confirmed"
    assert first.get("/waiting").json()[0]["state"] == "taken"
    assert second.get("/waiting").json()[0]["place"] == 1


def test_only_its_person_can_leave_a_place_any_number_of_times(
    database: OpenDatabase, apis: list[httpx.Client]
) -> None:
    slug = add_event(database)
    holder, first, second = apis
    holder.post(f"/events/{slug}/registrations")
    place = first.post(f"/events/{slug}/waiting").json()
    assert problem(second.post(f"/waiting/{place['id']}/leave")) == (404, "not-found")
    assert first.get("/waiting").json()[0]["state"] == "waiting"
    for _ in range(2):
        assert first.post(f"/waiting/{place['id']}/leave").json()["state"] == "left"
    assert second.get("/waiting").json() == []


def test_a_call_without_a_token_is_refused(server: Server, database: OpenDatabase) -> None:
    slug = add_event(database)
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, verify=False) as anyone:
        for answer in (
            anyone.get("/waiting"), anyone.post(f"/events/{slug}/waiting"), anyone.post("/waiting/1/leave")
        ):  # fmt: skip
            assert problem(answer) == (401, "sign-in-needed")


def test_an_applicant_sends_a_message_and_reads_the_answer(
    database: OpenDatabase, apis: list[httpx.Client]
) -> None:
    slug = add_event(database, needs_approval=True)
    applicant = apis[0]
    assert problem(applicant.post(f"/events/{slug}/registrations")) == (409, "approval-needed")
    refused = applicant.post(f"/events/{slug}/waiting", json={"message": "x" * 1001})
    assert problem(refused) == (422, "invalid")
    assert "message" in refused.json()["fields"]
    sent = applicant.post(f"/events/{slug}/waiting", json={"message": "I build robots."}).json()
    assert (sent["state"], sent["place"], sent["message"]) == ("applied", None, "I build robots.")
    database.write(decline, slug, [sent["id"]], "Next year.")
    (answered,) = applicant.get("/waiting").json()
    assert (answered["state"], answered["answer"]) == ("declined", "Next year.")


def test_my_events_shows_the_place_in_line_until_it_is_left(
    server: Server, database: OpenDatabase, people: list[Guest], apis: list[httpx.Client]
) -> None:
    slug, seats = add_event(database), add_event(database)
    apis[0].post(f"/events/{slug}/registrations")
    apis[1].post(f"/events/{slug}/waiting")
    apis[2].post(f"/events/{seats}/registrations")
    with people[2].browser(server) as browser:
        assert "Waiting lists and applications" not in browser.get("/my-events").text
        place = apis[2].post(f"/events/{slug}/waiting").json()
        page = browser.get("/my-events").text
        assert "You are number 2." in page
        assert "Your seats" in page
        first = apis[1].get("/waiting").json()[0]
        apis[1].post(f"/waiting/{first['id']}/leave")
        assert "You are number 1." in browser.get("/my-events").text
        assert browser.post(f"/waiting/{place['id']}/leave").headers["location"] == f"/events/{slug}"
        assert "You are number" not in browser.get("/my-events").text
    with people[1].browser(server) as browser:
        assert "No events yet" in browser.get("/my-events").text
