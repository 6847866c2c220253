"""The organisers' pages about people, on a real server: search, a corrected address, a ticket sent again."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.kit.db.statements import Connection
from festgate.portal.accounts.people import set_name
from tests.journeys.stage import Guest, announce, before_opening, invite_one, query_file
from tests.rig.forms import hidden_fields, press
from tests.rig.server import Server, serving
from tests.rig.waiting import until

ROLES = {"meena": "organiser", "sam": "staff", "asha": "attendee", "ravi": "attendee", "usha": "attendee"}


def invite_named(connection: Connection, name: str, role: str) -> Guest:
    guest = invite_one(connection, name, role)  # type: ignore[arg-type]
    if name != "usha":
        set_name(connection, guest.id, f"{name.title()} Ünal-García")
    return guest


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("people") / "data"


@pytest.fixture(scope="module")
def people(data: Path) -> dict[str, Guest]:
    with before_opening(data) as database:
        database.write(partial(announce, title="Open Stage", fee=0))
        return {name: database.write(invite_named, name, role) for name, role in ROLES.items()}


@pytest.fixture(scope="module")
def server(data: Path, people: dict[str, Guest]) -> Iterator[Server]:
    with serving(data, extra={"FESTGATE_LOG_FORMAT": "json"}) as new_server:
        yield new_server


@pytest.fixture(scope="module")
def organiser(server: Server, people: dict[str, Guest]) -> Iterator[httpx.Client]:
    with people["meena"].browser(server) as new_client:
        yield new_client


def page_of(guest: Guest) -> str:
    return f"/organise/people/{guest.id}"


def ticket_of(server: Server, guest: Guest) -> str:
    """Return the code of the guest's ticket for the Open Stage."""

    def find() -> str:
        match = re.search(r'href="/tickets/([0-9A-Z]{16})"', browser.get("/my-events").text)
        return match[1] if match else ""

    with guest.browser(server) as browser:
        browser.post("/events/open-stage/register")
        return until(find, "the ticket")


def refused_corrections(server: Server) -> list[str]:
    """Return the lines of the log about corrections that were refused because the address had changed."""
    return [
        line for line in server.log().splitlines() if '"email-changed"' in line and '"status": 409' in line
    ]


def tickets_sent(data: Path) -> list[str]:
    """Return the recipients of all emails with a ticket for the Open Stage."""
    sql = "SELECT recipient FROM kit_mail WHERE subject = 'Your ticket: Open Stage' ORDER BY id"
    return [recipient for (recipient,) in query_file(data, sql)]


def test_an_organiser_finds_people_by_name_username_and_email(
    organiser: httpx.Client, people: dict[str, Guest]
) -> None:
    asha = people["asha"]
    for words in ("ASHA unal garcia", "asha@example", "Asha"):
        text = organiser.get("/organise/people", params={"q": words}).text
        assert f'<a href="{page_of(asha)}">Asha Ünal-García</a>' in text
        assert page_of(people["ravi"]) not in text
    without_name = organiser.get("/organise/people", params={"q": "usha"}).text
    assert f'<a href="{page_of(people["usha"])}">usha</a>' in without_name
    assert "Nobody matches." in organiser.get("/organise/people", params={"q": "nobody%"}).text
    assert "Nobody matches." not in organiser.get("/organise/people", params={"q": "\u202e"}).text


@pytest.mark.parametrize("name", ["asha", "sam"])
def test_the_pages_are_for_organisers_only(server: Server, people: dict[str, Guest], name: str) -> None:
    page = page_of(people["ravi"])
    with people[name].browser(server) as browser:
        for path in ("/organise/people", page, f"{page}/email"):
            assert browser.get(path).status_code == 403
        for path in (f"{page}/email", f"{page}/email/change", f"{page}/tickets/{'0' * 16}/again"):
            assert browser.post(path).status_code == 403


@pytest.mark.parametrize("number", ["0", "999999", "x", "-1", "9" * 30])
def test_an_unknown_person_is_not_found(organiser: httpx.Client, number: str) -> None:
    for path in ("", "/email"):
        assert organiser.get(f"/organise/people/{number}{path}").status_code == 404
    assert organiser.post(f"/organise/people/{number}/tickets/{'0' * 16}/again").status_code == 404


