"""A real portal in which a module fails on purpose: its visitors get an explanation, and other pages are served."""

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
from tests.journeys.stage import Guest, announce, before_opening, change_file, check_data, invite
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
    """People with sessions, created by `server`. Each test removes those that it uses."""
    return []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, guests: list[Guest]) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("contained") / "fest"
    guests += prepare(data)
    with serving(data, extra=SETTINGS) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """Provide a client. Afterwards disarm all faults, and wait until every module is healthy."""
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as http_client:
        yield http_client
        assert http_client.delete("/drills/faults", headers=BEARER).status_code == 204
        until(lambda: all_available(http_client), "every module is healthy")


def is_unavailable(
    client: httpx.Client, module: str, path: str, headers: Mapping[str, str] | None = None
) -> bool:
    """Send one more request to the module; return whether it is unavailable."""
    client.get(path, headers=headers)
    return module_states(client)[module]["state"] == "resting"


def account_fields(name: str) -> dict[str, str]:
    return {"username": name, "email": f"{name}@example.org", "password": "a password of nobody's"}


def arm(client: httpx.Client, point: str, effect: str, **more: float) -> None:
    answer = client.post("/drills/faults", headers=BEARER, json={"point": point, "effect": effect, **more})
    assert answer.status_code == 201, answer.text


def module_states(client: httpx.Client) -> Mapping[str, Mapping[str, str]]:
    states: Mapping[str, Mapping[str, str]] = client.get("/readyz").json()["modules"]
    return states


def all_available(client: httpx.Client) -> bool:
    for path in ("/events", "/checkout", "/my-events", "/tickets/0000000000000000", "/login", "/organise"):
        client.get(path)  # a visitor's request is the trial of an open circuit
    return {state["state"] for state in module_states(client).values()} == {"well"}


def test_an_exception_in_a_module_affects_only_the_pages_of_that_module(
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


def test_a_failing_module_is_unavailable_and_holds_are_paused_until_it_recovers(
    client: httpx.Client, guests: list[Guest]
) -> None:
    guest = guests.pop()
    assert client.post("/events/robo-race/register", headers=guest.cookie).status_code == 303
    arm(client, "module.checkout", "raise")
    until(lambda: is_unavailable(client, "checkout", "/checkout", guest.cookie), "checkout is unavailable")
    assert "injected by a drill" in module_states(client)["checkout"]["why"]
    until(
        lambda: "time is paused" in client.get("/checkout", headers=guest.cookie).text,
        "holds are paused",
    )
    page = client.get("/checkout", headers=guest.cookie).text
    assert re.search(r"Your seat is kept: its time is paused .* 1[45] minutes", page)
    assert client.delete("/drills/faults", headers=BEARER).status_code == 204
    until(lambda: client.get("/checkout", headers=guest.cookie).status_code == 200, "checkout is back")


def test_a_request_that_hangs_is_ended_and_other_requests_do_not_wait(
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


def test_a_module_that_blocks_the_event_loop_becomes_unavailable(
    client: httpx.Client, guests: list[Guest]
) -> None:
    guest = guests.pop()
    arm(client, "module.backoffice", "burn", seconds=0.3)
    until(
        lambda: client.get("/organise", headers=guest.cookie).status_code == 503,
        "the back office is unavailable",
    )
    assert "blocked the event loop" in module_states(client)["backoffice"]["why"]


def test_a_payment_succeeds_while_tickets_fail_and_the_ticket_is_issued_later(
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
        "the ticket is issued",
    )
    check_data(server.data, SETTINGS)


def test_a_fault_expires(client: httpx.Client) -> None:
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
def test_an_invalid_fault_is_refused(client: httpx.Client, body: str) -> None:
    answer = client.post("/drills/faults", headers=BEARER, content=body)
    assert answer.status_code == 422, answer.text
    assert client.get("/drills/faults", headers=BEARER).json()["faults"] == []


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, BEARER | {"x-forwarded-for": "192.0.2.7"}]
)
def test_arming_a_fault_needs_the_token_and_a_request_from_this_machine(
    client: httpx.Client, headers: Mapping[str, str]
) -> None:
    order = {"point": "module.checkout", "effect": "raise"}
    assert client.post("/drills/faults", headers=headers, json=order).status_code == 404
    assert client.get("/drills/faults", headers=headers).status_code == 404


def test_the_reason_why_a_module_is_unavailable_is_shown_only_to_this_machine(client: httpx.Client) -> None:
    arm(client, "module.catalogue", "raise")
    until(lambda: is_unavailable(client, "catalogue", "/events"), "the catalogue is unavailable")
    elsewhere = client.get("/readyz", headers={"x-forwarded-for": "192.0.2.7"}).json()
    assert elsewhere["modules"]["catalogue"] == {"state": "resting"}


