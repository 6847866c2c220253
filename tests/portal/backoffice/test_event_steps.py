"""The dashboard, the pages and the API of steps on an event, and imports in the browser, on a real server."""

import base64
import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from festgate.kit.clock import DAY
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.holds import hold_seat
from tests.journeys.stage import (
    Guest,
    announce,
    before_opening,
    change_file,
    check_data,
    invite_one,
    query_file,
)
from tests.rig.database import OpenDatabase, open_database
from tests.rig.forms import hidden_fields, press
from tests.rig.server import Server, serving

UTC = ZoneInfo("UTC")
SETTINGS = {"FESTGATE_TIMEZONE": "Asia/Kolkata"}
CSV = (
    "title,place,starts_at,ends_at,fee,capacity,slug\n"
    "Robo Race,Yard,2199-03-14T10:00,2199-03-14T12:00,450,50,\n"
    "Chess,Hall 9,2199-03-15T10:00,2199-03-15T12:00,0,20,\n"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("steps") / "data"


@pytest.fixture(scope="module")
def team(data: Path) -> dict[str, Guest]:
    with before_opening(data) as database:
        return {
            role: database.write(invite_one, f"the-{role}", role)
            for role in ("owner", "organiser", "lead", "treasurer", "box-office", "staff", "attendee")
        }


@pytest.fixture(scope="module")
def server(data: Path, team: dict[str, Guest]) -> Iterator[Server]:
    assert team
    with serving(data, extra=SETTINGS) as new_server:
        yield new_server
        assert "unhandled exception" not in new_server.log()
    check_data(data, SETTINGS)


@pytest.fixture(scope="module")
def client(server: Server, team: dict[str, Guest]) -> Iterator[httpx.Client]:
    with team["organiser"].browser(server) as new_client:
        yield new_client


@pytest.fixture(scope="module")
def program(server: Server, team: dict[str, Guest]) -> Iterator[httpx.Client]:
    with team["organiser"].program(server) as new_client:
        yield new_client


@pytest.fixture
def database(data: Path, server: Server) -> Iterator[OpenDatabase]:
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


def do(client: httpx.Client, slug: str, step: str, **fields: str) -> httpx.Response:
    path = f"/organise/events/{slug}/{step}"
    return press(client, path, path, **fields)


def actions(data: Path, slug: str) -> list[str]:
    rows = query_file(data, "SELECT action FROM audit_entries WHERE subject = ? ORDER BY id", slug)
    return [action for (action,) in rows]


def text_of(response: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def test_each_step_asks_first_and_is_in_the_audit_log(
    client: httpx.Client, database: OpenDatabase, data: Path
) -> None:
    event = database.write(announce, "Quiz Night")
    base = f"/organise/events/{event.slug}"
    overview = client.get(base)
    for label in ("Close sales now", "Move by days", "Duplicate", "Withdraw", "Cancel event"):
        assert label in overview.text
    assert "Nobody new can register" in text_of(client.get(f"{base}/close-sales"))
    answer = do(client, event.slug, "close-sales")
    assert answer.headers["location"] == f"{base}?done=close-sales"
    assert "Sales are closed." in client.get(answer.headers["location"]).text
    assert "Sales are closed already." in client.get(f"{base}/close-sales").text
    assert do(client, event.slug, "open-sales").status_code == 303
    assert do(client, event.slug, "capacity", capacity="7").status_code == 303
    assert do(client, event.slug, "unpublish").status_code == 303
    assert client.get(f"/events/{event.slug}").status_code == 404
    assert do(client, event.slug, "publish").status_code == 303
    assert do(client, event.slug, "cancel").status_code == 303
    assert actions(data, event.slug) == [
        "sales.closed",
        "sales.opened",
        "event.resized",
        "event.unpublished",
        "event.published",
        "event.cancelled",
    ]


def test_a_move_shows_the_new_times_before_it_is_done(
    client: httpx.Client, database: OpenDatabase, data: Path
) -> None:
    event = database.write(announce, "Folk Dance")
    path = f"/organise/events/{event.slug}/move"
    assert "Show the new times" in client.get(path).text
    wrong = client.get(path, params={"days": "soon"})
    assert (wrong.status_code, "Enter a whole number of days." in wrong.text) == (422, True)
    preview = client.get(path, params={"days": "7"})
    assert "Then" in text_of(preview)
    fields = hidden_fields(preview.text, path)
    assert client.post(path, data=fields).status_code == 303
    moved = database.read(catalogue.event_by_id, event.id)
    assert moved.starts_at - event.starts_at == 7 * DAY
    # The form of the times before is refused, so that a second click does not move the event again.
    assert client.post(path, data=fields).status_code == 409
    assert actions(data, event.slug) == ["event.moved"]


def test_a_sold_event_is_asked_about_before_it_moves_far(
    client: httpx.Client, database: OpenDatabase, team: dict[str, Guest]
) -> None:
    event = database.write(announce, "Sold Show")
    database.write(hold_seat, team["attendee"].id, event.slug, 15)
    path = f"/organise/events/{event.slug}/move"
    page = client.get(path, params={"days": "300"})
    assert "by more than half a year. 1 person holds a seat." in text_of(page)
    fields = hidden_fields(page.text, path)
    assert client.post(path, data=fields).status_code == 409
    assert client.post(path, data=fields | {"move": "yes"}).status_code == 303


def test_an_event_with_registrations_is_not_withdrawn_and_the_page_leads_on(
    client: httpx.Client, database: OpenDatabase, team: dict[str, Guest]
) -> None:
    event = database.write(announce, "Taken")
    shown = hidden_fields(
        client.get(f"/organise/events/{event.slug}/unpublish").text,
        f"/organise/events/{event.slug}/unpublish",
    )
    database.write(hold_seat, team["attendee"].id, event.slug, 15)
    path = f"/organise/events/{event.slug}/unpublish"
    assert client.post(path, data=shown).status_code == 409
    page = client.get(path)
    assert "cannot become a draft again" in page.text
    assert f"/organise/events/{event.slug}/close-sales" in page.text


def test_a_wrong_number_of_seats_or_title_is_shown_at_its_field(
    client: httpx.Client, database: OpenDatabase
) -> None:
    event = database.write(announce, "Small Talk")
    refused = do(client, event.slug, "capacity", capacity="many")
    assert (refused.status_code, 'value="many"' in refused.text) == (422, True)
    refused = do(client, event.slug, "duplicate", title="")
    assert (refused.status_code, "This field is required." in refused.text) == (422, True)


def test_a_duplicate_is_a_draft_on_another_day(client: httpx.Client, database: OpenDatabase) -> None:
    event = database.write(announce, "Weekly")
    answer = do(client, event.slug, "duplicate", title="Weekly again", days="7")
    assert answer.headers["location"] == "/organise/events/weekly-again?done=duplicate"
    copy = database.read(catalogue.any_event_by_slug, "weekly-again")
    # A programme has no fractions of a second.
    assert (copy.state, round((copy.starts_at - event.starts_at) / DAY, 3)) == ("draft", 7)


def test_every_page_of_an_event_has_its_tabs(client: httpx.Client, database: OpenDatabase) -> None:
    event = database.write(announce, "Tabbed")
    base = f"/organise/events/{event.slug}"
    for path, current in (
        ("", "Overview"),
        ("/tickets", "Tickets"),
        ("/check-in", "Check-in"),
        ("/edit", "Settings"),
        ("/questions", "Tickets"),
        ("/waiting", "Tickets"),
        ("/teams", "Tickets"),
        ("/guests", "Guests"),
        ("/orders", "Orders"),
        ("/holders", "Tickets"),
    ):
        page = client.get(f"{base}{path}").text
        assert re.search(rf'aria-current="page">{current}</a>', page), path
        for name in ("Overview", "Guests", "Orders", "Tickets", "Check-in", "Settings"):
            assert f">{name}</a>" in page


def test_a_role_sees_the_tabs_steps_and_events_that_it_may_use(
    server: Server, team: dict[str, Guest], database: OpenDatabase, data: Path
) -> None:
    own, other = database.write(announce, "Own Event"), database.write(announce, "Other Event")
    database.write(catalogue.assign_events, team["lead"].id, [own.id])
    with team["lead"].browser(server) as lead:
        page = lead.get(f"/organise/events/{own.slug}").text
        assert ">Orders</a>" not in page
        assert "Close sales now" in page
        assert "Cancel event" not in page
        assert lead.get(f"/organise/events/{other.slug}").status_code == 404
        assert lead.get(f"/organise/events/{other.slug}/check-in").status_code == 404
        assert lead.get(f"/organise/events/{own.slug}/duplicate").status_code == 403
        dashboard = lead.get("/organise").text
        assert "Own Event" in dashboard
        assert "Other Event" not in dashboard
        assert lead.get("/organise/import").status_code == 403
        assert lead.get("/organise/emails").status_code == 403
    with team["treasurer"].browser(server) as treasurer:
        page = treasurer.get(f"/organise/events/{own.slug}").text
        assert ">Settings</a>" not in page
        assert "Close sales now" not in page
        assert treasurer.post(f"/organise/events/{own.slug}/close-sales").status_code == 403
    for role in ("staff", "attendee"):
        with team[role].browser(server) as visitor:
            assert visitor.get("/organise").status_code == 403
    assert query_file(data, "SELECT count(*) FROM audit_entries WHERE subject = ?", own.slug) == [(0,)]


def test_the_dashboard_is_sent_again_only_if_it_has_changed(
    client: httpx.Client, database: OpenDatabase
) -> None:
    first = client.get("/organise")
    tag = first.headers["etag"]
    assert f"data-refresh='{tag}'" in first.text or tag.strip('"') in first.text
    again = client.get("/organise", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    # Another choice of events is another page.
    client.get("/organise?q=nothing")
    assert client.get("/organise?q=nothing", headers={"if-none-match": tag}).status_code == 200
    event = database.write(announce, "News")
    assert "News" in client.get("/organise", headers={"if-none-match": tag}).text
    overview = client.get(f"/organise/events/{event.slug}")
    tag = overview.headers["etag"]
    path = f"/organise/events/{event.slug}"
    assert client.get(path, headers={"if-none-match": tag}).status_code == 304


def test_a_backup_is_made_in_the_browser_by_an_owner(
    server: Server, client: httpx.Client, team: dict[str, Guest], data: Path
) -> None:
    assert client.post("/organise/backup").status_code == 403
    with team["owner"].browser(server) as owner:
        answer = press(owner, "/organise", "/organise/backup")
        assert "The backup is made." in owner.get(answer.headers["location"]).text
        assert owner.post("/organise/backup").status_code == 303
    assert len(list((data / "backups").glob("festgate-*-manual.sqlite3"))) == 1


def test_a_failed_email_is_sent_again(server: Server, client: httpx.Client, data: Path) -> None:
    change_file(
        data,
        "INSERT INTO kit_mail (topic, recipient, subject, body, attachments, queued_at, due_at, attempts, error)"
        " VALUES ('lost', 'asha@example.org', 'Your lost ticket', 'Text', '[]', 1790000000000, 9007199254740992, 22,"
        " '550 no such mailbox')",
    )
    assert "1 email was not sent." in client.get("/organise").text
    page = client.get("/organise/emails")
    assert "550 no such mailbox" in page.text
    match = re.search(r'action="(/organise/emails/\d+/try)"', page.text)
    assert match is not None
    assert press(client, "/organise/emails", match[1]).headers["location"] == "/organise/emails?tried=1"
    assert "Your lost ticket" not in client.get("/organise/emails").text


def test_a_program_sends_a_failed_email_again(program: httpx.Client, data: Path) -> None:
    change_file(
        data,
        "INSERT INTO kit_mail (topic, recipient, subject, body, attachments, queued_at, due_at, attempts, error)"
        " VALUES ('gone', 'ravi@example.org', 'Your gone ticket', 'Text', '[]', 1790000000000, 9007199254740992, 22,"
        " '550 no such mailbox')",
    )
    email = next(known for known in program.get("/emails").json() if known["subject"] == "Your gone ticket")
    assert (email["recipient"], email["error"]) == ("ravi@example.org", "550 no such mailbox")
    for _ in range(2):
        assert program.post(f"/emails/{email['id']}/try").status_code == 204
    retried = "SELECT count(*) FROM audit_entries WHERE action = 'email.retried' AND origin = 'token'"
    assert query_file(data, retried) == [(1,)]
    assert email["id"] not in [known["id"] for known in program.get("/emails").json()]


def import_file(
    client: httpx.Client, name: str, content: str | bytes, **fields: str
) -> tuple[httpx.Response, dict[str, str]]:
    """Send a file; return the preview and the hidden fields of its form."""
    page = client.post("/organise/import", data=fields, files={"file": (name, content)})
    return page, hidden_fields(page.text, "/organise/import/save") if page.status_code == 200 else {}


def test_a_spreadsheet_is_imported_after_a_preview(
    client: httpx.Client, database: OpenDatabase, data: Path
) -> None:
    content = CSV.replace("Robo Race", "Spread Race").replace("Chess", "Spread Chess")
    wrong = content + "Late,Hall,2001-03-14T10:00,2001-03-14T12:00,0,20,\n"
    page, fields = import_file(client, "events.csv", wrong)
    text = text_of(page)
    assert "Problem: 1" in text
    assert "New: 2" in text
    assert "The event is over. Correct the date, or allow events that are over." in text
    assert "Spread Race" not in client.get("/organise").text
    answer = client.post("/organise/import/save", data=fields)
    assert answer.headers["location"] == "/organise/import?done=2"
    assert "2 events are imported." in client.get(answer.headers["location"]).text
    assert database.read(catalogue.any_event_by_slug, "spread-race").state == "draft"
    page, fields = import_file(
        client,
        "events.csv",
        "slug,capacity,title\nspread-race,80,Spread Race\nspread-chess,20,Spread Chess\n",
    )
    text = text_of(page)
    assert "Changed: 1" in text
    assert "Unchanged: 1" in text
    assert "capacity: 50 → 80" in text
    assert client.post("/organise/import/save", data=fields).status_code == 303
    assert database.read(catalogue.any_event_by_slug, "spread-race").capacity == 80
    assert query_file(data, "SELECT count(*) FROM audit_entries WHERE action = 'events.imported'") == [(2,)]


def test_an_import_that_would_do_something_else_by_now_is_shown_again(
    client: httpx.Client, database: OpenDatabase
) -> None:
    event = database.write(announce, "Stale Import")
    _, fields = import_file(client, "events.csv", f"slug,capacity\n{event.slug},70\n")
    database.write(catalogue.resize_event, event.slug, 60)
    page = client.post("/organise/import/save", data=fields)
    assert page.status_code == 409
    assert "capacity: 60 → 70" in text_of(page)
    fields = hidden_fields(page.text, "/organise/import/save")
    assert client.post("/organise/import/save", data=fields).status_code == 303


def calendar(title: str, sequence: int, start: str = "21990314T100000Z", uid: str = "u1") -> str:
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\n"
        f"UID:{uid}\r\nSEQUENCE:{sequence}\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:{title}\r\nLOCATION:Yard\r\n"
        f"DTSTART:{start}\r\nDTEND:{start.replace('T10', 'T12')}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


def test_a_calendar_changes_a_sold_event_only_if_that_is_ticked(
    client: httpx.Client, database: OpenDatabase, team: dict[str, Guest]
) -> None:
    page, fields = import_file(
        client, "fest.ics", calendar("From Calendar", 0), fee="0", capacity="30", publish="yes"
    )
    assert "New: 1" in text_of(page)
    assert client.post("/organise/import/save", data=fields).status_code == 303
    (slug,) = [event.slug for event in database.read(catalogue.all_events) if event.title == "From Calendar"]
    database.write(hold_seat, team["attendee"].id, slug, 15)
    newer = calendar("From Calendar", 1, "21990315T100000Z")
    for ticked, day in (({}, 14), ({f"agree-update-{slug}": "yes"}, 15)):
        page, fields = import_file(client, "fest.ics", newer, fee="0", capacity="30")
        assert "Change it, although 1 seat is taken" in text_of(page)
        assert client.post("/organise/import/save", data=fields | ticked).status_code == 303
        event = database.read(catalogue.any_event_by_slug, slug)
        assert catalogue.written_time(event.starts_at, UTC)[:10] == f"2199-03-{day}"


def programme(slug: str, **changes: object) -> str:
    event = {
        "slug": slug,
        "title": "From Another Fest",
        "place": "Yard",
        "starts_at": "2031-03-14T10:00+05:30",
        "ends_at": "2031-03-14T12:00+05:30",
        "capacity": 20,
        "types": [{"name": "Student", "fee": "100"}, {"name": "Guest", "fee": "200"}],
        **changes,
    }
    return json.dumps({"format": "festgate-programme-1", "currency": "INR", "events": [event]})


def test_the_programme_of_another_fest_is_copied_and_moved_by_days(
    client: httpx.Client, database: OpenDatabase
) -> None:
    page, fields = import_file(client, "programme.json", programme("copied"), days="7")
    text = text_of(page)
    assert "New: 1" in text
    assert "Ticket types: " in text
    assert client.post("/organise/import/save", data=fields).status_code == 303
    event = database.read(catalogue.any_event_by_slug, "copied")
    assert catalogue.written_time(event.starts_at, UTC) == "2031-03-21T04:30"
    page, _ = import_file(client, "programme.json", programme("copied", capacity=25), days="7")
    assert "capacity: 20 → 25" in text_of(page)
    page, _ = import_file(client, "programme.json", programme("wrong", capacity="many"))
    assert "Nothing can be imported while there is a problem." in text_of(page)


@pytest.mark.parametrize(
    "name, content, sentence",
    [
        ("events.csv", b"", "Choose a file."),
        ("events.pdf", b"x", "the name has to end in"),
        ("events.xlsx", b"no workbook", "cannot be imported"),
        ("events.json", b"{}", "This is not a programme of Festgate."),
        ("events.csv", b"x" * (2 * 1024 * 1024 + 1), "has more than 2 MB"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    client: httpx.Client, name: str, content: bytes, sentence: str
) -> None:
    page, _ = import_file(client, name, content)
    assert page.status_code == 422
    assert sentence in text_of(page)


def test_a_nested_programme_is_refused_also_if_it_is_moved(client: httpx.Client) -> None:
    page, _ = import_file(client, "events.json", "[" * 100_000, days="7")
    assert page.status_code == 422
    assert "This is not JSON in UTF-8." in text_of(page)
    twice = programme("twice").replace('"events":', '"events": [], "events":')
    page, _ = import_file(client, "events.json", twice, days="7")
    assert "the key 'events' appears twice in one object." in text_of(page)


def test_a_programme_of_more_parts_than_a_preview_can_try_is_refused(client: httpx.Client) -> None:
    codes = [{"code": f"CODE{number}", "kind": "percent", "value": 10} for number in range(5_001)]
    content = {"format": "festgate-programme-1", "currency": "INR", "promo_codes": codes}
    page, _ = import_file(client, "events.json", json.dumps(content))
    assert page.status_code == 422
    assert "The file has more than 5000 events, ticket types, promo codes and other parts." in text_of(page)


def test_a_preview_of_many_problems_shows_the_first(client: httpx.Client) -> None:
    lines = "slug,capacity\n" + "none,many\n" * 1_000
    page, _ = import_file(client, "events.csv", lines)
    assert "Problem: 1002" in text_of(page)
    assert "802 more problems are not shown." in text_of(page)
    assert page.text.count("<tr") == 1 + 200


def body_of(name: str, content: str, **fields: object) -> dict[str, object]:
    """Return the body of a call that imports a file."""
    return {"name": name, "content": base64.b64encode(content.encode()).decode(), **fields}


def test_a_program_imports_a_spreadsheet_after_a_preview(
    program: httpx.Client, database: OpenDatabase, data: Path
) -> None:
    content = CSV.replace("Robo Race", "Program Race").replace("Chess", "Program Chess")
    body = body_of("events.csv", content + "Late,Hall,2001-03-14T10:00,2001-03-14T12:00,0,20,\n")
    shown = program.post("/imports/preview", json=body)
    assert shown.status_code == 200
    rows = shown.json()["rows"]
    assert [(row["kind"], row["place"], row["title"]) for row in rows] == [
        ("problem", "line 4", ""),
        ("new", "line 2", "Program Race"),
        ("new", "line 3", "Program Chess"),
    ]
    assert "The event is over." in rows[0]["problem"]
    titles = [event.title for event in database.read(catalogue.all_events)]
    assert "Program Race" not in titles
    assert program.post("/imports", json=body | {"preview": "other"}).json()["code"] == "import-changed"
    confirmed = body | {"preview": shown.json()["preview"]}
    assert program.post("/imports", json=confirmed).json() == {"imported": 2}
    assert program.post("/imports", json=confirmed).json() == {"imported": 0}
    entries = query_file(
        data, "SELECT count(*) FROM audit_entries WHERE action = 'events.imported' AND origin = 'token'"
    )
    assert entries == [(1,)]
    changed = body_of("events.csv", "slug,capacity\nprogram-race,80\n")
    (row,) = program.post("/imports/preview", json=changed).json()["rows"]
    assert row["changes"] == [{"field": "capacity", "before": "50", "after": "80"}]


def test_a_program_changes_a_sold_event_only_with_consent(
    program: httpx.Client, database: OpenDatabase, team: dict[str, Guest]
) -> None:
    choices: dict[str, object] = {"default_fee": "0", "default_capacity": "30", "publish": True}
    body = body_of("fest.ics", calendar("Program Calendar", 0, uid="u2"), **choices)
    preview = program.post("/imports/preview", json=body).json()["preview"]
    assert program.post("/imports", json=body | {"preview": preview}).json() == {"imported": 1}
    (slug,) = [
        event.slug for event in database.read(catalogue.all_events) if event.title == "Program Calendar"
    ]
    database.write(hold_seat, team["attendee"].id, slug, 15)
    newer = body_of("fest.ics", calendar("Program Calendar", 1, "21990315T100000Z", "u2"), **choices)
    shown = program.post("/imports/preview", json=newer).json()
    assert (shown["rows"][0]["asks"], shown["rows"][0]["taken"]) == (f"agree-update-{slug}", 1)
    confirmed = newer | {"preview": shown["preview"]}
    assert program.post("/imports", json=confirmed).json() == {"imported": 0}
    agreed = confirmed | {"agreed": [f"agree-update-{slug}"]}
    assert [program.post("/imports", json=agreed).json()["imported"] for _ in range(2)] == [1, 0]
    event = database.read(catalogue.any_event_by_slug, slug)
    assert catalogue.written_time(event.starts_at, UTC)[:10] == "2199-03-15"


def test_a_program_imports_a_large_programme_and_no_unreadable_file(
    server: Server, program: httpx.Client, team: dict[str, Guest]
) -> None:
    body = body_of("programme.json", programme("by-program", description="long " * 1900), move_by_days=7)
    assert len(str(body["content"])) > 12_000
    many = body_of("programme.json", programme("by-program", description="long " * 1900) + " " * 20_000)
    shown = program.post("/imports/preview", json=many).json()
    assert shown["can_import"]
    for name, content, sentence in (
        ("events.pdf", "x", "the name has to end in"),
        ("events.json", "{}", "This is not a programme of Festgate."),
        ("events.csv", "", "The file is empty."),
    ):
        refused = program.post("/imports/preview", json=body_of(name, content))
        assert refused.status_code == 422
        assert sentence in refused.json()["fields"]["content"]
    refused = program.post("/imports/preview", json={"name": "a.csv", "content": "%%%"})
    assert refused.json()["fields"] == {"content": "This is not base 64."}
    wrong = program.post("/imports/preview", json=body_of("p.json", programme("w", capacity="many"))).json()
    assert (wrong["can_import"], wrong["rows"][0]["kind"]) == (False, "problem")
    with team["lead"].program(server) as lead:
        assert lead.post("/imports/preview", json=body).status_code == 403
        assert lead.post("/imports", json=body | {"preview": ""}).status_code == 403


def test_a_forged_preview_is_refused(client: httpx.Client) -> None:
    fields = {"name": "events.csv", "content": "%%%", "shown": "x"}
    assert client.post("/organise/import/save", data=fields).status_code == 400
    assert client.post("/organise/import/save", data={}).status_code == 422


def test_the_api_has_the_numbers_and_the_steps(
    program: httpx.Client, database: OpenDatabase, server: Server, team: dict[str, Guest]
) -> None:
    event = database.write(announce, "By Program")
    base = f"/events/{event.slug}"
    answer = program.get("/dashboard")
    assert answer.status_code == 200, answer.text
    numbers = answer.json()
    assert event.slug in {one["slug"] for one in numbers["events"]}
    assert numbers["money"] is not None
    for _ in range(2):
        assert program.post(f"{base}/sales/close").status_code == 200
    assert program.post(f"{base}/sales/open").json()["state"] == "published"
    assert program.post(f"{base}/capacity", json={"capacity": 12}).json()["capacity"] == 12
    before = program.post(f"{base}/publish").json()["starts_at"]
    for _ in range(2):
        moved = program.post(f"{base}/move", json={"days": 2, "starts_at": before})
        assert moved.status_code == 200, moved.text
        assert moved.json()["starts_at"] != before
    assert program.post(f"{base}/move", json={"days": 3, "starts_at": before}).status_code == 409
    copy = {"slug": "by-program-2", "title": "By Program 2", "days": 7}
    assert program.post(f"{base}/duplicate", json=copy).status_code == 201
    assert program.post(f"{base}/duplicate", json=copy).status_code == 422
    assert program.post(f"{base}/unpublish").json()["state"] == "draft"
    assert program.post(f"{base}/publish").json()["state"] == "published"
    assert program.post(f"{base}/cancel", json={"people": 3}).status_code == 409
    for _ in range(2):
        assert program.post(f"{base}/cancel", json={"people": 0}).json()["state"] == "cancelled"
    with team["lead"].program(server) as lead:
        assert lead.post(f"{base}/sales/close").status_code == 404
        assert lead.post(f"{base}/cancel", json={"people": 0}).status_code in (403, 404)
    with team["attendee"].program(server) as attendee:
        assert attendee.get("/dashboard").status_code == 403
        assert attendee.post(f"{base}/publish").status_code == 403
