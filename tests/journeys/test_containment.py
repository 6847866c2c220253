"""A real portal in which a module fails on purpose: what its visitors see, and that the others notice nothing."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

import httpx
import pytest

from festgate.effects import FAULTS_FILE
from festgate.portal.checkout.sandbox import APPROVES
from tests.journeys.stage import Guest, announce, before_opening, change_file, holds, invite
from tests.rig.forms import check_out
from tests.rig.server import Serve, Server, festgate, serving
from tests.rig.waiting import until

TOKEN = "of-the-drills-of-this-test"
SETTINGS = {"FESTGATE_PAYMENT_METHODS": "sandbox", "FESTGATE_DRILLS_TOKEN": TOKEN}
BEARER = {"authorization": f"Bearer {TOKEN}"}
GUESTS = 10


def prepare(data: Path) -> list[Guest]:
    with before_opening(data) as database:
        database.write(announce, "Robo Race")
        database.write(announce, "Open Stage", fee=0)
        return database.write(invite, GUESTS)


@pytest.fixture(scope="module")
def guests() -> list[Guest]:
    """Filled by `server`; each test takes one."""
    return []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, guests: list[Guest]) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("contained") / "fest"
    guests += prepare(data)
    with serving(data, extra=SETTINGS) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """Whatever a test arms is disarmed after it, and every module is well before the next."""
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as asking:
        yield asking
        assert asking.delete("/drills/faults", headers=BEARER).status_code == 204
        until(lambda: all_well(asking), "every module is well")


def rests(client: httpx.Client, module: str, path: str, headers: Mapping[str, str] | None = None) -> bool:
    """Return whether the module is unavailable once one more visitor has asked for it."""
    client.get(path, headers=headers)
    return modules(client)[module]["state"] == "resting"


def newcomer(name: str) -> dict[str, str]:
    return {"username": name, "email": f"{name}@example.org", "password": "a password of nobody's"}


def arm(client: httpx.Client, point: str, effect: str, **more: float) -> None:
    answer = client.post("/drills/faults", headers=BEARER, json={"point": point, "effect": effect, **more})
    assert answer.status_code == 201, answer.text


def modules(client: httpx.Client) -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = client.get("/readyz").json()["modules"]
    return found


def all_well(client: httpx.Client) -> bool:
    for path in ("/events", "/checkout", "/my-events", "/tickets/0000000000000000", "/login", "/organise"):
        client.get(path)  # a module that rests is tried by those who come
    return {state["state"] for state in modules(client).values()} == {"well"}


def test_a_bug_gives_its_modules_visitors_a_page_of_their_own_and_everyone_else_nothing(
    client: httpx.Client, guests: list[Guest]
) -> None:
    guest = guests.pop()
    arm(client, "module.checkout", "raise")
    page = client.get("/checkout", headers=guest.cookie)
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert int(page.headers["retry-after"]) >= 1
    assert "<h1>Checkout is unavailable</h1>" in page.text
    for way in ("/events", "/my-events", "/checkout"):
        assert f'href="{way}"' in page.text
    assert f"Request {page.headers['x-request-id']}" in page.text
    call = client.get("/api/v1/orders", headers=guest.bearer)
    assert (call.status_code, call.json()["code"]) == (503, "resting")
    assert call.headers["content-type"] == "application/problem+json"
    for path in ("/", "/events", "/events/robo-race", "/my-events", "/login"):
        assert client.get(path, headers=guest.cookie).status_code in (200, 303), path


def test_a_module_that_keeps_failing_rests_until_it_is_well_and_holds_stand_still_meanwhile(
    client: httpx.Client, guests: list[Guest]
) -> None:
    guest = guests.pop()
    assert client.post("/events/robo-race/register", headers=guest.cookie).status_code == 303
    arm(client, "module.checkout", "raise")
    until(lambda: rests(client, "checkout", "/checkout", guest.cookie), "checkout rests")
    assert "injected by a drill" in modules(client)["checkout"]["why"]
    until(
        lambda: "time is paused" in client.get("/checkout", headers=guest.cookie).text,
        "the clock of holds stands",
    )
    page = client.get("/checkout", headers=guest.cookie).text
    assert re.search(r"Your seat is kept: its time is paused .* 1[45] minutes", page)
    assert client.delete("/drills/faults", headers=BEARER).status_code == 204
    until(lambda: client.get("/checkout", headers=guest.cookie).status_code == 200, "checkout is back")


def test_a_request_that_hangs_is_ended_and_no_one_else_waits(
    client: httpx.Client, guests: list[Guest]
) -> None:
    guest = guests.pop()
    arm(client, "module.tickets", "hang", times=1)
    with pytest.raises(httpx.ReadTimeout):
        client.get("/tickets/0000000000000000", headers=guest.cookie, timeout=0.2)
    arm(client, "module.tickets", "hang", times=1)
    answer = client.get("/tickets/0000000000000000", headers=guest.cookie)
    assert (answer.status_code, "took too long to answer" in answer.text) == (503, True)
    assert client.get("/tickets/0000000000000000", headers=guest.cookie).status_code == 404


def test_code_that_burns_the_processor_is_soon_asked_no_more(
    client: httpx.Client, guests: list[Guest]
) -> None:
    guest = guests.pop()
    arm(client, "module.backoffice", "burn", seconds=0.3)
    until(
        lambda: client.get("/organise", headers=guest.cookie).status_code == 503,
        "the organisers' office rests",
    )
    assert "blocked the event loop" in modules(client)["backoffice"]["why"]


def test_tickets_that_break_leave_the_payment_and_come_when_they_work_again(
    client: httpx.Client, server: Server, guests: list[Guest]
) -> None:
    guest = guests.pop()
    arm(client, "outbox.tickets", "raise")
    assert client.post("/events/robo-race/register", headers=guest.cookie).status_code == 303
    paid = check_out(client, guest.cookie, payment_method="sandbox", card_number=APPROVES)
    receipt = client.get(paid.headers["location"], headers=guest.cookie).text
    assert "Paid" in receipt
    assert 'href="/tickets/' not in receipt
    assert client.delete("/drills/faults", headers=BEARER).status_code == 204
    until(
        lambda: 'href="/tickets/' in client.get(paid.headers["location"], headers=guest.cookie).text,
        "the ticket has come",
    )
    holds(server.data, SETTINGS)


def test_a_fault_ends_by_itself(client: httpx.Client) -> None:
    arm(client, "module.catalogue", "raise", lasts=0.3)
    assert client.get("/events").status_code == 503
    until(lambda: client.get("/drills/faults", headers=BEARER).json()["faults"] == [], "it is disarmed")
    until(lambda: client.get("/events").status_code == 200, "events are back")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"point": "module.checkout"}',
        '{"point": "nowhere", "effect": "raise"}',
        '{"point": "module.checkout", "effect": "sing"}',
        '{"point": "module.checkout", "effect": "raise", "lasts": 100000}',
        '{"point": "module.checkout", "effect": "raise", "share": 2}',
    ],
)
def test_a_fault_that_cannot_be_is_refused(client: httpx.Client, body: str) -> None:
    answer = client.post("/drills/faults", headers=BEARER, content=body)
    assert answer.status_code == 422, answer.text
    assert client.get("/drills/faults", headers=BEARER).json()["faults"] == []


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, BEARER | {"x-forwarded-for": "192.0.2.7"}]
)
def test_nobody_arms_a_fault_without_the_token_or_from_elsewhere(
    client: httpx.Client, headers: Mapping[str, str]
) -> None:
    order = {"point": "module.checkout", "effect": "raise"}
    assert client.post("/drills/faults", headers=headers, json=order).status_code == 404
    assert client.get("/drills/faults", headers=headers).status_code == 404


def test_why_a_module_rests_is_for_this_machine_only(client: httpx.Client) -> None:
    arm(client, "module.catalogue", "raise")
    until(lambda: rests(client, "catalogue", "/events"), "it rests")
    elsewhere = client.get("/readyz", headers={"x-forwarded-for": "192.0.2.7"}).json()
    assert elsewhere["modules"]["catalogue"] == {"state": "resting"}


def test_a_module_that_cannot_be_imported_leaves_a_placeholder_and_its_work_waits(
    tmp_path: Path, serve: Serve
) -> None:
    data = tmp_path / "fest"
    guest = prepare(data).pop()
    fault = {"point": "import.tickets", "effect": "raise", "until": time.time() + 300}
    (data / FAULTS_FILE).write_text(json.dumps([fault]), encoding="utf-8")
    without = serve(data=data, extra=SETTINGS)
    with guest.browser(without) as browser:
        state = modules(browser)
        assert state["tickets"]["state"] == "absent"
        assert "injected by a drill" in state["tickets"]["why"]
        assert {each["state"] for name, each in state.items() if name != "tickets"} == {"well"}
        page = browser.get("/tickets/0000000000000000")
        assert (page.status_code, "<h1>Ticketing is unavailable</h1>" in page.text) == (503, True)
        assert browser.post("/events/open-stage/register").status_code == 303
        assert "Open Stage" in browser.get("/my-events").text
        assert browser.get("/api/v1/tickets", headers=guest.bearer).json()["code"] == "resting"
    status = festgate("status", "--url", without.url, data=data, extra={"COLUMNS": "400"})
    assert status.returncode == 1
    assert "injected by a drill" in status.stdout
    without.stop()
    (data / FAULTS_FILE).unlink()
    whole = serve(data=data, extra=SETTINGS)
    with guest.browser(whole) as browser:
        until(lambda: 'href="/tickets/' in browser.get("/my-events").text, "the ticket has come")
    assert festgate("status", "--url", whole.url, data=data).returncode == 0


def test_without_bulkheads_a_bug_is_a_bug(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "fest"
    guest = prepare(data).pop()
    open_plan = serve(data=data, extra=SETTINGS | {"FESTGATE_BULKHEADS": "off"})
    with guest.browser(open_plan) as browser:
        arm(browser, "module.checkout", "raise")
        assert browser.get("/checkout").status_code == 500


def test_a_module_whose_migration_fails_stays_closed_and_the_rest_opens(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "fest"
    guest = prepare(data).pop()
    # So that 0008, checkout's, finds done already what it is to do.
    change_file(data, "UPDATE alembic_version SET version_num = '0007'")
    partly = serve(data=data, extra=SETTINGS)
    with guest.browser(partly) as browser:
        assert {name for name, each in modules(browser).items() if each["state"] == "absent"} == {"checkout"}
        assert "0008" in modules(browser)["checkout"]["why"]
        assert browser.get("/checkout").status_code == 503
        assert browser.post("/events/open-stage/register").status_code == 303
        until(lambda: 'href="/tickets/' in browser.get("/my-events").text, "the ticket has come")


def test_on_a_full_disk_nothing_is_taken_and_everything_is_shown_and_it_mends_itself(
    client: httpx.Client, server: Server, guests: list[Guest]
) -> None:
    guest = guests.pop()
    arm(client, "database.write", "full")
    names = (f"newcomer-{number}" for number in count())

    def turned_away() -> str | None:
        """What fits into pages that the file has already is still taken."""
        answer = client.post("/register", data=newcomer(next(names)))
        return answer.text if answer.status_code == 503 else None

    assert "Nothing was changed" in until(turned_away, "nobody fits in any more")
    assert {each["state"] for each in modules(client).values()} == {"well"}
    assert client.get("/my-events", headers=guest.cookie).status_code == 200
    assert client.delete("/drills/faults", headers=BEARER).status_code == 204
    until(lambda: turned_away() is None, "people are taken in again")
    assert client.post("/events/robo-race/register", headers=guest.cookie).status_code == 303
    holds(server.data, SETTINGS)


def test_while_the_database_is_away_every_page_says_so_and_no_module_is_blamed(
    client: httpx.Client, guests: list[Guest]
) -> None:
    guest = guests.pop()
    arm(client, "database.read", "raise")
    for path in ("/events?q=anything", "/my-events", "/checkout"):
        page = client.get(path, headers=guest.cookie)
        assert (page.status_code, "data is temporarily unavailable" in page.text) == (503, True), path
    assert client.get("/readyz").status_code == 503
    assert client.delete("/drills/faults", headers=BEARER).status_code == 204
    assert client.get("/events").status_code == 200
    assert {each["state"] for each in modules(client).values()} == {"well"}
