"""Exports of guests by programs: the same lists, limits and audit entry as in the browser."""

import csv
import io
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import httpx
import pytest
from openpyxl import load_workbook

from festgate.kit.clock import HOUR, MINUTE
from festgate.kit.db.statements import Connection
from festgate.portal.accounts.sessions import end_sessions
from festgate.portal.accounts.use_limits import MAX_USES
from festgate.portal.backoffice.guest_exports import begin_export
from festgate.portal.catalogue import facade as catalogue
from tests.portal.backoffice.office import Office

EVENT = "/events/open-stage/guests/export"


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_a_program_reads_the_columns_and_exports_an_event_as_csv(office: Office) -> None:
    with office.program(office.member("organiser")) as api:
        plan = api.get(EVENT).json()
        assert plan["guests"] == 2
        named = {column["name"]: column for column in plan["columns"]}
        assert named["email"] == {"name": "email", "title": "Email", "is_chosen": True}
        assert "event" not in named
        assert not named[f"question_{office.fest.questions['Phone']}"]["is_chosen"]
        answer = api.post(EVENT, json={})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="open-stage-guests.csv"'
        assert answer.headers["cache-control"] == "no-store"
        rows = rows_of(answer)
        assert list(rows[0]) == [column["title"] for column in plan["columns"] if column["is_chosen"]]
        assert {row["Email"] for row in rows} == {"asha@example.org", "zoe@example.org"}
        assert office.newest_entry() == ("guests.exported", "open-stage", "token")


def test_filters_columns_and_selected_registrations_narrow_an_export(office: Office) -> None:
    seats = office.fest.seats
    with office.program(office.member("treasurer")) as api:
        body: dict[str, object] = {"columns": ["email", "event"], "payment": "paid"}
        assert rows_of(api.post("/guests/export", json=body)) == [
            {"Event": "Robo Race", "Email": "ravi@example.org"}
        ]
        body = {"columns": ["name"], "registrations": [seats["olga"], seats["ravi"]], "sort": "name"}
        assert [row["Name"] for row in rows_of(api.post("/guests/export", json=body))] == [
            "olga",
            "Ravi O'Brien",
        ]
        # A registration of another event is not in the export of this one.
        assert rows_of(api.post(EVENT, json=body)) == [{"Name": "olga"}]
        assert api.get("/guests/export", params={"event": "robo-race"}).json()["guests"] == 3


def test_a_program_exports_a_workbook(office: Office) -> None:
    with office.program(office.member("organiser")) as api:
        answer = api.post(EVENT, json={"format": "xlsx", "columns": ["name", "state"], "sort": "name"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == 'attachment; filename="open-stage-guests.xlsx"'
    sheet = load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    assert list(sheet.iter_rows(values_only=True)) == [
        ("Name", "State"),
        ("Asha Ünal", "Confirmed"),
        ("Zoë García", "Confirmed"),
    ]


def test_a_lead_exports_only_the_assigned_events(office: Office) -> None:
    lead = office.member("lead")
    office.database.write(catalogue.assign_events, lead.id, [office.fest.free.id])
    with office.program(lead) as api:
        everybody = {"state": "all", "columns": ["email"], "registrations": list(office.fest.seats.values())}
        emails = {row["Email"] for row in rows_of(api.post("/guests/export", json=everybody))}
        assert emails == {"asha@example.org", "zoe@example.org", "olga@example.org"}
        assert api.get("/guests/export").json()["guests"] == 2
        for call in (api.get, partial(api.post, json={})):
            assert call("/events/robo-race/guests/export").status_code == 404
        assert rows_of(api.post("/guests/export", json={"event": "robo-race"})) == []


@pytest.mark.parametrize(
    "body, field",
    [
        ({"columns": []}, "columns"),
        ({"columns": ["password"]}, "columns"),
        ({"format": "print"}, "format"),
        ({"registrations": [1] * 101}, "registrations"),
        ({"page": 2}, "page"),
        ({"event": "open-stage"}, "event"),
    ],
)
def test_an_export_that_makes_no_sense_is_refused(
    office: Office, body: dict[str, object], field: str
) -> None:
    with office.program(office.member("organiser")) as api:
        answer = api.post(EVENT, json=body)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])


def test_an_old_token_exports_nothing_and_reads_the_columns(office: Office) -> None:
    with office.program(office.member("organiser")) as api:
        office.database.clock.move(11 * MINUTE)
        refused = api.post(EVENT, json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "proof-needed")
        assert api.get(EVENT).status_code == 200
    with office.program(office.member("box-office")) as api:
        assert api.post(EVENT, json={}).json()["code"] == "forbidden"


def test_the_exports_of_an_hour_are_limited(office: Office) -> None:
    with office.program(office.member("organiser")) as api:
        statuses = [
            api.post(EVENT, json={"columns": ["name"]}).status_code for _ in range(MAX_USES["export"])
        ]
        assert set(statuses) == {200}
        refused = api.post(EVENT, json={"columns": ["name"], "format": "xlsx"})
        assert (refused.status_code, refused.json()["code"]) == (429, "use-limit")
    office.database.clock.move(HOUR)


Ending: TypeAlias = Callable[[Connection, int], object]


def unassign(connection: Connection, person_id: int) -> None:
    catalogue.assign_events(connection, person_id, [])


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("end, code", [(end_sessions, "sign-in-needed"), (unassign, "not-found")])
def test_an_export_ends_when_its_token_is_revoked_or_its_event_is_taken_away(
    office: Office, monkeypatch: pytest.MonkeyPatch, form: str, end: Ending, code: str
) -> None:
    lead = office.member("lead")
    office.database.write(catalogue.assign_events, lead.id, [office.fest.free.id])

    def begin_and_end(connection: Connection, *arguments: Any) -> None:  # noqa: ANN401  (handed on)
        begin_export(connection, *arguments)
        end(connection, lead.id)

    monkeypatch.setattr("festgate.portal.backoffice.guest_export_api.begin_export", begin_and_end)
    with office.program(lead) as api:
        answer = api.post(EVENT, json={"columns": ["email"], "format": form})
    if form == "csv":
        assert "asha" not in answer.text
        assert "The list ends here: " in answer.text
    else:
        assert answer.json()["code"] == code


def test_an_export_of_the_fest_has_no_row_of_an_event_that_was_taken_away_meanwhile(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = office.member("lead")
    office.database.write(catalogue.assign_events, lead.id, [office.fest.free.id])

    def begin_and_unassign(connection: Connection, *arguments: Any) -> None:  # noqa: ANN401  (handed on)
        begin_export(connection, *arguments)
        unassign(connection, lead.id)

    monkeypatch.setattr("festgate.portal.backoffice.guest_export_api.begin_export", begin_and_unassign)
    with office.program(lead) as api:
        assert rows_of(api.post("/guests/export", json={"columns": ["email"]})) == []
