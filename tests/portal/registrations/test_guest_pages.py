"""Pages of visitors without an account, by requests: access, refusals, links, claims, office, door, and the switch."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection
from festgate.portal.accounts.confirmation import confirm_address
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one, query_file
from tests.portal.registrations.test_guests_in_browser import SETTINGS
from tests.portal.registrations.test_guests_in_browser import Fest as MailFest
from tests.rig.server import Server, serving

ACCOUNT_PAGES = ("/account/delete", "/account/data", "/organise", "/door", "/teams/1")


@dataclass
class Fest:
    """A served fest, its staff, and two accounts with an address that guests use, one confirmed."""

    server: Server
    data: Path
    organiser: Guest
    staff: Guest
    confirmed: Guest
    unconfirmed: Guest

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.server.url, trust_env=False, verify=False, timeout=30)

    def link_to(self, email: str, count: int = 1) -> str:
        return MailFest(self.server, self.data, self.organiser).wait_for_links(email, count)[-1]


def add_account(connection: Connection, name: str) -> Guest:
    account = invite_one(connection, name)
    confirm_address(connection, account.id)
    return account


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data = tmp_path_factory.mktemp("guest-pages") / "data"
    with before_opening(data) as database:
        database.write(announce, "Robo Race", fee=45_000)
        database.write(announce, "Gala", starts_at=database.clock.now + 72 * HOUR, fee=0)
        people = (
            database.write(invite_one, "meena", "organiser"),
            database.write(invite_one, "staff", "staff"),
            database.write(add_account, "confirmed"),
            database.write(invite_one, "unconfirmed"),
        )
    with serving(data, extra=SETTINGS) as server:
        yield Fest(server, data, *people)
        assert "unhandled exception" not in server.log()
        check_data(data, SETTINGS)


def register(browser: httpx.Client, email: str, event: str = "gala", **fields: str) -> httpx.Response:
    return browser.post(f"/events/{event}/register", data={"name": "Asha Rao", "email": email} | fields)


def test_a_form_without_a_name_and_an_address_leads_to_signing_in(fest: Fest) -> None:
    with fest.browser() as browser:
        for fields in ({}, {"ticket": "1"}, {"name": "Asha"}):
            answer = browser.post("/events/gala/register", data=fields)
            assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/")


def test_wrong_fields_are_shown_again_with_the_chosen_ticket(fest: Fest) -> None:
    with fest.browser() as browser:
        answer = register(browser, "asha@", name="<b>", ticket="7")
        assert answer.status_code == 422
        assert "This is not an email address" in answer.text
        assert 'value="&lt;b&gt;"' in answer.text
        assert '<input type="hidden" name="ticket" value="7">' in answer.text
        assert "set-cookie" not in answer.headers


def test_the_address_of_a_guest_gets_no_second_seat_in_another_browser(fest: Fest) -> None:
    with fest.browser() as first, fest.browser() as second:
        assert register(first, "twice@example.org").status_code == 303
        refused = register(second, "Twice@example.org", name="Somebody")
        assert (refused.status_code, "set-cookie" in refused.headers) == (409, False)
        assert 'href="/find-tickets"' in refused.text
        # The browser that has the seat is led to it.
        assert first.post("/events/gala/register").headers["location"] == "/events/gala?already=1"


def test_a_guest_opens_no_page_of_an_account_and_calls_no_api(fest: Fest) -> None:
    with fest.browser() as browser:
        register(browser, "limited@example.org")
        assert browser.get("/my-events").status_code == 200
        for path in ACCOUNT_PAGES:
            assert browser.get(path).headers["location"].startswith("/login?next="), path
        for path in ("/events/gala/wait", "/events/gala/teams", "/account/name", "/account/email"):
            assert browser.post(path, data={"name": "x"}).headers["location"].startswith("/login"), path
        token = browser.cookies["festgate_session"]
        api = browser.get("/api/v1/registrations", headers={"authorization": f"Bearer {token}"})
        assert api.status_code == 401


def test_guests_do_not_see_what_another_browser_has_bought_with_their_address(fest: Fest) -> None:
    with fest.browser() as owner, fest.browser() as stranger:
        ticket = register(owner, "private@example.org").headers["location"]
        register(stranger, "private@example.org", "robo-race")
        assert owner.get(ticket).status_code == 200
        assert stranger.get(ticket).status_code == 404
        assert "Gala" not in stranger.get("/my-events").text
        assert stranger.get("/guest/data").json()["emails"] == []


def test_forms_of_other_sites_are_refused(fest: Fest) -> None:
    with fest.browser() as browser:
        register(browser, "target@example.org")
        link = fest.link_to("target@example.org")
        for path in (link, "/find-tickets", "/guest/links/end", "/guest/delete", "/events/gala/register"):
            for header in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
                answer = browser.post(path, data={"email": "target@example.org"}, headers=header)
                assert answer.status_code == 403, path
        assert browser.get(link).status_code == 200


def test_finding_tickets_is_answered_the_same_for_every_address(fest: Fest) -> None:
    with fest.browser() as browser, fest.browser() as other:
        register(browser, "lost@example.org")
        answers = {
            other.post("/find-tickets", data={"email": email}).text
            for email in ("lost@example.org", "nobody-here@example.org", "confirmed@example.org")
        }
        assert len(answers) == 1
        link = fest.link_to("lost@example.org", 2)
        assert other.post(link).headers["location"] == "/my-events"
        assert "Gala" in other.get("/my-events").text


def test_a_guest_ends_all_links_and_other_browsers(fest: Fest) -> None:
    with fest.browser() as first, fest.browser() as second:
        register(first, "ends@example.org")
        link = fest.link_to("ends@example.org")
        assert second.post(link).status_code == 303
        assert "1 link opens" in second.get("/guest").text
        assert second.post("/guest/links/end").headers["location"] == "/guest?ended"
        gone = first.get(link)
        assert (gone.status_code, "does not work any more" in gone.text) == (410, True)
        assert first.get("/my-events").status_code == 303
        assert second.get("/my-events").status_code == 200


def test_a_guest_deletes_their_data(fest: Fest) -> None:
    with fest.browser() as browser:
        register(browser, "deletes@example.org")
        link = fest.link_to("deletes@example.org")
        shown = re.search(r'name="shown" value="([^"]+)"', browser.get("/guest/delete").text)
        assert shown is not None
        answer = browser.post("/guest/delete", data={"shown": shown[1]})
        assert answer.headers["location"] == "/guest/deleted"
        assert browser.get("/guest").status_code == 303
        assert browser.get(link).status_code == 410
    assert query_file(fest.data, "SELECT id FROM accounts_people WHERE email = 'deletes@example.org'") == []
    assert query_file(fest.data, "SELECT id FROM registrations_seats WHERE guest_key LIKE 'deletes%'") == []


def test_a_confirmed_account_adds_what_was_bought_without_one(fest: Fest) -> None:
    with fest.browser() as guest, fest.browser() as stranger:
        ticket = register(guest, "confirmed@example.org").headers["location"]
        register(stranger, "unconfirmed@example.org")
        with fest.confirmed.browser(fest.server) as account:
            assert "orders without an account" in account.get("/my-events").text
            assert account.post("/guest/claim").headers["location"] == "/my-events"
            assert "Gala" in account.get("/my-events").text
            assert account.get(ticket).status_code == 200
            assert "orders without an account" not in account.get("/my-events").text
        assert guest.get("/my-events").status_code == 303
        with fest.unconfirmed.browser(fest.server) as account:
            assert "orders without an account" not in account.get("/my-events").text
            assert account.post("/guest/claim").status_code == 303
            assert "Gala" not in account.get("/my-events").text
        assert stranger.get("/my-events").status_code == 200


def test_another_address_in_the_same_browser_is_another_guest_and_ends_the_first_session(fest: Fest) -> None:
    with fest.browser() as browser, fest.browser() as earlier:
        register(browser, "first@example.org")
        earlier.cookies["festgate_session"] = browser.cookies["festgate_session"]
        assert earlier.get("/my-events").status_code == 200
        assert register(browser, "second@example.org").status_code == 303
        assert "second@example.org" in browser.get("/guest").text
        assert earlier.get("/my-events").status_code == 303


def test_a_guest_that_can_only_pay_at_the_desk_gets_the_link_at_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with before_opening(data) as database:
        database.write(announce, "Robo Race", fee=45_000)
        people = [database.write(invite_one, name) for name in ("a", "b", "c", "d")]
    with serving(data, extra=SETTINGS | {"FESTGATE_PAYMENT_METHODS": "desk"}) as server:
        fest = Fest(server, data, *people)
        with fest.browser() as browser:
            assert register(browser, "desk@example.org", "robo-race").headers["location"] == "/checkout"
            assert "To pay at the desk" in browser.get("/checkout").text
            browser.post(fest.link_to("desk@example.org"))
            assert "To pay at the desk" not in browser.get("/checkout").text
            assert "Pay" in browser.get("/checkout").text


def test_an_account_that_sends_the_fields_of_a_guest_registers_as_itself(fest: Fest) -> None:
    with fest.staff.browser(fest.server) as account:
        assert register(account, "somebody-else@example.org").headers["location"] == "/my-events"
        assert "Gala" in account.get("/my-events").text


def test_organisers_and_the_door_know_guests_by_name(fest: Fest) -> None:
    with fest.browser() as browser, fest.organiser.browser(fest.server) as office:
        register(browser, "known@example.org", name="Karla Komet")
        link = fest.link_to("known@example.org")
        people = office.get("/organise/people?q=karla").text
        assert "No account" in people
        number = re.findall(r"/organise/people/([0-9]+)", people)[0]
        assert "bought without an account" in office.get(f"/organise/people/{number}").text
        with fest.staff.browser(fest.server) as door:
            assert "Karla Komet" in door.get("/door/gala?q=karla").text
        ended = office.post(f"/organise/people/{number}/links/end")
        assert "opens these tickets any more" in office.get(ended.headers["location"]).text
        assert browser.get(link).status_code == 410
        assert browser.get("/my-events").status_code == 303
        shown = re.search(
            r'name="shown" value="([^"]+)"', office.get(f"/organise/people/{number}/delete").text
        )
        assert shown is not None
        office.post(f"/organise/people/{number}/delete", data={"shown": shown[1]})
        assert "Nobody matches" in office.get("/organise/people?q=karla").text
        # An account is deleted by its owner, not here.
        assert office.post(f"/organise/people/{fest.confirmed.id}/delete").status_code == 404
        assert office.post(f"/organise/people/{fest.confirmed.id}/links/end").status_code == 404
        with fest.staff.browser(fest.server) as door:
            assert door.post(f"/organise/people/{number}/links/end").status_code == 403


def test_without_guest_checkout_the_page_leads_to_signing_in(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with before_opening(data) as database:
        database.write(announce, "Gala", fee=0)
    with (
        serving(data, extra=SETTINGS) as server,
        httpx.Client(base_url=server.url, trust_env=False, verify=False) as guest,
    ):
        ticket = register(guest, "early@example.org").headers["location"]
        session = guest.cookies["festgate_session"]
    with (
        serving(data, extra=SETTINGS | {"FESTGATE_GUEST_CHECKOUT": "false"}) as server,
        httpx.Client(base_url=server.url, trust_env=False, verify=False) as browser,
    ):
        assert 'name="email"' not in browser.get("/events/gala").text
        answer = register(browser, "late@example.org")
        assert answer.headers["location"].startswith("/login")
        # Tickets that were sold before still open, and nothing more is sold to their guests.
        browser.cookies["festgate_session"] = session
        assert browser.get(ticket).status_code == 200
        assert browser.post("/events/gala/register").headers["location"].startswith("/login")
