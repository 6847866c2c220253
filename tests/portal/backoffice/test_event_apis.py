"""The API for organisers of one event: waiting list and applications, teams, rules about holders, and its numbers."""

import socket
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import cast

import httpx
import pytest
from sqlalchemy import bindparam, func, select

from festgate.kit.db.statements import Statement
from festgate.kit.messaging import mail
from festgate.portal.accounts.use_limits import MAX_USES, Use
from festgate.portal.app import create_app
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import checks as registration_checks
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.holds import hold_seat
from festgate.portal.registrations.teams import join_team
from festgate.portal.registrations.waiting_list import join
from festgate.portal.tickets import checks as ticket_checks
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.facade import replace_code
from festgate.settings import Settings
from tests.journeys.stage import Guest, before_opening, invite_one
from tests.portal.registrations.team_fest import add_team_event, register_team
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone
from tests.rig.served import served
from tests.rig.waiting import until

NUMBERS = count(1)
SENT = Statement(select(func.count()).where(mail.messages.c.recipient == bindparam("to")))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("event-apis") / "data"


@pytest.fixture(scope="module")
def database(data: Path) -> Iterator[OpenDatabase]:
    with before_opening(data) as database:
        yield database


@pytest.fixture(scope="module")
def team(database: OpenDatabase) -> dict[str, Guest]:
    return {
        "organiser": database.write(invite_one, "meena", "organiser"),
        "lead": database.write(invite_one, "lee", "lead"),
        "treasurer": database.write(invite_one, "tara", "treasurer"),
    }


@pytest.fixture(scope="module")
def url(data: Path, database: OpenDatabase, team: dict[str, Guest]) -> Iterator[str]:
    del team
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        app = create_app(Settings(data_dir=data, base_url=f"http://127.0.0.1:{port}"), clock=database.clock)
        with served(app, listener):
            yield f"http://127.0.0.1:{port}"
    assert database.violations([*registration_checks.CHECKS, *ticket_checks.CHECKS]) == []


def program(url: str, guest: Guest) -> httpx.Client:
    return httpx.Client(base_url=f"{url}/api/v1", headers=guest.bearer, trust_env=False, timeout=30)


@pytest.fixture
def api(url: str, team: dict[str, Guest]) -> Iterator[httpx.Client]:
    with program(url, team["organiser"]) as client:
        yield client


def full_event(database: OpenDatabase, *, needs_approval: bool = False) -> catalogue.Event:
    """Publish a free event whose only seat is taken, with a waiting list or applications."""
    event = add_event(database, fee=0, capacity=1)
    database.write(hold_seat, add_someone(database), event.slug, 15)
    settings = catalogue.WaitingSettings("open", 120, needs_approval=needs_approval)
    return database.write(catalogue.set_waiting_list, event.slug, settings)


def wait_for(database: OpenDatabase, event: catalogue.Event, message: str = "") -> int:
    """Add a person to the line, and return the id of the entry."""
    person = add_someone(database, f"person-of-line-{next(NUMBERS)}")
    return database.write(partial(join, person_id=person, slug=event.slug, message=message))


def recorded(database: OpenDatabase, event: catalogue.Event) -> list[tuple[str, int]]:
    """Return the action and the person of each entry of the audit log about the event, oldest first."""
    entries, _ = database.report(audit.find_entries, audit.Filters(event_id=event.id), 50)
    return [(entry.action, int(entry.details.get(audit.PERSON, 0))) for entry in reversed(entries)]


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_the_waiting_list_is_listed_with_place_and_state_and_seats_are_offered_by_hand(
    database: OpenDatabase, api: httpx.Client
) -> None:
    event = full_event(database)
    first, second, third = (wait_for(database, event) for _ in range(3))
    address = f"/events/{event.slug}/waiting-list"
    listed = api.get(address).json()
    assert [(entry["id"], entry["place"], entry["state"]) for entry in listed["entries"]] == [
        (first, 1, "waiting"),
        (second, 2, "waiting"),
        (third, 3, "waiting"),
    ]
    assert (listed["total"], listed["page"], listed["pages"]) == (3, 1, 1)
    assert listed["entries"][0]["email"].startswith("person-of-line-")
    assert problem(api.get(address, params={"page": 2})) == (404, "not-found")
    assert problem(api.post(f"{address}/offer", json={"entries": [second]})) == (409, "not-enough-seats")
    for _ in range(2):  # repeating it offers nothing more
        offered = api.post(f"{address}/offer", json={"entries": [second], "raise_capacity": True})
        (entry,) = offered.json()
        assert (entry["state"], entry["place"]) == ("offered", None)
        assert entry["offered_until"] is not None
    assert database.read(catalogue.event_by_id, event.id).capacity == 2
    for _ in range(2):
        (removed,) = api.post(f"{address}/remove", json={"entries": [first]}).json()
        assert removed["state"] == "removed"
    assert api.get(address, params={"state": "waiting"}).json()["entries"][0]["id"] == third
    people = {entry["id"]: entry["person"] for entry in listed["entries"]}
    assert recorded(database, event) == [
        ("waiting.offered", people[second]),
        ("event.resized", 0),
        ("waiting.removed", people[first]),
    ]
    missing = api.post(f"{address}/remove", json={"entries": [third, 10**6]})
    assert problem(missing) == (404, "not-found")
    assert api.get(address, params={"state": "waiting"}).json()["total"] == 1


