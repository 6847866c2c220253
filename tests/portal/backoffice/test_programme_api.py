"""The API of the programme for organisers: events, rules, ticket types, quotas, rooms, promo codes and questions."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from festgate.kit.clock import DAY, moment
from festgate.portal.app import create_app
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.holds import hold_seat
from festgate.settings import Settings
from tests.journeys.stage import Guest, before_opening, check_data, invite_one
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone
from tests.rig.served import served

NUMBERS = count(1)
JSON = {"content-type": "application/json"}
EVENT = {"title": "Robo Race", "fee": "450.00"}
WHOLE_EVENT = {
    **EVENT,
    "summary": "Race robots.",
    "description": "- Bring a robot",
    "category": "Robotics",
    "place": "Main Hall",
    "starts_at": "2031-03-14T10:00",
    "ends_at": "2031-03-14T17:30:00+05:30",
    "sales_open_at": "2031-03-01T00:00",
    "sales_close_at": None,
    "capacity": 40,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programme-api") / "data"


@pytest.fixture(scope="module")
def database(data: Path) -> Iterator[OpenDatabase]:
    with before_opening(data) as database:
        yield database


@pytest.fixture(scope="module")
def organiser(database: OpenDatabase) -> Guest:
    return database.write(invite_one, "meena", "organiser")


@pytest.fixture(scope="module")
def lead(database: OpenDatabase) -> Guest:
    return database.write(invite_one, "lee", "lead")


@pytest.fixture(scope="module")
def url(data: Path, organiser: Guest, lead: Guest) -> Iterator[str]:
    del organiser, lead
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings(data_dir=data, base_url=base_url, timezone="Asia/Kolkata")
        with served(create_app(settings), listener):
            yield base_url
    check_data(data)


@pytest.fixture
def api(url: str, organiser: Guest) -> Iterator[httpx.Client]:
    """Provide the API client of an organiser."""
    with program(url, organiser) as client:
        yield client


def program(url: str, guest: Guest) -> httpx.Client:
    return httpx.Client(base_url=f"{url}/api/v1/programme", headers=guest.bearer, trust_env=False, timeout=60)


def key() -> dict[str, str]:
    """Return the header with a new idempotency key."""
    return {"idempotency-key": f"key {next(NUMBERS)}"}


def title() -> str:
    return f"Race {next(NUMBERS)}"


def created(client: httpx.Client, path: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Create something and return it; it is the same as when it is read."""
    answer = client.post(path, json=values, headers=key())
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert client.get(answer.headers["location"].removeprefix("/api/v1/programme")).json() == body
    return body


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def wrong(answer: httpx.Response) -> set[str]:
    """Return the names of the values that were refused."""
    assert problem(answer) == (422, "invalid"), answer.text
    return set(answer.json()["fields"])


def newest(database: OpenDatabase) -> tuple[str, str, str]:
    """Return the action, the subject and the origin of the newest entry of the audit log."""
    entry = database.read(audit.find_entries, audit.Filters(), 1)[0][0]
    return entry.action, entry.subject, entry.origin


# Events


def test_an_event_is_created_read_and_changed_with_everything_that_its_form_has(
    api: httpx.Client, database: OpenDatabase
) -> None:
    name = title()
    event = created(api, "/events", **(WHOLE_EVENT | {"title": name}))
    assert newest(database) == ("event.created", event["slug"], "token")
    assert {field: event[field] for field in ("title", "summary", "description", "category", "place")} == {
        "title": name,
        "summary": "Race robots.",
        "description": "- Bring a robot",
        "category": "Robotics",
        "place": "Main Hall",
    }
    assert (event["state"], event["capacity"], event["taken"]) == ("draft", 40, 0)
    assert event["fee"] == {"minor": 45_000, "currency": "INR", "text": "450.00"}
    assert (event["starts_at"], event["ends_at"]) == ("2031-03-14T10:00:00Z", "2031-03-14T12:00:00Z")
    assert event["sales_close_at"] == event["starts_at"]
    change = {"version": event["version"], "capacity": 50, "ends_at": "2031-03-14T13:00:00Z"}
    changed = api.patch(f"/events/{event['slug']}", json=change).json()
    assert newest(database) == ("event.edited", event["slug"], "token")
    assert changed == event | {
        "capacity": 50,
        "ends_at": "2031-03-14T13:00:00Z",
        "version": changed["version"],
    }
    again = api.patch(f"/events/{event['slug']}", json=change)
    assert (again.status_code, again.json()) == (200, changed)


