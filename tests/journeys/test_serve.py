"""Starting, stopping and monitoring the program: errors at the start, secrets kept out of logs, backups, signals."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.kit.db import schema
from festgate.portal.checkout.sandbox import APPROVES
from tests.journeys.stage import Guest, announce, before_opening, change_file, check_data, invite, query_file
from tests.rig.database import migrated_file
from tests.rig.forms import check_out
from tests.rig.server import Serve, Server, serving
from tests.rig.server import festgate as command
from tests.rig.waiting import until
from tests.rig.wire import ClientConnection

PASSWORD = "a password that stands in no log"
SANDBOX = {"FESTGATE_PAYMENT_METHODS": "sandbox"}


def error_of(*arguments: str, data: Path, extra: dict[str, str] | None = None) -> str:
    """Return the program's error message; assert that it is one line and the exit code is 2."""
    done = command(*arguments, data=data, extra=extra)
    assert (done.returncode, done.stdout) == (2, ""), done.stdout + done.stderr
    message = done.stderr.strip()
    assert message, "there is no error message"
    assert "\n" not in message
    assert "Traceback" not in message
    assert message.endswith(".")
    return message


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_a_port_in_use_is_a_one_line_error_and_creates_no_database(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = error_of("serve", "--demo", "--port", str(port), data=tmp_path / "fest")
    assert f"Port {port} on 127.0.0.1 is in use" in message
    assert "--port" in message
    assert not (tmp_path / "fest" / "festgate.sqlite3").exists()


@pytest.mark.parametrize("words", [("serve", "--demo"), ("check",), ("db", "upgrade")])
def test_a_data_folder_that_cannot_be_written_is_a_one_line_error(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    # Root may write to any folder, but nobody can create a folder below a file.
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    folder = tmp_path / "file" / "fest"
    message = error_of(*words, *(["--port", "0"] if words[0] == "serve" else []), data=folder)
    assert str(folder) in message
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_database_newer_than_the_program_is_a_one_line_error_and_is_not_changed(tmp_path: Path) -> None:
    migrated_file(tmp_path)
    change_file(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    assert "9999" in error_of("serve", "--port", "0", data=tmp_path)
    assert query_file(tmp_path, "SELECT version_num FROM alembic_version") == [("9999",)]
    assert not (tmp_path / "backups").exists()


def test_an_invalid_secret_file_is_a_one_line_error_and_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("no secret", encoding="ascii")
    assert str(tmp_path / "secret") in error_of("serve", "--port", "0", data=tmp_path)
    assert (tmp_path / "secret").read_text(encoding="ascii") == "no secret"


@pytest.mark.parametrize(
    "name, value, sentence",
    [
        ("FESTGATE_PROT", "8000", "FESTGATE_PROT is not a setting"),
        ("FESTGATE_PORT", "eight", "FESTGATE_PORT"),
        ("FESTGATE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/fest", "PostgreSQL cannot be reached"),
        ("FESTGATE_HOST", "192.0.2.7", "This machine has none of the addresses 192.0.2.7"),
    ],
)
def test_an_invalid_setting_is_named_in_a_one_line_error(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    assert sentence in error_of("serve", data=tmp_path / "fest", extra={"FESTGATE_PORT": "0", name: value})
    assert not (tmp_path / "fest" / "festgate.sqlite3").exists()


def test_a_failed_migration_leaves_a_backup_and_does_not_change_the_file(tmp_path: Path) -> None:
    migrated_file(tmp_path)
    change_file(tmp_path, "UPDATE alembic_version SET version_num = '0000'")
    done = command("db", "upgrade", data=tmp_path)
    assert done.returncode == 2
    logged, message = done.stderr.strip().splitlines()
    assert message.endswith("It was not changed.")
    (copy,) = (tmp_path / "backups").iterdir()
    assert json.loads(logged)["file"] == str(copy)
    assert copy.name.endswith(f"-before-{schema.HEAD}.sqlite3")
    for file in (copy, tmp_path / "festgate.sqlite3"):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0000",)]


@pytest.fixture(scope="module")
def guests() -> list[Guest]:
    """People with sessions, created by `server`. Each test removes those that it uses."""
    return []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, guests: list[Guest]) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("serve") / "fest"
    with before_opening(data) as database:
        database.write(announce, "Robo Race", capacity=10_000)
        guests += database.write(invite, 300)
    extra = SANDBOX | {"FESTGATE_LOG_LEVEL": "debug", "FESTGATE_METRICS_TOKEN": "the token of the metrics"}
    with serving(data, extra=extra) as running:
        yield running
        check_data(data)


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as opened:
        yield opened


def test_the_server_listens_on_both_loopback_addresses(server: Server) -> None:
    port = server.url.rpartition(":")[2]
    hosts = ["127.0.0.1", "localhost", *(["[::1]"] if has_ipv6() else [])]
    assert {
        httpx.get(f"http://{host}:{port}/healthz", trust_env=False, verify=False).text for host in hosts
    } == {"ok\n"}
    assert f"is open at http://localhost:{port}" in server.log()


def test_healthz_succeeds_while_readyz_fails_without_a_table(client: httpx.Client, server: Server) -> None:
    assert (client.get("/healthz").status_code, client.get("/readyz").json()["ready"]) == (200, True)
    change_file(server.data, "ALTER TABLE kit_facts RENAME TO out_of_reach")
    try:
        until(lambda: client.get("/readyz").status_code == 503, "the server is not ready")
        assert client.get("/readyz").json()["ready"] is False
        assert client.get("/healthz").status_code == 200
    finally:
        change_file(server.data, "ALTER TABLE out_of_reach RENAME TO kit_facts")
    until(lambda: client.get("/readyz").status_code == 200, "the server is ready again")


def test_an_unhandled_exception_is_logged_with_the_request_id_on_the_page(
    client: httpx.Client, server: Server, guests: list[Guest]
) -> None:
    guest = guests.pop()
    change_file(server.data, "ALTER TABLE registrations_seats RENAME TO out_of_reach")
    try:
        page = client.get("/my-events", headers=guest.cookie)
        call = client.get("/api/v1/registrations", headers=guest.bearer)
    finally:
        change_file(server.data, "ALTER TABLE out_of_reach RENAME TO registrations_seats")
    assert (page.status_code, call.status_code) == (503, 503)
    (shown,) = re.findall(r"Request ([0-9a-f]{16})", page.text)
    assert shown == page.headers["x-request-id"]
    assert call.json()["request_id"] == call.headers["x-request-id"]
    for reference in (shown, call.headers["x-request-id"]):
        # The last line about a request is logged after its response is sent.
        exception, _ = until(partial(log_lines_of, server, reference), f"request {reference} is in the log")
        assert "no such table: registrations_seats" in exception["exception"]
    assert "registrations_seats" not in page.text + call.text
    assert client.get("/my-events", headers=guest.cookie).status_code == 200


def log_lines_of(server: Server, reference: str) -> list[dict[str, str]] | None:
    """Return the log lines of a request, once both exist: the exception, and the request."""
    lines = [json.loads(line) for line in server.log().splitlines() if reference in line]
    return lines if [line["event"] for line in lines] == ["unhandled exception", "request"] else None


def test_every_line_of_the_log_is_json_and_none_contains_a_secret(
    client: httpx.Client, server: Server, guests: list[Guest]
) -> None:
    guest = guests.pop()
    name = {"username": "asha", "email": "asha@example.org", "password": PASSWORD}
    session = client.post("/register", data=name).cookies["festgate_session"]
    client.post("/login", data={"username": "asha", "password": PASSWORD + " mistyped"})
    token = client.post("/api/v1/tokens", json={"username": "asha", "password": PASSWORD}).json()["token"]
    client.get(f"/no-such-page?line=%0A{PASSWORD}", headers=guest.bearer)
    client.post("/events/robo-race/register")
    change_file(server.data, "ALTER TABLE checkout_orders RENAME TO out_of_reach")
    try:
        card = {"payment_method": "sandbox", "card_number": APPROVES}
        assert client.post("/checkout", data=card).status_code == 503
        assert client.post(
            "/api/v1/orders", json=card, headers=guest.bearer | {"idempotency-key": "x"}
        ).is_error
    finally:
        change_file(server.data, "ALTER TABLE out_of_reach RENAME TO checkout_orders")
    greeting, *lines = [line for line in server.log().splitlines() if line]
    assert "is open at" in greeting
    assert lines.pop(0) == "Press Ctrl-C to stop."
    assert all(json.loads(line)["event"] for line in lines)
    secret = (server.data / "secret").read_text(encoding="ascii").strip()
    secrets = [
        PASSWORD,
        session,
        token,
        guest.session,
        guest.token,
        secret,
        APPROVES,
        "the token of the metrics",
    ]
    assert [value for value in secrets if value in server.log()] == []


def test_metrics_need_the_token_or_a_request_from_this_machine(client: httpx.Client) -> None:
    remote = {"x-forwarded-for": "203.0.113.9"}
    assert "festgate_http_requests_total" in client.get("/metrics").text
    assert client.get("/metrics", headers=remote).status_code == 403
    assert client.get("/metrics", headers=remote | {"authorization": "Bearer guessed"}).status_code == 403
    with_token = remote | {"authorization": "Bearer the token of the metrics"}
    assert client.get("/metrics", headers=with_token).status_code == 200


def test_metrics_are_counted_by_route_and_not_by_address(client: httpx.Client) -> None:
    for number in range(3):
        client.get(f"/events/unheard-of-{number}")
        client.get(f"/nowhere-{number}")
    text = client.get("/metrics").text
    assert 'festgate_http_requests_total{method="GET",route="/events/{slug}",status="404"} 3.0' in text
    assert "unheard-of" not in text
    assert "nowhere" not in text


def test_a_backup_made_while_the_server_runs_is_consistent(
    client: httpx.Client, server: Server, guests: list[Guest], tmp_path: Path
) -> None:
    buyers = [guests.pop() for _ in range(100)]

    def buy(guest: Guest) -> None:
        assert client.post("/events/robo-race/register", headers=guest.cookie).status_code == 303
        assert check_out(client, guest.cookie, payment_method="sandbox").status_code == 303

    with ThreadPoolExecutor(4) as threads:
        buying = [threads.submit(buy, guest) for guest in buyers]
        done = command("db", "backup", data=server.data)
        for purchase in buying:
            purchase.result()
    assert (done.returncode, done.stderr) == (0, "")
    copy = Path(done.stdout.strip())
    assert copy.parent == server.data / "backups"
    restored = tmp_path / "restored"
    restored.mkdir()
    shutil.copy(copy, restored / "festgate.sqlite3")
    check_data(restored)
    assert command("db", "check", data=restored).returncode == 0
    taken = query_file(restored, "SELECT count(*) FROM registrations_seats")
    assert taken <= query_file(server.data, "SELECT count(*) FROM registrations_seats")


def test_metrics_are_the_sum_over_two_workers(serve: Serve) -> None:
    server = serve("--workers", "2")

    async def send_together(times: int) -> None:
        connections = await asyncio.gather(*(ClientConnection.open(server.url) for _ in range(times)))
        answers = await asyncio.gather(*(connection.get("/healthz") for connection in connections))
        assert {answer.body for answer in answers} == {b"ok\n"}
        for connection in connections:
            connection.close()

    asyncio.run(send_together(100))
    counted = 'festgate_http_requests_total{method="GET",route="/healthz",status="200"} 100.0'
    for _ in range(10):  # any of the workers may respond
        assert counted in httpx.get(f"{server.url}/metrics", trust_env=False, verify=False).text
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_after_a_signal_the_server_completes_accepted_requests_and_exits_with_0(
    serve: Serve, tmp_path: Path, number: signal.Signals
) -> None:
    with before_opening(tmp_path / "fest") as database:
        database.write(announce, "Robo Race", capacity=100)
        guests = database.write(invite, 60)
    server = serve(data=tmp_path / "fest")

    async def send_and_signal() -> list[int]:
        *connections, last = await asyncio.gather(
            *(ClientConnection.open(server.url) for _ in range(len(guests) + 1))
        )
        with ExitStack() as endings:
            for connection in (*connections, last):
                endings.callback(connection.close)
            # Sign-ins are hashed one after the other, so requests are waiting when the signal arrives.
            fields = {"username": "nobody", "password": "wrong"}
            pending = [
                asyncio.create_task(connection.post("/login", fields)) for connection in connections[:30]
            ]
            pending += [
                asyncio.create_task(connection.post("/events/robo-race/register", headers=guest.cookie))
                for connection, guest in zip(connections[30:], guests[30:], strict=True)
            ]
            # Each request is sent in the first step of its task. Once a later request has a response, the server has
            # read all earlier ones, and has to respond to them.
            await asyncio.sleep(0)
            assert (await last.get("/healthz")).status == 200
            os.kill(server.pid, number)
            answers = await asyncio.gather(*pending)
        return [answer.status for answer in answers]

    statuses = asyncio.run(send_and_signal())
    assert set(statuses[:30]) <= {401, 429}
    assert statuses[30:] == [303] * 30
    until(lambda: not server.running(), "the server has ended")
    assert server.stop() == 0
    assert query_file(server.data, "SELECT count(*) FROM registrations_seats") == [(30,)]
    check_data(server.data)


def test_a_restart_keeps_the_secret_and_the_sessions(serve: Serve) -> None:
    server = serve("--demo")
    secret = server.data / "secret"
    kept = secret.read_bytes()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as browser:
        account = {"username": "asha", "email": "asha@example.org", "password": PASSWORD}
        assert browser.post("/register", data=account).status_code == 303
        assert browser.get("/my-events").status_code == 200
        first = server.log()
        assert server.stop() == 0
        events = query_file(server.data, "SELECT id FROM catalogue_events ORDER BY id")
        assert events
        server.start()
        assert browser.get("/my-events").status_code == 200
    assert secret.read_bytes() == kept
    assert len(re.findall("Sign in as organiser", first)) == 1
    assert "Sign in as organiser" not in server.log()[len(first) :]
    assert query_file(server.data, "SELECT id FROM catalogue_events ORDER BY id") == events


def test_behind_tls_cookies_are_secure_and_hsts_is_sent(serve: Serve) -> None:
    server = serve(extra={"FESTGATE_BASE_URL": "https://fest.example/"})
    account = {"username": "asha", "email": "asha@example.org", "password": PASSWORD}
    answer = httpx.post(f"{server.url}/register", data=account, trust_env=False, verify=False)
    flags = {flag.strip().lower() for flag in answer.headers["set-cookie"].split(";")}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= flags
    assert "max-age=31536000" in answer.headers["strict-transport-security"]
    assert "is open at https://fest.example" in server.log()
