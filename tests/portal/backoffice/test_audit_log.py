"""The audit log: what is recorded, its page, its API and its command."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import MINUTE
from festgate.portal.accounts.passwords import hash_password
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.use_limits import MAX_USES
from tests.journeys.stage import Guest, announce, before_opening, change_file, invite_one
from tests.portal.accounts.visiting import PASSWORD, log_in, visitor
from tests.portal.backoffice.test_cancelling import buy_both, hidden_fields
from tests.rig.forms import hidden_fields as fields_of
from tests.rig.server import Server, festgate, serving
from tests.rig.waiting import until

ROLES = {"meena": "organiser", "sam": "staff", "tara": "treasurer", "asha": "attendee", "ravi": "attendee"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audited") / "data"


@pytest.fixture(scope="module")
def people(data: Path) -> dict[str, Guest]:
    with before_opening(data) as database:
        for title in ("Robo Race", "Music Night"):
            database.write(partial(announce, title=title, fee=45_000))
        database.write(partial(announce, title="Open Stage", fee=0))
        password_hash = hash_password(PASSWORD)
        for name, role in (("usha", "organiser"), ("vani", "attendee")):
            newcomer = Newcomer(name, f"{name}@example.org", role)  # type: ignore[arg-type]
            database.write(add_person, newcomer, password_hash, confirmed=True)
        return {name: database.write(invite_one, name, role) for name, role in ROLES.items()}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server(data: Path, people: dict[str, Guest]) -> Iterator[Server]:
    assert people
    settings = {"FESTGATE_PAYMENT_METHODS": "sandbox", "FESTGATE_TIMEZONE": "Asia/Kolkata"}
    with serving(data, extra=settings) as new_server:
        yield new_server
        assert "unhandled exception" not in new_server.log()


@pytest.fixture(scope="module")
def organiser(server: Server, people: dict[str, Guest]) -> Iterator[httpx.Client]:
    with people["meena"].browser(server) as new_client:
        yield new_client


@pytest.fixture
def api(server: Server, people: dict[str, Guest]) -> Iterator[httpx.Client]:
    with people["meena"].program(server) as program:
        yield program


def newest(api: httpx.Client, **filters: str) -> dict[str, object]:
    """Return the newest entry that fits."""
    page = api.get("/audit", params=filters).json()
    entry: dict[str, object] = page["entries"][0]
    return entry


def test_a_refund_on_the_page_and_one_by_the_api_are_recorded_with_their_origin(
    server: Server, organiser: httpx.Client, people: dict[str, Guest], api: httpx.Client
) -> None:
    ref = buy_both(server, people["asha"])
    until(lambda: organiser.get(f"/organise/orders/{ref}").text.count("Confirmed") == 2, "the order is paid")
    confirmation = organiser.get(f"/organise/orders/{ref}/cancel").text
    for _ in range(2):
        organiser.post(f"/organise/orders/{ref}/cancel", data=hidden_fields(confirmation))
    entries = api.get("/audit", params={"q": ref}).json()["entries"]
    assert len(entries) == 1
    entry = entries[0]
    assert (entry["action"], entry["subject"], entry["origin"]) == ("order.refunded", ref, "session")
    assert (entry["person"], entry["username"], entry["address"]) == (
        people["meena"].id,
        "meena",
        "127.0.0.1",
    )
    assert entry["details"]["amount"] == "900.00 INR"
    assert entry["details"]["events"].count(", ") == 1
    other = buy_both(server, people["ravi"])
    until(lambda: organiser.get(f"/organise/orders/{other}").text.count("Confirmed") == 2, "it is paid")
    api.post(f"/orders/{other}/refund", json={})
    assert newest(api, action="order.refunded")["origin"] == "token"
    page = organiser.get("/organise/audit", params={"q": other}).text
    assert f'<a href="/organise/orders/{other}">{other}</a>' in page
    assert "API token" in page


def publish_and_cancel(organiser: httpx.Client, title: str) -> str:
    """Create an event, publish it, and cancel it twice; return its slug."""
    fields = {
        "title": title,
        "place": "Yard",
        "starts_at": "2199-03-14T10:00",
        "ends_at": "2199-03-14T12:00",
        "capacity": "20",
        "fee": "0",
    }
    shown = fields_of(organiser.get("/organise/events/new").text, "/organise/events/new")
    assert (
        organiser.post("/organise/events/new", data=shown | fields | {"then": "publish"}).status_code == 303
    )
    slug = title.lower()
    cancel = f"/organise/events/{slug}/cancel"
    shown = fields_of(organiser.get(cancel).text, cancel)
    for _ in range(2):
        assert organiser.post(cancel, data=shown).status_code == 303
    return slug


def test_published_and_cancelled_events_are_recorded_once(organiser: httpx.Client, api: httpx.Client) -> None:
    slug = publish_and_cancel(organiser, "Chess")
    entries = api.get("/audit", params={"event": slug}).json()["entries"]
    assert [(entry["action"], entry["subject"]) for entry in entries] == [
        ("event.cancelled", slug),
        ("event.published", slug),
        ("event.created", slug),
    ]


def test_sign_ins_of_the_team_are_recorded_and_those_of_attendees_are_not(
    server: Server, api: httpx.Client
) -> None:
    with visitor(server) as browser:
        log_in(browser, "vani", "wrong")
        log_in(browser, "vani")
        assert api.get("/audit", params={"person": "vani"}).json()["total"] == 0
    with visitor(server) as browser:
        log_in(browser, "usha", "my secret pass")
        log_in(browser, "Usha")
    refused, done = newest(api, action="sign-in.refused"), newest(api, action="sign-in.done")
    assert (refused["person"], refused["concerns"], refused["origin"]) == (None, done["person"], "session")
    assert (done["username"], done["concerns"]) == ("usha", done["person"])
    assert api.get("/audit", params={"person": "usha", "action": "sign-in.refused"}).json()["total"] == 1
    assert "my secret pass" not in api.get("/audit").text


def test_commands_are_recorded(data: Path, server: Server, api: httpx.Client) -> None:
    assert server.running()
    for words in (
        ("user", "role", "vani", "staff"),
        ("user", "role", "vani", "staff"),
        ("user", "role", "vani", "attendee"),
        ("programme", "export", "-"),
        ("events", "export", "-"),
        ("types", "export", "-"),
    ):
        assert festgate(*words, data=data).returncode == 0
    entries = api.get("/audit", params={"q": ""}).json()["entries"][:5]
    assert [(entry["action"], entry["origin"], entry["details"]) for entry in entries[:3]] == [
        ("types.exported", "command", {}),
        ("events.exported", "command", {}),
        ("programme.exported", "command", {}),
    ]
    number = entries[3]["concerns"]
    assert entries[3]["details"] == {"from": "staff", "to": "attendee", "person": number}
    assert entries[4]["details"] == {"from": "attendee", "to": "staff", "person": number}


def test_a_correction_and_a_deletion_are_recorded_without_names_of_attendees(
    server: Server, organiser: httpx.Client, people: dict[str, Guest], data: Path, api: httpx.Client
) -> None:
    assert server.running()
    page = f"/organise/people/{people['ravi'].id}"
    ask = organiser.post(f"{page}/email", data={"email": "ravi.right@example.org"})
    change = fields_of(ask.text, f"{page}/email/change")
    assert organiser.post(f"{page}/email/change", data=change).status_code == 303
    corrected = newest(api, action="email-address.corrected")
    assert (corrected["concerns"], corrected["subject"]) == (people["ravi"].id, "")
    festgate("user", "add", "wanda", "--email", "wanda@example.org", data=data)
    assert festgate("user", "delete", "wanda", "--yes", data=data).returncode == 0
    deleted = newest(api, action="account.deleted")
    assert (deleted["origin"], deleted["subject"]) == ("command", "")
    assert "ravi.right" not in api.get("/audit").text
    assert "wanda" not in api.get("/audit").text


def test_an_export_is_recorded_and_limited(organiser: httpx.Client, api: httpx.Client, data: Path) -> None:
    page = "/organise/events/open-stage/guests/export"
    fields = {"format": "csv", "column_name": "1"}
    assert organiser.post(page, data=fields).status_code == 200
    exported = newest(api, action="guests.exported")
    assert (exported["event"], exported["subject"]) == ("open-stage", "open-stage")
    for _ in range(MAX_USES["export"] - 1):
        organiser.post(page, data=fields)
    refused = organiser.post(page, data=fields)
    assert refused.status_code == 429
    assert "You have downloaded many lists in the last hour." in refused.text
    assert int(refused.headers["retry-after"]) > 50 * MINUTE / 1000
    change_file(data, "DELETE FROM accounts_attempts")


def test_the_page_finds_entries_by_every_filter(organiser: httpx.Client, people: dict[str, Guest]) -> None:
    meena = f"#{people['meena'].id}"
    publish_and_cancel(organiser, "Carrom")
    page = organiser.get("/organise/audit", params={"action": "event.cancelled", "person": meena}).text
    assert '<a href="/organise/events/carrom">Carrom</a>' in page
    assert f'<option value="{meena}" selected>' in page
    assert "No entries found" in organiser.get("/organise/audit", params={"day": "2001-01-01"}).text
    assert "No entries found" in organiser.get("/organise/audit", params={"q": "nothing%"}).text
    for filters, sentence in (
        ({"day": "tomorrow"}, "Enter a day like 2031-03-14."),
        ({"person": "nobody"}, "There is no account with this username or email address."),
        ({"event": "nothing"}, "There is no such event."),
        ({"action": "nothing"}, "There is no such action."),
        ({"page": "0"}, "Enter the number of a page"),
    ):
        response = organiser.get("/organise/audit", params=filters)
        assert (response.status_code, sentence in response.text) == (422, True)


@pytest.mark.parametrize("name", ["sam", "tara", "asha"])
def test_only_owners_and_organisers_read_the_log(server: Server, people: dict[str, Guest], name: str) -> None:
    with people[name].browser(server) as browser, people[name].program(server) as program:
        assert browser.get("/organise/audit").status_code == 403
        assert program.get("/audit").status_code == 403


def test_the_api_has_pages_and_explains_wrong_filters(server: Server, api: httpx.Client) -> None:
    with visitor(server) as browser:
        log_in(browser, "usha")
    first = api.get("/audit").json()
    assert (first["page"], first["pages"]) == (1, max(1, -(-first["total"] // 50)))
    assert len(first["entries"]) == min(50, first["total"])
    last = api.get("/audit", params={"page": first["pages"]}).json()
    assert last["entries"][-1]["id"] == 1
    assert api.get("/audit", params={"page": first["pages"] + 1}).status_code == 404
    assert api.get("/audit", params={"page": "x"}).status_code == 422
    assert api.get("/audit", params={"day": "x"}).json()["fields"] == {"day": "Enter a day like 2031-03-14."}


def test_the_command_lists_entries_with_tabs_for_other_programs(data: Path, server: Server) -> None:
    assert server.running()
    for role in ("staff", "attendee"):
        festgate("user", "role", "vani", role, data=data)
    process = festgate("audit", "list", "--action", "role.changed", "--limit", "1", data=data)
    assert process.returncode == 0, process.stderr
    (line,) = process.stdout.splitlines()
    at, actor, action, subject, event, details, origin, address = line.split("\t")
    assert at.endswith("Z")
    assert (actor, action, subject, event, origin, address) == (
        "command",
        "role.changed",
        "vani",
        "",
        "command",
        "",
    )
    assert json.loads(details)["to"] == "attendee"
    wrong = festgate("audit", "list", "--event", "nothing", "--day", "x", data=data)
    assert wrong.returncode == 2
    assert "--event: There is no such event." in wrong.stderr
    assert "--day: Enter a day like 2031-03-14." in wrong.stderr
