"""People in the API: found, shown, corrected, and deleted as on their pages."""

import pytest

from festgate.portal.accounts.guest_links import add_link, count_links
from festgate.portal.accounts.guests import GuestEntry, add_guest
from festgate.portal.accounts.people import Newcomer, add_person
from tests.portal.backoffice.office import Office


def add_buyer(office: Office, name: str) -> int:
    """Add a guest without an account, who has a link, and return the id."""
    number = office.database.write(add_guest, GuestEntry(name, f"{name.lower()}@example.net"))
    office.database.write(add_link, b"secret", number)
    return number


def test_people_are_found_by_words_a_page_at_a_time(office: Office) -> None:
    for number in range(51):
        newcomer = Newcomer(f"crowd-{number:02}", f"crowd-{number:02}@example.org")
        office.database.write(add_person, newcomer, "no hash")
    with office.program(office.member("box-office")) as api:
        first = api.get("/people", params={"q": "CROWD"}).json()
        assert (len(first["people"]), first["total"], first["pages"]) == (50, 51, 2)
        second = api.get("/people", params={"q": "crowd", "page": 2}).json()
        assert [person["username"] for person in second["people"]] == ["crowd-50"]
        assert api.get("/people", params={"q": "crowd", "page": 3}).status_code == 404
        assert api.get("/people", params={"q": "crowd", "page": 1_001}).status_code == 422
        assert api.get("/people", params={"q": "nobody of that name"}).json()["total"] == 0
        for words in ("", " ", "\u202e", "\ufdfa" * 100):
            assert api.get("/people", params={"q": words}).json()["total"] == 0


def test_one_person_is_shown_with_registrations_and_no_ticket_code(office: Office) -> None:
    number = office.fest.people["ravi"]
    with office.program(office.member("treasurer")) as api:
        shown = api.get(f"/people/{number}")
    body = shown.json()
    assert (body["person"]["name"], body["can_correct"]) == ("Ravi O'Brien", True)
    (registration,) = body["registrations"]
    assert (registration["event"], registration["state"]) == ("robo-race", "confirmed")
    assert registration["has_ticket"]
    assert registration["order"]
    assert registration["fee"]["minor"] == 45_000
    assert '"code"' not in shown.text


@pytest.mark.parametrize("path", ["", "/deletion"])
def test_people_that_do_not_exist_or_are_of_others_are_not_found(office: Office, path: str) -> None:
    with office.program(office.member("organiser")) as api:
        assert api.get(f"/people/999999{path}").status_code == 404
    with office.program(office.member("lead")) as api:
        assert api.get(f"/people/{office.fest.people['asha']}{path}").status_code == 403
        assert api.get("/people", params={"q": "asha"}).status_code == 403


def test_an_address_is_corrected_once_and_only_from_the_one_that_was_seen(office: Office) -> None:
    newcomer = Newcomer("typo", "typo@exmaple.org")
    number = office.database.write(add_person, newcomer, "no hash").id
    with office.program(office.member("box-office")) as api:
        path = f"/people/{number}/email"
        body = {"email": "typo@example.org", "before": "other@example.org"}
        assert api.put(path, json=body).json()["code"] == "changed"
        body["before"] = "typo@exmaple.org"
        assert api.put(path, json={**body, "email": "ravi@example.org"}).json()["code"] == "taken"
        assert list(api.put(path, json={**body, "email": "no address"}).json()["fields"]) == ["email"]
        for _ in range(2):
            corrected = api.put(path, json=body)
            assert (corrected.status_code, corrected.json()["email"]) == (200, "typo@example.org")
        assert office.newest_entry()[::2] == ("email-address.corrected", "token")
        member = office.member("staff")
        refused = api.put(f"/people/{member.id}/email", json={**body, "email": "mine@example.org"})
        assert (refused.status_code, refused.json()["code"]) == (409, "crew-address")


def test_links_end_for_guests_and_not_for_accounts(office: Office) -> None:
    number = add_buyer(office, "Linked")
    with office.program(office.member("box-office")) as api:
        for _ in range(2):
            assert api.delete(f"/people/{number}/links").status_code == 204
        assert office.database.read(count_links, number) == 0
        assert office.newest_entry()[::2] == ("guest-links.ended", "token")
        assert api.delete(f"/people/{office.fest.people['asha']}/links").status_code == 404


def test_the_data_of_a_guest_are_deleted_as_was_read_before(office: Office) -> None:
    number = add_buyer(office, "Leaver")
    with office.program(office.member("organiser")) as api:
        plan = api.get(f"/people/{number}/deletion").json()
        assert plan["obstacles"] == []
        path = f"/people/{number}/deletion"
        assert api.post(path, json={"confirm": "something else"}).json()["code"] == "changed"
        assert api.get(f"/people/{number}").json()["person"]["email"] == "leaver@example.net"
        assert api.post(path, json={"confirm": plan["confirm"]}).status_code == 204
        assert office.newest_entry()[::2] == ("account.deleted", "token")
        assert api.post(path, json={"confirm": plan["confirm"]}).status_code == 404
        assert api.get(f"/people/{number}").json()["person"]["email"] == ""
        assert api.get(f"/people/{office.fest.people['asha']}/deletion").status_code == 404
    with office.program(office.member("box-office")) as api:
        assert api.post(path, json={"confirm": plan["confirm"]}).status_code == 403