def test_a_module_that_cannot_be_imported_has_a_placeholder_and_its_facts_wait(
    tmp_path: Path, serve: Serve
) -> None:
    data = tmp_path / "fest"
    guest = prepare(data).pop()
    fault = {"point": "import.tickets", "effect": "raise", "until": time.time() + 300}
    (data / FAULTS_FILE).write_text(json.dumps([fault]), encoding="utf-8")
    server_without_tickets = serve(data=data, extra=SETTINGS)
    with guest.browser(server_without_tickets) as browser:
        states = module_states(browser)
        assert states["tickets"]["state"] == "absent"
        assert "injected by a drill" in states["tickets"]["why"]
        assert {module["state"] for name, module in states.items() if name != "tickets"} == {"well"}
        page = browser.get("/tickets/0000000000000000")
        assert (page.status_code, "<h1>Ticketing is unavailable</h1>" in page.text) == (503, True)
        assert browser.post("/events/open-stage/register").status_code == 303
        assert "Open Stage" in browser.get("/my-events").text
        assert "Your ticket is being prepared." in browser.get("/events/open-stage").text
        assert browser.get("/api/v1/tickets", headers=guest.bearer).json()["code"] == "resting"
    status = festgate("status", "--url", server_without_tickets.url, data=data, extra={"COLUMNS": "400"})
    assert status.returncode == 1
    assert "injected by a drill" in status.stdout
    server_without_tickets.stop()
    (data / FAULTS_FILE).unlink()
    full_server = serve(data=data, extra=SETTINGS)
    with guest.browser(full_server) as browser:
        until(lambda: 'href="/tickets/' in browser.get("/my-events").text, "the ticket is issued")
    assert festgate("status", "--url", full_server.url, data=data).returncode == 0


def test_the_page_of_an_event_is_shown_to_everyone_without_registrations(
    tmp_path: Path, serve: Serve
) -> None:
    data = tmp_path / "fest"
    guest = prepare(data).pop()
    fault = {"point": "import.registrations", "effect": "raise", "until": time.time() + 300}
    (data / FAULTS_FILE).write_text(json.dumps([fault]), encoding="utf-8")
    server = serve(data=data, extra=SETTINGS)
    with guest.browser(server) as browser:
        page = browser.get("/events/open-stage")
        assert (page.status_code, "<h1>Open Stage</h1>" in page.text) == (200, True)
        assert browser.get("/events/open-stage", headers={"cookie": ""}).status_code == 200
        assert browser.post("/events/open-stage/register").status_code == 503


def test_without_bulkheads_an_exception_is_a_server_error(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "fest"
    guest = prepare(data).pop()
    server = serve(data=data, extra=SETTINGS | {"FESTGATE_BULKHEADS": "off"})
    with guest.browser(server) as browser:
        arm(browser, "module.checkout", "raise")
        assert browser.get("/checkout").status_code == 500


def test_a_failed_migration_makes_only_its_module_unavailable(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "fest"
    guest = prepare(data).pop()
    # The newest migration, of the checkout, then fails because the tables have its changes already.
    change_file(data, "UPDATE alembic_version SET version_num = '0047'")
    server = serve(data=data, extra=SETTINGS)
    with guest.browser(server) as browser:
        absent = {name for name, module in module_states(browser).items() if module["state"] == "absent"}
        assert absent == {"checkout"}
        assert "0048" in module_states(browser)["checkout"]["why"]
        assert browser.get("/checkout").status_code == 503
        assert browser.get("/events/open-stage").status_code == 200
        assert browser.get("/my-events").status_code == 200


def test_on_a_full_disk_pages_are_served_and_writes_are_refused_until_there_is_space(
    client: httpx.Client, server: Server, guests: list[Guest]
) -> None:
    guest = guests.pop()
    arm(client, "database.write", "full")
    names = (f"newcomer-{number}" for number in count())

    def refused_sign_up() -> str | None:
        """Return the page of a refused sign-up; None while the file still has room in existing pages."""
        answer = client.post("/register", data=account_fields(next(names)))
        return answer.text if answer.status_code == 503 else None

    assert "Nothing was changed" in until(refused_sign_up, "sign-ups are refused")
    assert {module["state"] for module in module_states(client).values()} == {"well"}
    assert client.get("/my-events", headers=guest.cookie).status_code == 200
    assert client.delete("/drills/faults", headers=BEARER).status_code == 204
    until(lambda: refused_sign_up() is None, "sign-ups are accepted again")
    assert client.post("/events/robo-race/register", headers=guest.cookie).status_code == 303
    check_data(server.data, SETTINGS)


def test_while_the_database_is_unavailable_every_page_explains_it_and_no_circuit_opens(
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
    assert {module["state"] for module in module_states(client).values()} == {"well"}
