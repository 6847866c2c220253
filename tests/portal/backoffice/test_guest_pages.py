"""The organisers' pages and API of guests, on a real server: roles, actions, exports, and the audit log."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openpyxl import load_workbook

from festgate.kit.db.statements import Connection
from festgate.portal.accounts.people import set_name
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import QuestionDetails
from festgate.portal.registrations.answers import save_answers
from festgate.portal.registrations.holds import hold_seat
from tests.journeys.stage import Guest, announce, before_opening, invite_one, query_file
from tests.rig.forms import hidden_fields
from tests.rig.server import Server, serving
from tests.rig.waiting import until

ROLES = {
    "meena": "organiser",
    "tara": "treasurer",
    "lee": "lead",
    "bo": "box-office",
    "sam": "staff",
    "asha": "attendee",
    "ravi": "attendee",
    "zoe": "attendee",
}
LISTS = ("/organise/guests", "/organise/events/open-stage/guests")


def prepare(connection: Connection) -> dict[str, Guest]:
    people = {name: invite_one(connection, name, role) for name, role in ROLES.items()}  # type: ignore[arg-type]
    stage = announce(connection, "Open Stage", fee=0)
    announce(connection, "Robo Race", fee=45_000)
    phone = catalogue.add_question(connection, stage.slug, QuestionDetails("phone", "Phone"))
    catalogue.assign_events(connection, people["lee"].id, [stage.id])
    for name in ("asha", "ravi", "zoe"):
        set_name(connection, people[name].id, f"{name.title()} Ünal")
        seat = hold_seat(connection, people[name].id, "open-stage", 15)
        answered = {(phone, seat): "+91 98765 43210"}
        save_answers(
            connection, people[name].id, "open-stage", answered, is_used=lambda *_: False, is_complete=False
        )
    hold_seat(connection, people["asha"].id, "robo-race", 15)
    return people


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guests") / "data"


@pytest.fixture(scope="module")
def people(data: Path) -> dict[str, Guest]:
    with before_opening(data) as database:
        return database.write(prepare)


@pytest.fixture(scope="module")
def server(data: Path, people: dict[str, Guest]) -> Iterator[Server]:
    with serving(data) as new_server:
        yield new_server
        assert "unhandled exception" not in new_server.log()


@pytest.fixture(scope="module")
def organiser(server: Server, people: dict[str, Guest]) -> Iterator[httpx.Client]:
    with people["meena"].browser(server) as new_client:
        yield new_client


def audited(data: Path, action: str) -> list[dict[str, object]]:
    rows = query_file(data, "SELECT details FROM audit_entries WHERE action = ? ORDER BY id", action)
    return [json.loads(details) for (details,) in rows]


@pytest.mark.parametrize(
    "name, views, edits, exports",
    [
        ("meena", True, True, True),
        ("tara", True, False, True),
        ("bo", True, True, False),
        ("sam", False, False, False),
        ("asha", False, False, False),
    ],
)
def test_each_page_needs_its_permission(
    server: Server, people: dict[str, Guest], name: str, *, views: bool, edits: bool, exports: bool
) -> None:
    with people[name].browser(server) as browser:
        for place in LISTS:
            page = browser.get(place)
            assert page.status_code == (200 if views else 403)
            assert ("Send the ticket again" in page.text) == (views and edits)
            assert (f'href="{place}/export"' in page.text) == (views and exports)
            for path in (f"{place}/action?which=all&action=resend", f"{place}/action"):
                asks = browser.get(path) if "?" in path else browser.post(path, data={"action": "resend"})
                assert (asks.status_code != 403) == edits
            assert (browser.get(f"{place}/export").status_code == 200) == exports
            sent = browser.post(f"{place}/export", data={"format": "csv", "column_name": "1"})
            assert (sent.status_code == 200) == exports


def test_a_lead_has_the_guests_of_assigned_events_only(server: Server, people: dict[str, Guest]) -> None:
    with people["lee"].browser(server) as browser:
        whole = browser.get("/organise/guests").text
        assert "Asha Ünal" in whole
        assert "Robo Race" not in whole
        own = browser.get("/organise/events/open-stage/guests")
        assert own.status_code == 200
        asked = browser.get("/organise/events/open-stage/guests/action?which=all&action=cancel&state=all")
        # No link to the pages of a person or an order, which no lead may open.
        assert not re.search('href="/organise/(people|orders)/', whole + own.text + asked.text)
        for path in ("", "/action?which=all&action=cancel", "/export"):
            assert browser.get(f"/organise/events/robo-race/guests{path}").status_code == 404
        fields = {"format": "csv", "column_event": "1", "column_name": "1", "state": "all"}
        exported = browser.post("/organise/guests/export", data=fields).text
        assert exported.count("Open Stage") >= 3
        assert "Robo Race" not in exported
        fields["guests"] = ",".join(str(number) for number in range(1, 20))
        assert "Robo Race" not in browser.post("/organise/guests/export", data=fields).text
    with people["lee"].program(server) as api:
        assert api.get("/guests").json()["total"] >= 2
        assert api.get("/events/open-stage/guests").status_code == 200
        assert api.get("/events/robo-race/guests").status_code == 404


def test_a_search_and_a_filter_narrow_the_list(organiser: httpx.Client) -> None:
    text = organiser.get("/organise/events/open-stage/guests", params={"q": "ASHA unal"}).text
    assert "asha@example.org" in text
    assert "ravi@example.org" not in text
    assert "+91 98765 43210" in text
    assert "No guest matches" in organiser.get("/organise/guests", params={"q": "nobody"}).text
    assert organiser.get("/organise/guests", params={"type": "x"}).status_code == 404
    assert organiser.get("/organise/events/nothing/guests").status_code == 404


def test_an_action_without_a_selected_guest_returns_to_the_list(organiser: httpx.Client) -> None:
    answer = organiser.get(
        "/organise/guests/action", params={"which": "selected", "action": "cancel", "q": "a"}
    )
    assert answer.headers["location"] == "/organise/guests?q=a&none=1"
    assert "No guest is selected" in organiser.get(answer.headers["location"]).text
    assert organiser.get("/organise/guests/action", params={"which": "all", "action": "x"}).status_code == 404


def test_tickets_of_all_guests_are_sent_again_once_for_two_clicks(
    organiser: httpx.Client, data: Path
) -> None:
    def emails() -> int:
        return int(query_file(data, "SELECT count(*) FROM kit_mail WHERE topic LIKE 'ticket-again:%'")[0][0])

    until(lambda: query_file(data, "SELECT count(*) FROM tickets_tickets")[0][0] >= 3, "the tickets")
    place = "/organise/events/open-stage/guests"
    page = organiser.get(f"{place}/action?which=all&action=resend&q=ravi").text
    assert "Send 1 ticket again?" in page
    assert emails() == 0
    fields = hidden_fields(page, f"{place}/action")
    for _ in range(2):
        answer = organiser.post(f"{place}/action", data=fields)
        assert answer.status_code == 200
    assert "This was done already." in answer.text
    assert emails() == 1
    assert len(audited(data, "ticket.resent")) == 1


def test_selected_registrations_are_cancelled_and_the_rest_has_its_reason(
    organiser: httpx.Client, data: Path
) -> None:
    text = organiser.get("/organise/guests?q=zoe&state=all").text
    (seat,) = re.findall(r'name="guest" value="(\d+)"', text)
    page = organiser.get(f"/organise/guests/action?which=selected&action=cancel&guest={seat}").text
    assert "Cancel 1 registration?" in page
    fields = hidden_fields(page, "/organise/guests/action")
    assert "1 registration was cancelled" in organiser.post("/organise/guests/action", data=fields).text
    again = organiser.get(f"/organise/guests/action?which=selected&action=cancel&guest={seat}").text
    assert "The registration has ended already." in again
    assert 'name="form"' not in again
    assert len(audited(data, "registration.cancelled")) == 1


def test_a_csv_file_is_sent_and_recorded(organiser: httpx.Client, data: Path) -> None:
    before = len(audited(data, "guests.exported"))
    page = organiser.get("/organise/events/open-stage/guests/export?q=asha").text
    fields = hidden_fields(page, "/organise/events/open-stage/guests/export")
    ticked = dict.fromkeys(re.findall(r'name="(column_\w+)" value="1" checked', page), "1")
    sent = organiser.post(
        "/organise/events/open-stage/guests/export", data={**fields, **ticked, "format": "csv"}
    )
    assert sent.headers["content-disposition"] == 'attachment; filename="open-stage-guests.csv"'
    assert sent.headers["cache-control"] == "no-store"
    (row,) = csv.DictReader(io.StringIO(sent.content.decode("utf-8-sig")))
    assert (row["Name"], row["Phone"], row["Amount"]) == ("Asha Ünal", "+91 98765 43210", "0.00")
    (entry,) = audited(data, "guests.exported")[before:]
    assert (entry["rows"], entry["format"]) == (1, "csv")


def test_a_workbook_is_sent(organiser: httpx.Client) -> None:
    fields = {
        "format": "xlsx",
        "column_name": "1",
        "column_registration": "1",
        "state": "all",
        "sort": "email",
    }
    sent = organiser.post("/organise/events/open-stage/guests/export", data=fields)
    assert sent.headers["content-type"].startswith("application/vnd.openxmlformats")
    sheet = load_workbook(io.BytesIO(sent.content)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("Registration", "Name")
    assert [row[1] for row in rows[1:]] == ["Asha Ünal", "Ravi Ünal", "Zoe Ünal"]


def test_a_printed_list_is_alphabetical(organiser: httpx.Client) -> None:
    fields = {"format": "print", "column_name": "1", "state": "all", "sort": "registered"}
    text = organiser.post("/organise/events/open-stage/guests/export", data=fields).text
    assert re.findall(r"<td>(\w+) Ünal</td>", text) == ["Asha", "Ravi", "Zoe"]
    assert "<thead>" in text


def test_an_export_without_columns_asks_again(organiser: httpx.Client) -> None:
    answer = organiser.post("/organise/guests/export", data={"format": "csv"})
    assert answer.status_code == 422
    assert "Choose at least one column." in answer.text
    assert organiser.post("/organise/guests/export", data={"format": "pdf"}).status_code == 404


def test_the_addresses_of_answers_lead_to_the_guests(organiser: httpx.Client) -> None:
    for old, new in (("answers", "guests"), ("answers.csv", "guests/export")):
        answer = organiser.get(f"/organise/events/open-stage/{old}")
        assert answer.headers["location"] == f"/organise/events/open-stage/{new}"
    assert organiser.get("/organise/events/open-stage/files/1").status_code == 404
    assert organiser.get("/organise/files/1").status_code == 404


def test_the_api_lists_guests_with_filters_and_pages(server: Server, people: dict[str, Guest]) -> None:
    with people["meena"].program(server) as api:
        listed = api.get("/events/open-stage/guests", params={"q": "asha", "state": "all"}).json()
        (guest,) = listed.pop("guests")
        assert listed == {"total": 1, "page": 1, "pages": 1}
        assert (guest["name"], guest["event"], guest["state"]) == ("Asha Ünal", "open-stage", "confirmed")
        assert guest["fee"] == {"minor": 0, "currency": "INR", "text": "0.00"}
        assert [one["text"] for one in guest["answers"]] == ["+91 98765 43210"]
        by_name = api.get("/guests", params={"state": "all", "sort": "name", "event": "open-stage"}).json()
        assert [one["name"] for one in by_name["guests"]] == ["Asha Ünal", "Ravi Ünal", "Zoe Ünal"]
        assert api.get("/guests", params={"state": "gone"}).status_code == 422
        assert api.get("/guests", params={"answer": ["1:x"] * 6}).status_code == 422
        assert api.get("/events/nothing/guests").status_code == 404
    with people["asha"].program(server) as api:
        assert api.get("/guests").status_code == 403


def test_a_program_acts_for_many_guests_once_and_reads_and_notes_the_history_of_one(
    server: Server, people: dict[str, Guest], data: Path
) -> None:
    key = {"idempotency-key": "the same"}
    with people["meena"].program(server) as api:
        guests = {guest["name"]: guest for guest in api.get("/events/open-stage/guests").json()["guests"]}
        ravi, race = guests["Ravi Ünal"], api.get("/events/robo-race/guests").json()["guests"][0]
        ids = [ravi["registration"], race["registration"]]
        until(lambda: "Ticket issued" in history_of(api, ravi["person"]), "the ticket")
        body = {"action": "resend", "registrations": ids}
        reason = {str(race["registration"]): "There is no valid ticket."}
        resent = audited(data, "ticket.resent")
        dry = api.post("/guests/actions", json=body, headers=key).json()
        assert dry == {"done": [ravi["registration"]], "refused": reason}
        assert audited(data, "ticket.resent") == resent
        for done in ([ravi["registration"]], []):
            answer = api.post("/guests/actions", json=body | {"dry_run": False}, headers=key).json()
            assert answer["done"] == done
            assert answer["refused"].items() >= reason.items()
        assert api.post("/guests/actions", json=body).status_code == 422
        notes = [
            api.post(f"/guests/{ravi['person']}/notes", json={"text": "Vegetarian."}, headers=key)
            for _ in range(2)
        ]
        assert notes[0].status_code == 201
        assert notes[0].json() == notes[1].json()
        (note,) = [step for step in history(api, ravi["person"]) if step["text"]]
        assert (note["text"], note["by"]) == ("Vegetarian.", "meena")
        assert api.get("/guests/999999/history").status_code == 404
        assert api.get("/orders/NONE/history").status_code == 404
    with people["lee"].program(server) as lead:
        others = lead.post("/guests/actions", json=body | {"dry_run": False}, headers=key).json()
        assert str(race["registration"]) not in others["refused"]
        assert lead.get(f"/guests/{ravi['person']}/history").status_code == 403
    with people["tara"].program(server) as treasurer:
        assert treasurer.post("/guests/actions", json=body, headers=key).status_code == 403
        assert treasurer.get("/emails").status_code == 403


def history(api: httpx.Client, person: int) -> list[dict[str, str]]:
    answer = api.get(f"/guests/{person}/history")
    assert answer.status_code == 200
    steps: list[dict[str, str]] = answer.json()
    return steps


def history_of(api: httpx.Client, person: int) -> str:
    return " ".join(step["title"] for step in history(api, person))