def test_applications_are_accepted_waitlisted_and_declined_with_a_sentence(
    database: OpenDatabase, api: httpx.Client
) -> None:
    event = full_event(database, needs_approval=True)
    accepted, listed, declined = (wait_for(database, event, "I build robots.") for _ in range(3))
    address = f"/events/{event.slug}/waiting-list"
    applications = api.get(address, params={"state": "applied"}).json()["entries"]
    assert [entry["message"] for entry in applications] == ["I build robots."] * 3
    body = {"entries": [accepted], "raise_capacity": True}
    assert api.post(f"{address}/offer", json=body).json()[0]["state"] == "offered"
    assert api.post(f"{address}/wait", json={"entries": [listed]}).json()[0]["place"] == 1
    for _ in range(2):
        body = {"entries": [declined], "answer": "Next year."}
        (answered,) = api.post(f"{address}/decline", json=body).json()
        assert (answered["state"], answered["answer"]) == ("declined", "Next year.")
    long = api.post(f"{address}/decline", json={"entries": [listed], "answer": "x" * 1001})
    assert problem(long) == (422, "invalid")
    assert [action for action, _ in recorded(database, event)] == [
        "waiting.offered",
        "event.resized",
        "waiting.listed",
        "waiting.declined",
    ]


def test_a_waiting_list_is_opened_and_closed_and_not_switched_off_while_somebody_waits(
    database: OpenDatabase, api: httpx.Client
) -> None:
    event = add_event(database, fee=0, capacity=1)
    address = f"/events/{event.slug}/waiting-list/settings"
    assert api.get(address).json()["state"] == "off"
    wanted = {"state": "open", "offer_hours": 6, "needs_approval": False}
    for _ in range(2):
        assert api.put(address, json=wanted).json() == wanted
    database.write(hold_seat, add_someone(database), event.slug, 15)
    wait_for(database, event)
    refused = api.put(address, json=wanted | {"state": "off"})
    assert problem(refused) == (422, "invalid")
    assert "Close it" in refused.json()["fields"]["state"]
    assert api.put(address, json=wanted | {"state": "closed"}).json()["state"] == "closed"
    assert problem(api.put(address, json=wanted | {"offer_hours": 0})) == (422, "invalid")


def test_a_team_is_renamed_and_a_member_is_replaced_once_for_each_key(
    database: OpenDatabase, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, kind = add_team_event(database)
    captain, member = add_someone(database), add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 3)
    token = database.read(registrations.team_by_id, team_id).token
    until(lambda: _has_tickets(database, team_id), "the tickets of the team")
    database.write(join_team, member, token, replace_code)
    address = f"/events/{event.slug}/teams"
    (listed,) = api.get(address).json()["teams"]
    assert listed == api.get(f"{address}/{team_id}").json()
    assert [place["person"] for place in listed["places"]] == [captain, member, None]
    assert (listed["state"], listed["order"]) == ("open", None)
    for _ in range(2):
        assert api.put(f"{address}/{team_id}", json={"name": "Nuts"}).json()["name"] == "Nuts"
    assert problem(api.put(f"{address}/{team_id}", json={"name": " "})) == (422, "invalid")

    first, second, _ = (place["registration"] for place in listed["places"])
    invite = f"{address}/{team_id}/places/{second}/member"
    body, key = {"email": "new@example.org", "person": member}, {"idempotency-key": "one"}
    for _ in range(2):
        changed = api.post(invite, json=body, headers=key)
        assert [place["person"] for place in changed.json()["places"]] == [captain, None, None]
    assert database.read(lambda connection: connection.value(SENT, to="new@example.org")) == 1
    other = api.post(invite, json=body | {"email": "other@example.org"}, headers=key)
    assert problem(other) == (422, "idempotency-key-reused")
    stale = api.post(invite, json=body, headers={"idempotency-key": "two"})
    assert problem(stale) == (409, "changed")
    stays = f"{address}/{team_id}/places/{first}/member"
    assert problem(api.post(stays, json=body | {"person": captain}, headers=key)) == (409, "captain-stays")
    monkeypatch.setitem(cast("dict[Use, int]", MAX_USES), "resend", 1)
    again = api.post(invite, json=body | {"person": None}, headers={"idempotency-key": "three"})
    assert problem(again) == (429, "use-limit")
    assert api.post(invite, json=body, headers=key).status_code == 200

    for _ in range(2):
        over = api.post(f"{address}/{team_id}/cancel").json()
        assert (over["state"], over["places"]) == ("over", [])
    assert api.get(address).json()["total"] == 0
    entries, _ = database.report(audit.find_entries, audit.Filters(event_id=event.id), 50)
    actions = ["registration.cancelled", "ticket.transferred", "team.renamed"]
    assert [entry.action for entry in entries] == actions
    assert entries[2].details == {"before": "Bolts", "after": "Nuts"}
    # No entry of the log has an address or a name.
    assert entries[1].details == {"before": "p…", "after": "n…@example.org", "team": "Nuts"}