def test_a_draft_needs_a_title_and_a_fee_and_wrong_values_are_named_together(api: httpx.Client) -> None:
    assert wrong(api.post("/events", json={}, headers=key())) == {"title", "fee"}
    values = {
        "title": "a" * 121,
        "fee": "4,5,0",
        "starts_at": "soon",
        "room": "Nowhere",
        "capacity": 1_000_001,
    }
    assert wrong(api.post("/events", json=values, headers=key())) == {"room"}
    del values["room"]
    assert wrong(api.post("/events", json=values, headers=key())) == {
        "title",
        "fee",
        "starts_at",
        "capacity",
    }
    assert wrong(api.post("/events", json=EVENT | {"state": "published"}, headers=key())) == {"state"}
    assert wrong(api.post("/events", json=EVENT | {"slug": "new"}, headers=key())) == {"slug"}
    assert wrong(api.post("/events", json=EVENT)) == {"idempotency-key"}


def test_the_same_key_creates_one_event_and_other_content_is_refused(
    api: httpx.Client, database: OpenDatabase
) -> None:
    values, once = EVENT | {"title": title()}, key()
    first, second = (api.post("/events", json=values, headers=once) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    other = api.post("/events", json=values | {"fee": "500"}, headers=once)
    assert problem(other) == (422, "idempotency-key-reused")
    assert problem(api.post("/rooms", json={"name": "Lab 0"}, headers=once)) == (
        422,
        "idempotency-key-reused",
    )
    assert api.post("/events", json=values, headers=key()).json()["slug"] != first.json()["slug"]
    titles = [event.title for event in database.read(catalogue.all_events)]
    assert titles.count(str(values["title"])) == 2


def test_the_same_call_many_times_at_once_creates_one_room(url: str, organiser: Guest) -> None:
    values, once = {"name": title()}, key()
    with program(url, organiser) as client, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.post("/rooms", json=values, headers=once), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a_change_of_another_version_is_refused_and_nothing_is_lost(api: httpx.Client) -> None:
    event = created(api, "/events", **(EVENT | {"title": title()}))
    address, seen = f"/events/{event['slug']}", {"version": event["version"]}
    api.patch(address, json=seen | {"summary": "Theirs"}).raise_for_status()
    assert problem(api.patch(address, json=seen | {"summary": "Mine"})) == (409, "event-edited")
    assert api.get(address).json()["summary"] == "Theirs"
    assert wrong(api.patch(address, json={"summary": "Mine"})) == {"version"}


def test_a_sold_event_moves_far_only_with_consent_and_keeps_its_seats(
    api: httpx.Client, database: OpenDatabase
) -> None:
    event = add_event(database, capacity=5)
    database.write(hold_seat, add_someone(database), event.slug, 15)
    address = f"/events/{event.slug}"
    shown = api.get(address).json()
    assert shown["taken"] == 1
    few = api.patch(address, json={"version": shown["version"], "capacity": 0})
    assert wrong(few) == {"capacity"}
    far = {
        "version": shown["version"],
        "starts_at": moment(event.starts_at + 300 * DAY).isoformat(),
        "ends_at": moment(event.ends_at + 300 * DAY).isoformat(),
    }
    asked = api.patch(address, json=far)
    assert problem(asked) == (409, "move-unconfirmed")
    assert "1 person holds a seat" in asked.json()["detail"]
    assert api.patch(address, json=far | {"confirm": True}).status_code == 200
    database.write(hold_seat, add_someone(database), event.slug, 15)
    version = api.get(address).json()["version"]
    refused = api.patch(address, json={"version": version, "capacity": 1})
    assert problem(refused) == (409, "capacity-taken")
    database.write(catalogue.cancel_event, event.slug)
    assert problem(api.patch(address, json={"version": version, "capacity": 9})) == (409, "event-cancelled")


def test_the_list_has_drafts_and_pages_and_can_be_searched(api: httpx.Client, database: OpenDatabase) -> None:
    word = f"Zebra{next(NUMBERS)}"
    slugs = [add_event(database, title=f"{word} {number}").slug for number in range(60)]
    created(api, "/events", **(EVENT | {"title": f"{word} draft"}))
    pages = [api.get("/events", params={"q": word.lower(), "page": page}).json() for page in (1, 2)]
    assert [(len(page["events"]), page["total"], page["pages"]) for page in pages] == [
        (50, 61, 2),
        (11, 61, 2),
    ]
    listed = [event["slug"] for page in pages for event in page["events"]]
    assert sorted(listed[1:]) == sorted(slugs)
    assert problem(api.get("/events", params={"q": word, "page": 3})) == (404, "not-found")
    drafts = api.get("/events", params={"q": word, "state": "draft"}).json()
    assert [event["title"] for event in drafts["events"]] == [f"{word} draft"]


def test_an_event_lead_sees_and_changes_the_assigned_events_only(
    url: str, api: httpx.Client, lead: Guest, database: OpenDatabase
) -> None:
    own, other = add_event(database), add_event(database)
    database.write(catalogue.assign_events, lead.id, [own.id])
    (kind,) = database.read(catalogue.types_of, other.id)
    question = database.write(catalogue.add_question, other.slug, catalogue.QuestionDetails("text", "Why?"))
    quota = created(api, "/quotas", name=title(), capacity=10)
    with program(url, lead) as client:
        listed = client.get("/events").json()["events"]
        assert [event["slug"] for event in listed] == [own.slug]
        assert client.get(f"/events/{own.slug}").status_code == 200
        for path in ("", "/rules", "/ticket-types", f"/ticket-types/{kind.id}", "/questions"):
            assert problem(client.get(f"/events/{other.slug}{path}")) == (404, "not-found"), path
        # The ids of another event's type and question are unknown in the own event.
        for path in (f"ticket-types/{kind.id}", f"questions/{question}"):
            address = f"/events/{own.slug}/{path}"
            assert problem(client.get(address)) == (404, "not-found"), path
            assert problem(client.patch(address, json={})) == (404, "not-found"), path
            assert problem(client.delete(address, params={"answers": 0})) == (404, "not-found"), path
        for path in ("rooms", "quotas", "promo-codes", "questions"):
            assert problem(client.get(f"/{path}")) == (403, "forbidden"), path
        assert problem(client.post("/events", json=EVENT, headers=key())) == (403, "forbidden")
        types = f"/events/{own.slug}/ticket-types"
        (only,) = client.get(types).json()
        linked = client.patch(f"{types}/{only['id']}", json={"quotas": [quota["id"]]})
        assert wrong(linked) == {"quotas"}
        linked = client.patch(f"{types}/{only['id']}", json={"admits_to": [other.slug]})
        assert wrong(linked) == {"admits_to"}


def test_the_rules_of_an_event_are_changed_all_or_none(api: httpx.Client, database: OpenDatabase) -> None:
    address = f"/events/{add_event(database).slug}/rules"
    assert api.get(address).json() == {"max_per_person": 1, "refunds": [], "answers_until": None}
    steps = [{"days": 2, "percent": 50}, {"days": 14, "percent": 100}]
    answer = api.patch(address, json={"max_per_person": 4, "refunds": steps})
    assert answer.json() == {"max_per_person": 4, "refunds": steps[::-1], "answers_until": None}
    bad = {"max_per_person": 5, "refunds": [{"days": 1, "percent": 0}, {"days": 400, "percent": 10}]}
    assert wrong(api.patch(address, json=bad)) == {"refunds.0.percent", "refunds.1.days"}
    assert wrong(api.patch(address, json={"refunds": steps * 2})) == {"refunds"}
    assert wrong(api.patch(address, json={"max_per_person": 101})) == {"max_per_person"}
    assert wrong(api.patch(address, json={"max_per_person": 2, "answers_until": "2199-01-01T00:00"})) == {
        "answers_until"
    }
    assert api.get(address).json()["max_per_person"] == 4
    assert api.patch(address, json={"refunds": []}).json()["refunds"] == []


# Ticket types and quotas


def test_ticket_types_are_added_changed_ordered_and_removed(
    api: httpx.Client, database: OpenDatabase
) -> None:
    base = f"/events/{add_event(database, fee=50_000).slug}/ticket-types"
    (first,) = api.get(base).json()
    assert wrong(api.post(base, json={"name": "Student", "fee": "200"}, headers=key())) == {"name"}
    first = api.patch(f"{base}/{first['id']}", json={"name": "Regular"}).json()
    assert (first["name"], first["fee"]["text"]) == ("Regular", "500.00")
    student = created(api, base, name="Student", fee="200", follows=first["id"], hidden=True)
    assert (student["follows"], student["max_per_order"]) == (first["id"], 1)
    assert "?access=" in student["link"]
    assert newest(database)[0] == "type.added"
    taxed = {"fee": "100", "tax_rate": "18", "tax_on_top": True, "follows": None, "hidden": False}
    student = api.patch(f"{base}/{student['id']}", json=taxed).json()
    assert (student["fee"]["text"], student["entered_fee"], student["tax_rate"]) == (
        "118.00",
        "100.00",
        "18",
    )
    assert (student["follows"], student["link"]) == (None, None)
    # What is left out stays: also the price without its tax.
    renamed = api.patch(f"{base}/{student['id']}", json={"description": "With a card."}).json()
    assert renamed == student | {"description": "With a card."}
    order = {"order": [student["id"], first["id"]]}
    assert [kind["id"] for kind in api.put(f"{base}/order", json=order).json()] == order["order"]
    for bad in ([], [first["id"]], [first["id"], first["id"]], [*order["order"], 2**53]):
        assert wrong(api.put(f"{base}/order", json={"order": bad})) == {"order"}
    assert api.delete(f"{base}/{first['id']}").status_code == 204
    assert wrong(api.delete(f"{base}/{student['id']}")) == {"name"}
    assert problem(api.delete(f"{base}/{first['id']}")) == (404, "not-found")


def test_a_sold_type_is_withdrawn_and_can_be_offered_again(api: httpx.Client, database: OpenDatabase) -> None:
    event = add_event(database)
    base = f"/events/{event.slug}/ticket-types"
    (kind,) = api.get(base).json()
    api.patch(f"{base}/{kind['id']}", json={"name": "Regular"}).raise_for_status()
    database.write(hold_seat, add_someone(database), event.slug, 15)
    created(api, base, name="Other", fee="1")
    for _ in range(2):
        assert api.delete(f"{base}/{kind['id']}").status_code == 204
    assert [row["is_withdrawn"] for row in api.get(base).json()] == [True, False]
    for _ in range(2):
        offered = api.post(f"{base}/{kind['id']}/offer").json()
        assert (offered["is_withdrawn"], offered["taken"]) == (False, 1)


def test_prices_taxes_and_teams_at_their_limits_are_accepted_or_named(
    api: httpx.Client, database: OpenDatabase
) -> None:
    base = f"/events/{add_event(database).slug}/ticket-types"
    (kind,) = api.get(base).json()
    address = f"{base}/{kind['id']}"
    bad: dict[str, tuple[object, ...]] = {
        "fee": ("-1", "1e15", "0.001", "9" * 30, "NaN", "∞", ""),
        "tax_rate": ("-1", "100.01", "101", "1e1", "18.123"),
        "min_per_order": (0, 101, 2),
        "max_per_order": (0, 101),
        "own_quota": (0, 1_000_001),
        "team_max": (1, 51),
    }
    for name, values in bad.items():
        for value in values:
            refused = api.patch(address, json={name: value})
            assert wrong(refused) & {name, "min_per_order"}, (name, value)
    assert wrong(api.patch(address, json={"follows": kind["id"]})) == {"follows"}
    assert wrong(api.patch(address, json={"team_max": 4, "chosen_price": True})) == {"chosen_price"}
    whole = api.patch(address, json={"tax_rate": "100", "tax_on_top": True, "fee": "0.01"}).json()
    assert whole["fee"]["minor"] == 2
    assert api.patch(address, json={"fee": "0", "tax_rate": None}).json()["fee"]["minor"] == 0
    for value in (True, 1.5, "5", [], {}):
        assert wrong(api.patch(address, json={"own_quota": value})) == {"own_quota"}


def test_shared_quotas_are_created_drawn_on_resized_and_deleted(
    api: httpx.Client, database: OpenDatabase
) -> None:
    event = add_event(database)
    quota = created(api, "/quotas", name=title(), capacity=10)
    address = f"/quotas/{quota['id']}"
    types = f"/events/{event.slug}/ticket-types"
    (kind,) = api.get(types).json()
    drawn = api.patch(f"{types}/{kind['id']}", json={"quotas": [quota["id"]]}).json()
    assert [row["name"] for row in drawn["quotas"]] == [quota["name"]]
    assert api.patch(f"{types}/{kind['id']}", json={"description": "x"}).json()["quotas"] == drawn["quotas"]
    database.write(hold_seat, add_someone(database), event.slug, 15)
    shown = api.get(address).json()
    assert (shown["taken"], shown["ticket_types"]) == (
        1,
        [{"event": event.slug, "ticket_type": kind["id"], "name": ""}],
    )
    assert wrong(api.patch(address, json={"capacity": 0})) == {"capacity"}
    assert wrong(api.delete(address)) == {"name"}
    assert api.patch(address, json={"capacity": 1}).json() == shown | {"capacity": 1}
    api.patch(f"{types}/{kind['id']}", json={"quotas": []}).raise_for_status()
    assert api.delete(address).status_code == 204
    assert problem(api.patch(address, json={"capacity": 2})) == (404, "not-found")
    own = replace(database.read(catalogue.types_of, event.id)[0].details, own_quota=5)
    database.write(catalogue.edit_ticket_type, event.slug, kind["id"], own, registrations.count_of_type)
    (private,) = database.read(catalogue.types_of, event.id)[0].quotas
    for answer in (
        api.get(f"/quotas/{private.id}"),
        api.patch(f"/quotas/{private.id}", json={"name": "Mine"}),
        api.delete(f"/quotas/{private.id}"),
    ):
        assert problem(answer) == (404, "not-found")
    assert wrong(api.patch(f"{types}/{kind['id']}", json={"quotas": [private.id]})) == {"quotas"}


def test_a_pass_admits_to_the_events_that_are_named(api: httpx.Client, database: OpenDatabase) -> None:
    home, other = add_event(database), add_event(database)
    types = f"/events/{home.slug}/ticket-types"
    (kind,) = api.get(types).json()
    address = f"{types}/{kind['id']}"
    admitted = api.patch(address, json={"admits_to": [other.slug]}).json()
    assert (admitted["admits_to"], admitted["warning"]) == ([other.slug], "")
    assert wrong(api.patch(address, json={"admits_to": ["no-such-event"]})) == {"admits_to"}
    assert wrong(api.patch(address, json={"admits_to": [home.slug]})) == {"admits_to"}
    assert wrong(api.patch(address, json={"team_max": 3})) == {"admits_to"}
    assert api.patch(address, json={"admits_to": []}).json()["admits_to"] == []


# Rooms


def test_rooms_are_added_renamed_with_their_events_and_deleted(
    api: httpx.Client, database: OpenDatabase
) -> None:
    name = f"Lab {next(NUMBERS)}"
    room = created(api, "/rooms", name=name, capacity=30, map_url="https://maps.example/lab")
    address = f"/rooms/{room['id']}"
    assert room == {
        "id": room["id"],
        "name": name,
        "capacity": 30,
        "address": "",
        "map_url": "https://maps.example/lab",
        "events": 0,
        "warnings": [],
    }
    assert wrong(api.post("/rooms", json={"name": name.upper()}, headers=key())) == {"name"}
    assert wrong(api.post("/rooms", json={"map_url": "javascript:alert(1)"}, headers=key())) == {
        "name",
        "map_url",
    }
    first, second = (
        created(api, "/events", **(WHOLE_EVENT | {"title": title(), "room": name.lower()})) for _ in range(2)
    )
    assert (first["place"], first["room"]) == (name, name)
    kinds = sorted(warning["kind"] for warning in second["warnings"])
    assert kinds == ["overlap", "small-room"]
    (overlap,) = (warning for warning in second["warnings"] if warning["kind"] == "overlap")
    assert sorted(overlap["events"]) == sorted([first["title"], second["title"]])
    assert len(api.get(address).json()["warnings"]) == 3
    assert api.get("/rooms").json()["rooms"][0].keys() == room.keys()
    api.patch(address, json={"name": f"{name} b", "capacity": None}).raise_for_status()
    assert api.get(f"/events/{first['slug']}").json()["place"] == f"{name} b"
    assert newest(database)[0] == "room.edited"
    assert wrong(api.delete(address)) == {"name"}
    for event in (first, second):
        version = api.get(f"/events/{event['slug']}").json()["version"]
        moved = api.patch(f"/events/{event['slug']}", json={"version": version, "place": "Lawn"}).json()
        assert (moved["place"], moved["room"], moved["warnings"]) == ("Lawn", None, [])
    assert api.delete(address).status_code == 204
    assert problem(api.delete(address)) == (404, "not-found")
    assert problem(api.get("/rooms", params={"page": 9})) == (404, "not-found")


# Promo codes


def test_a_promo_code_is_created_changed_ended_and_deleted(api: httpx.Client, database: OpenDatabase) -> None:
    event = add_event(database)
    (kind,) = database.read(catalogue.types_of, event.id)
    text = f"CAMPUS{next(NUMBERS)}"
    code = created(api, "/promo-codes", code=text.lower(), value="20", event=event.slug, max_uses=5)
    assert (code["code"], code["kind"], code["value"], code["event"], code["ended_at"]) == (
        text,
        "percentage",
        "20",
        event.slug,
        None,
    )
    assert code["link"].endswith(f"/events/{event.slug}?code={text}")
    address = f"/promo-codes/{code['id']}"
    assert wrong(api.patch(address, json={"kind": "amount"})) == {"value"}
    changed = api.patch(address, json={"kind": "amount", "value": "50", "ticket_type": kind.id}).json()
    assert changed == code | {
        "kind": "amount",
        "value": "50.00",
        "currency": "INR",
        "ticket_type": kind.id,
    }
    assert api.patch(address, json={"max_uses": None}).json()["ticket_type"] == kind.id
    for _ in range(2):
        assert api.post(f"{address}/end").json()["ended_at"]
    assert api.post(f"{address}/resume").json()["ended_at"] is None
    assert newest(database) == ("promo-code.resumed", text, "token")
    assert api.delete(address).status_code == 204
    assert problem(api.get(address)) == (404, "not-found")


def test_wrong_terms_of_a_promo_code_are_named(api: httpx.Client, database: OpenDatabase) -> None:
    one, other = add_event(database), add_event(database)
    (kind,) = database.read(catalogue.types_of, other.id)

    def refused(**values: object) -> set[str]:
        return wrong(api.post("/promo-codes", json={"code": "ABC", "value": "5"} | values, headers=key()))

    assert refused(code="A B", value="") == {"code", "value"}
    assert refused(value="101") == {"value"}
    assert refused(kind="half") == {"kind"}
    assert refused(event="no-such-event") == {"event"}
    assert refused(event="\u0000") == {"event"}
    assert refused(event=one.slug, ticket_type=kind.id) == {"ticket_type"}
    assert refused(max_uses=0) == {"max_uses"}
    assert refused(opens_at="2031-03-14T10:00", closes_at="2031-03-14T10:00") == {"closes_at"}
    created(api, "/promo-codes", code="TAKEN", kind="free")
    assert refused(code="taken") == {"code"}


def test_a_series_of_codes_is_created_once(api: httpx.Client, database: OpenDatabase) -> None:
    prefix = f"CLUB{next(NUMBERS)}"
    values, once = {"prefix": prefix, "count": 120, "value": "10", "max_uses": 1}, key()
    first, second = (api.post("/promo-codes/series", json=values, headers=once) for _ in range(2))
    assert first.status_code == 201
    assert first.json() == second.json()
    assert len({code["code"] for code in first.json()["codes"]}) == 120
    assert newest(database) == ("promo-codes.added", f"{prefix}-", "token")
    page = api.get("/promo-codes", params={"q": prefix.lower(), "page": 3}).json()
    assert (len(page["codes"]), page["total"], page["pages"]) == (20, 120, 3)
    assert wrong(api.post("/promo-codes/series", json=values | {"count": 1001}, headers=key())) == {"count"}
    assert wrong(api.post("/promo-codes/series", json={"count": 0, "prefix": "É"}, headers=key())) == {
        "count",
        "prefix",
        "value",
    }
    gone = first.json()["codes"][0]
    api.delete(f"/promo-codes/{gone['id']}").raise_for_status()
    rest = api.post("/promo-codes/series", json=values, headers=once).json()["codes"]
    assert rest == first.json()["codes"][1:]


# Questions


@pytest.mark.parametrize("of_fest", [True, False], ids=["of the fest", "of an event"])
def test_questions_are_asked_changed_ordered_stopped_and_deleted(
    api: httpx.Client, database: OpenDatabase, *, of_fest: bool
) -> None:
    base = "/questions" if of_fest else f"/events/{add_event(database).slug}/questions"
    size = created(api, base, kind="choice", label="Size", choices=["S", "M", "M", "L\nXL"])
    assert size["choices"] == ["S", "M", "L XL"]
    assert (size["in_export"], size["required"], size["answers"]) == (True, False, 0)
    college = created(api, base, kind="text", label="College", per="order")
    address = f"{base}/{size['id']}"
    changed = api.patch(address, json={"required": True, "in_export": False}).json()
    assert changed == size | {"required": True, "in_export": False}
    assert wrong(api.patch(address, json={"choices": ["S"]})) == {"choices"}
    assert wrong(api.patch(address, json={"kind": "text"})) == {"kind"}
    order = {"order": [college["id"], size["id"]]}
    assert [question["id"] for question in api.put(f"{base}/order", json=order).json()] == order["order"]
    assert wrong(api.put(f"{base}/order", json={"order": [size["id"]]})) == {"order"}
    for _ in range(2):
        assert api.post(f"{address}/stop").json()["is_withdrawn"] is True
    assert newest(database) == ("question.stopped", "Size", "token")
    assert api.post(f"{address}/again").json() == changed
    assert wrong(api.delete(address)) == {"answers"}
    assert problem(api.delete(address, params={"answers": 1})) == (409, "changed")
    for question in (size, college):
        assert api.delete(f"{base}/{question['id']}", params={"answers": 0}).status_code == 204
    assert api.get(base).json() == []


def test_a_question_of_a_type_belongs_to_the_event_of_the_type(
    api: httpx.Client, database: OpenDatabase
) -> None:
    one, other = add_event(database), add_event(database)
    (kind,) = database.read(catalogue.types_of, one.id)
    asked = {"kind": "text", "label": "Team name", "ticket_type": kind.id}
    question = created(api, f"/events/{one.slug}/questions", **asked)
    assert question["ticket_type"] == kind.id
    elsewhere = f"/events/{other.slug}/questions"
    assert problem(api.post(elsewhere, json=asked, headers=key())) == (404, "not-found")
    assert wrong(api.post("/questions", json=asked, headers=key())) == {"ticket_type"}
    for step in ("stop", "again"):
        assert problem(api.post(f"{elsewhere}/{question['id']}/{step}")) == (404, "not-found")
        assert problem(api.post(f"/questions/{question['id']}/{step}")) == (404, "not-found")


def test_the_usual_questions_can_be_sent_as_they_are_listed(
    api: httpx.Client, database: OpenDatabase
) -> None:
    base = f"/events/{add_event(database).slug}/questions"
    presets = api.get("/question-presets").json()
    assert [preset.pop("name") for preset in presets] == ["size", "college", "roll", "diet"]
    for preset in presets:
        asked = created(api, base, **preset)
        assert {name: asked[name] for name in preset} == preset


# Hostile calls


def test_huge_and_odd_values_are_refused_with_a_sentence(api: httpx.Client, database: OpenDatabase) -> None:
    slug = add_event(database).slug
    version = api.get(f"/events/{slug}").json()["version"]
    odd: list[dict[str, object]] = [
        {"title": "a" * 600_000},
        {"title": "\u0000"},
        {"title": "\u202e" * 200},
        {"title": "\ud800"},
        {"room": "\u0000"},
        {"starts_at": "9" * 101},
        {"starts_at": "0001-01-01T00:00+23:59"},
        {"capacity": 2**60},
        {"capacity": 10**400},
        {"fee": "1" * 100},
        {"confirm": "yes"},
    ]
    for values in odd:
        content = json.dumps({"version": version} | values)
        answer = api.patch(f"/events/{slug}", content=content, headers=JSON)
        assert answer.status_code in (413, 422), (list(values), answer.status_code)
    assert api.patch(f"/events/{slug}", json={"version": 10**25}).status_code == 422
    assert api.get("/events", params={"q": "a" * 101}).status_code == 422
    assert api.get("/events", params={"q": "a" + "\u0301" * 90}).json()["total"] == 0
    for path in ("rooms", "quotas", "promo-codes", "questions", f"events/{slug}/ticket-types"):
        for number in ("0", "-1", "9" * 400, "x"):
            assert api.get(f"/{path}/{number}").status_code == 422, (path, number)
        assert problem(api.get(f"/{path}/{2**53}")) == (404, "not-found")
    long = "Ꮳ" * 10_000
    kept = api.patch(f"/events/{slug}", json={"version": version, "description": long})
    assert (kept.status_code, kept.json()["description"]) == (200, long)