def test_a_ticket_is_sent_again_once_for_two_clicks_and_the_page_shows_what_became_of_it(
    server: Server, organiser: httpx.Client, people: dict[str, Guest], data: Path
) -> None:
    ravi = people["ravi"]
    code = ticket_of(server, ravi)
    until(lambda: tickets_sent(data).count("ravi@example.org") == 1, "the email with the ticket")
    again = f"{page_of(ravi)}/tickets/{code}/again"
    fields = hidden_fields(organiser.get(page_of(ravi)).text, again)
    for _ in range(2):
        response = organiser.post(again, data=fields)
        assert (response.status_code, response.headers["location"]) == (303, f"{page_of(ravi)}#{code}")
    assert tickets_sent(data).count("ravi@example.org") == 2
    sent = re.compile(r"Sent to ravi@example\.org on ")
    until(lambda: sent.search(organiser.get(page_of(ravi)).text), "the email is sent")
    assert organiser.post(again).status_code == 303
    assert tickets_sent(data).count("ravi@example.org") == 2
    other = f"{page_of(people['asha'])}/tickets/{code}/again"
    assert organiser.post(other, data=fields).status_code == 404
    for _ in range(9):
        assert press(organiser, page_of(ravi), again).status_code == 303
    refused = press(organiser, page_of(ravi), again)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 3_600
    assert "This person was sent 10 tickets again." in refused.text


def test_a_mistyped_address_is_corrected_after_a_question_and_its_tickets_follow(
    server: Server, organiser: httpx.Client, people: dict[str, Guest], data: Path
) -> None:
    asha = people["asha"]
    page = page_of(asha)
    ticket_of(server, asha)
    wrong = organiser.post(f"{page}/email", data={"email": "asha at example"})
    assert (wrong.status_code, "This is not an email address" in wrong.text) == (422, True)
    taken = organiser.post(f"{page}/email", data={"email": "RAVI@example.org"})
    assert (taken.status_code, "Another account has the email address" in taken.text) == (409, True)
    asked = organiser.post(f"{page}/email", data={"email": "asha@example.com"})
    assert asked.status_code == 200
    for sentence in ("asha@example.org", "signed out everywhere", "1 ticket is sent to the new address"):
        assert sentence in asked.text
    with asha.browser(server) as browser:
        assert browser.get("/my-events").status_code == 200
        fields = hidden_fields(asked.text, f"{page}/email/change")
        for _ in range(2):
            response = organiser.post(f"{page}/email/change", data=fields)
            assert (response.status_code, response.headers["location"]) == (303, f"{page}?corrected=1")
        assert browser.get("/my-events").status_code == 303
    assert "The email address is asha@example.com now." in organiser.get(f"{page}?corrected=1").text
    until(lambda: "asha@example.com" in tickets_sent(data), "the ticket at the corrected address")
    stale = organiser.post(f"{page}/email/change", data=fields | {"email": "asha@example.net"})
    assert (stale.status_code, "nothing was done" in stale.text) == (409, True)
    (line,) = until(lambda: refused_corrections(server), "the line in the security log")
    assert f'"account": {people["meena"].id}' in line
    assert f'"concerns": {asha.id}' in line
    assert "example.net" not in server.log()


def test_the_address_of_staff_is_not_corrected_in_the_browser(
    organiser: httpx.Client, people: dict[str, Guest], data: Path
) -> None:
    page = page_of(people["sam"])
    assert f'href="{page}/email"' not in organiser.get(page).text
    fields = {"email": "mine@example.org", "shown": "sam@example.org"}
    for response in (
        organiser.get(f"{page}/email"),
        organiser.post(f"{page}/email", data=fields),
        organiser.post(f"{page}/email/change", data=fields),
    ):
        assert (response.status_code, "belongs to staff or an organiser" in response.text) == (409, True)
    assert query_file(data, "SELECT email FROM accounts_people WHERE username = 'sam'") == [
        ("sam@example.org",)
    ]