def _has_tickets(database: OpenDatabase, team_id: int) -> bool:
    team = database.read(registrations.team_by_id, team_id)
    return all(database.read(tickets.ticket_of_seat, place.seat_id) is not None for place in team.places)


def test_a_team_of_another_event_is_not_there(database: OpenDatabase, api: httpx.Client) -> None:
    _, kind = add_team_event(database)
    team_id = register_team(database, add_someone(database), kind, "Sparks", 2)
    other = add_event(database)
    for answer in (
        api.get(f"/events/{other.slug}/teams/{team_id}"),
        api.put(f"/events/{other.slug}/teams/{team_id}", json={"name": "Ours"}),
        api.post(f"/events/{other.slug}/teams/{team_id}/cancel"),
    ):
        assert problem(answer) == (404, "not-found")
    assert database.read(registrations.team_by_id, team_id).name == "Sparks"


def test_the_rules_about_holders_are_read_and_set(database: OpenDatabase, api: httpx.Client) -> None:
    event = add_event(database)
    address = f"/events/{event.slug}/holder-rules"
    rules = {"names": "off", "names_until": None, "transfers": True, "transfers_until": None}
    assert api.get(address).json() == rules
    rules |= {"names": "required", "transfers": False}
    for _ in range(2):
        assert api.put(address, json=rules).json() == rules
    late = api.put(address, json=rules | {"transfers_until": "2099-01-01T00:00:00Z"})
    assert problem(late) == (422, "invalid")
    assert late.json()["fields"].keys() == {"transfers_until"}
    assert api.get(address).json() == rules
    early = api.put(address, json=rules | {"names_until": "2001-01-01T00:00:00"}).json()
    assert early["names_until"] == "2001-01-01T00:00:00Z"


def test_the_numbers_of_an_event_are_read(
    database: OpenDatabase, url: str, api: httpx.Client, team: dict[str, Guest]
) -> None:
    event = add_event(database, fee=0, capacity=10)
    guest = database.write(invite_one, f"arrives-{next(NUMBERS)}")
    with program(url, guest) as own:
        own.post(f"/events/{event.slug}/registrations").raise_for_status()
        until(lambda: own.get("/tickets").json(), "the ticket")
        code = own.get("/tickets").json()[0]["code"]
    api.post(f"/tickets/{code}/admission", json={"event": event.slug}).raise_for_status()
    overview = api.get(f"/events/{event.slug}/overview").json()
    assert (overview["seats"]["sold"], overview["seats"]["checked_in"], overview["waiting"]) == (1, 1, 0)
    with program(url, team["treasurer"]) as treasurer:
        assert treasurer.get(f"/events/{event.slug}/overview").json()["seats"] == overview["seats"]
        assert problem(treasurer.get(f"/events/{event.slug}/waiting-list")) == (403, "forbidden")


def test_a_lead_has_the_assigned_events_only(
    database: OpenDatabase, url: str, team: dict[str, Guest]
) -> None:
    own, other = add_event(database), add_event(database)
    database.write(catalogue.assign_events, team["lead"].id, [own.id])
    with program(url, team["lead"]) as lead:
        for path in ("waiting-list", "waiting-list/settings", "teams", "holder-rules", "overview"):
            assert lead.get(f"/events/{own.slug}/{path}").status_code == 200, path
            assert problem(lead.get(f"/events/{other.slug}/{path}")) == (404, "not-found"), path
        assert lead.get(f"/events/{own.slug}/overview").json()["money"] is None
