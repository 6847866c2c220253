"""The pages and the API of the team on a real server: invite, join, change, take out."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from festgate.portal.catalogue import facade as catalogue
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one, query_file
from tests.rig.forms import hidden_fields
from tests.rig.server import Server, serving
from tests.rig.waiting import until

PEOPLE = {"meena": "owner", "ravi": "organiser", "tara": "treasurer", "asha": "attendee", "usha": "attendee"}
TEAM = "/organise/team"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("team") / "data"


@pytest.fixture(scope="module")
def events(data: Path) -> dict[str, catalogue.Event]:
    with before_opening(data) as database:
        return {title: database.write(announce, title) for title in ("Robo Race", "Hackathon")}


@pytest.fixture(scope="module")
def people(data: Path, events: dict[str, catalogue.Event]) -> dict[str, Guest]:
    assert events
    with before_opening(data) as database:
        return {name: database.write(invite_one, name, role) for name, role in PEOPLE.items()}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server(data: Path, people: dict[str, Guest]) -> Iterator[Server]:
    assert people
    with serving(data) as new_server:
        yield new_server
        assert "unhandled exception" not in new_server.log()
    check_data(data)


@pytest.fixture(scope="module")
def owner(server: Server, people: dict[str, Guest]) -> Iterator[httpx.Client]:
    with people["meena"].browser(server) as client:
        yield client


@pytest.fixture
def anonymous(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        yield client


def link_to(data: Path, email: str) -> str:
    """Return the path of the link in the newest email to the address, which is a file in the mail folder."""

    def find() -> str:
        mails = sorted((data / "mail").glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        for file in reversed(mails):
            text = file.read_text(encoding="utf-8", errors="replace").replace("=\n", "").replace("=3D", "=")
            match = re.search(r"/invitation\?token=[0-9a-f]{64}", text)
            if email in text and match:
                return match[0]
        return ""

    return until(find, f"the invitation to {email}")


def role_of(data: Path, name: str) -> str:
    rows = query_file(data, "SELECT role FROM accounts_people WHERE username = ?", name)
    return str(rows[0][0]) if rows else ""


def test_a_stranger_joins_from_the_link_and_sees_only_the_assigned_event(
    owner: httpx.Client, anonymous: httpx.Client, data: Path, events: dict[str, catalogue.Event]
) -> None:
    race = events["Robo Race"].id
    refused = owner.post(f"{TEAM}/invitations", data={"email": "new@example.org", "role": "lead"})
    assert refused.status_code == 422
    assert "Choose at least one event." in refused.text
    sent = owner.post(
        f"{TEAM}/invitations", data={"email": "new@example.org", "role": "lead", f"event-{race}": "on"}
    )
    assert sent.status_code == 303
    listed = owner.get(TEAM).text
    assert "new@example.org" in listed
    link = link_to(data, "new@example.org")
    page = anonymous.get(link)
    assert page.headers["cache-control"] == "no-store"
    assert "Event lead" in page.text
    weak = anonymous.post(link, data={"name": "Newt", "username": "newt", "password": "password"})
    assert weak.status_code == 422
    joined = anonymous.post(
        link, data={"name": "Newt", "username": "newt", "password": "a long walk in March"}
    )
    assert (joined.status_code, joined.headers["location"]) == (303, "/organise")
    office = anonymous.get("/organise").text
    assert "Robo Race" in office
    assert "Hackathon" not in office
    assert anonymous.get("/organise/events/hackathon").status_code == 404
    assert anonymous.get("/organise/orders").status_code == 403
    assert anonymous.get("/account/second-factor").status_code == 200
    assert anonymous.get(link).status_code == 410
    assert "new@example.org" in owner.get(TEAM).text
    (confirmed,) = query_file(data, "SELECT email_confirmed_at FROM accounts_people WHERE username = 'newt'")
    assert confirmed[0] is not None


def test_an_account_of_another_address_cannot_accept(
    owner: httpx.Client, server: Server, people: dict[str, Guest], data: Path, anonymous: httpx.Client
) -> None:
    owner.post(f"{TEAM}/invitations", data={"email": "asha@example.org", "role": "box-office"})
    link = link_to(data, "asha@example.org")
    assert "Sign in with it to join." in anonymous.get(link).text
    assert anonymous.post(link).headers["location"].startswith("/login")
    with people["usha"].browser(server) as other:
        assert "signed in with another account" in other.get(link).text
        assert other.post(link).status_code == 403
    assert role_of(data, "usha") == "attendee"
    with people["asha"].browser(server) as invited:
        joined = invited.post(link)
        assert joined.status_code == 303
        # The old session has ended, and this browser has a new one.
        invited.headers["cookie"] = joined.headers["set-cookie"].split(";")[0]
        assert invited.get("/organise").status_code == 200
        # No password was entered, so sensitive pages still ask for it.
        asked = invited.get("/account/second-factor")
        assert asked.headers["location"].startswith("/account/prove?next=")
    assert role_of(data, "asha") == "box-office"


def test_a_withdrawn_invitation_does_not_work(
    owner: httpx.Client, anonymous: httpx.Client, data: Path
) -> None:
    owner.post(f"{TEAM}/invitations", data={"email": "gone@example.org", "role": "staff"})
    link = link_to(data, "gone@example.org")
    (number,) = query_file(data, "SELECT id FROM accounts_invitations WHERE email = 'gone@example.org'")[0]
    assert owner.post(f"{TEAM}/invitations/{number}/withdraw").status_code == 303
    assert anonymous.get(link).status_code == 410
    assert "gone@example.org" not in owner.get(TEAM).text


def test_a_change_asks_first_and_signs_the_person_out(
    owner: httpx.Client,
    server: Server,
    people: dict[str, Guest],
    data: Path,
    events: dict[str, catalogue.Event],
) -> None:
    page = f"{TEAM}/{people['tara'].id}"
    asked = owner.post(page, data={"role": "staff", f"event-{events['Hackathon'].id}": "on"})
    assert "May not do any more" in asked.text
    assert role_of(data, "tara") == "treasurer"
    fields = hidden_fields(asked.text, f"{page}/change")
    with people["tara"].browser(server) as tara:
        assert tara.get("/organise").status_code == 200
        assert owner.post(f"{page}/change", data=fields).status_code == 303
        assert tara.get("/door").headers["location"].startswith("/login")
    assert role_of(data, "tara") == "staff"
    # The same form again shows the person as they are now.
    assert owner.post(f"{page}/change", data=fields).status_code == 409
    removed = owner.post(page, data={"role": "attendee"})
    assert "out of the team?" in removed.text
    owner.post(f"{page}/change", data=hidden_fields(removed.text, f"{page}/change"))
    assert role_of(data, "tara") == "attendee"
    assert owner.get(page).status_code == 404


def test_the_owner_is_out_of_reach_of_an_organiser_and_stays(
    owner: httpx.Client, server: Server, people: dict[str, Guest]
) -> None:
    page = f"{TEAM}/{people['meena'].id}"
    with people["ravi"].browser(server) as organiser:
        assert "Only somebody with that role" in organiser.get(page).text
        assert organiser.post(page, data={"role": "organiser"}).status_code == 403
        assert organiser.post(f"{page}/change", data={"role": "attendee"}).status_code == 403
        assert (
            organiser.post(
                f"{TEAM}/invitations", data={"email": "x@example.org", "role": "owner"}
            ).status_code
            == 403
        )
    asked = owner.post(page, data={"role": "organiser"})
    refused = owner.post(f"{page}/change", data=hidden_fields(asked.text, f"{page}/change"))
    assert refused.status_code == 409
    assert "only owner of the fest" in refused.text


def test_the_api_lists_invites_changes_and_takes_out(
    server: Server, people: dict[str, Guest], data: Path
) -> None:
    with people["meena"].program(server) as api:
        first = api.get("/team").json()
        assert (first["page"], first["pages"]) == (1, 1)
        assert first["members"][0]["role"] == "owner"
        assert api.get("/team", params={"page": 2}).status_code == 404
        body = {"email": "prog@example.org", "role": "lead", "events": ["hackathon"]}
        sent = [api.post("/team/invitations", json=body) for _ in range(2)]
        assert [answer.status_code for answer in sent] == [201, 201]
        assert sent[0].json() == sent[1].json()
        number = sent[0].json()["id"]
        assert api.post("/team/invitations", json=body | {"role": "organiser"}).status_code == 409
        assert api.post("/team/invitations", json=body | {"events": ["nothing"]}).status_code == 422
        assert api.post(f"/team/invitations/{number}/again").json()["id"] == number
        assert number in [row["id"] for row in api.get("/team/invitations").json()["invitations"]]
        assert [api.delete(f"/team/invitations/{number}").status_code for _ in range(2)] == [204, 204]
        ravi = people["ravi"].id
        changed = api.put(f"/team/{ravi}", json={"role": "lead", "events": ["robo-race"]})
        assert changed.json()["events"] == ["robo-race"]
        assert api.delete(f"/team/{ravi}").status_code == 204
        assert api.get(f"/team/{ravi}").status_code == 404
        assert api.delete(f"/team/{people['meena'].id}").json()["code"] == "last-owner"
    assert role_of(data, "ravi") == "attendee"
    with people["usha"].program(server) as api:
        assert api.get("/team").status_code == 403
