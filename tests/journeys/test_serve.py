"""Starting, stopping and watching the program: what it says when it cannot start, and what it keeps to itself."""

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
from tests.journeys.stage import Guest, announce, ask_file, before_opening, change_file, holds, invite
from tests.rig.database import migrated_file
from tests.rig.forms import check_out
from tests.rig.server import Serve, Server, serving
from tests.rig.server import festgate as command
from tests.rig.waiting import until
from tests.rig.wire import Line

PASSWORD = "a password that stands in no log"
SANDBOX = {"FESTGATE_PAYMENT_METHODS": "sandbox"}


def refuses(*arguments: str, data: Path, extra: dict[str, str] | None = None) -> str:
    """What the program says on standard error, in one line, when it ends with exit code 2."""
    done = command(*arguments, data=data, extra=extra)
    assert (done.returncode, done.stdout) == (2, ""), done.stdout + done.stderr
    said = done.stderr.strip()
    assert said, "it ends without a word"
    assert "\n" not in said
    assert "Traceback" not in said
    assert said.endswith(".")
    return said


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_a_port_in_use_is_one_sentence_and_no_database(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refuses("serve", "--demo", "--port", str(port), data=tmp_path / "fest")
    assert f"Port {port} on 127.0.0.1 is in use" in said
    assert "--port" in said
    assert not (tmp_path / "fest" / "festgate.sqlite3").exists()


@pytest.mark.parametrize("words", [("serve", "--demo"), ("check",), ("db", "upgrade")])
def test_a_data_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    # Root may write into any folder, but nobody can make one below a file.
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    folder = tmp_path / "file" / "fest"
    said = refuses(*words, *(["--port", "0"] if words[0] == "serve" else []), data=folder)
    assert str(folder) in said
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_database_newer_than_the_program_is_one_sentence_and_stays_as_it_is(tmp_path: Path) -> None:
    migrated_file(tmp_path)
    change_file(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    assert "9999" in refuses("serve", "--port", "0", data=tmp_path)
    assert ask_file(tmp_path, "SELECT version_num FROM alembic_version") == [("9999",)]
    assert not (tmp_path / "backups").exists()


def test_a_secret_that_is_none_is_one_sentence_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("no secret", encoding="ascii")
    assert str(tmp_path / "secret") in refuses("serve", "--port", "0", data=tmp_path)
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
def test_a_setting_that_is_wrong_is_named_in_one_sentence(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    assert sentence in refuses("serve", data=tmp_path / "fest", extra={"FESTGATE_PORT": "0", name: value})
    assert not (tmp_path / "fest" / "festgate.sqlite3").exists()


def test_a_migration_that_fails_has_its_backup_and_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    migrated_file(tmp_path)
    change_file(tmp_path, "UPDATE alembic_version SET version_num = '0000'")
    done = command("db", "upgrade", data=tmp_path)
    assert done.returncode == 2
    told, said = done.stderr.strip().splitlines()
    assert said.endswith("It was not changed.")
    (copy,) = (tmp_path / "backups").iterdir()
    assert json.loads(told)["file"] == str(copy)
    assert copy.name.endswith(f"-before-{schema.HEAD}.sqlite3")
    for file in (copy, tmp_path / "festgate.sqlite3"):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0000",)]


@pytest.fixture(scope="module")
def guests() -> list[Guest]:
    """People with sessions, taken by the tests one by one."""
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
        holds(data)


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as opened:
        yield opened


def test_it_listens_on_both_loopback_addresses_so_that_localhost_never_waits(server: Server) -> None:
    port = server.url.rpartition(":")[2]
    hosts = ["127.0.0.1", "localhost", *(["[::1]"] if has_ipv6() else [])]
    assert {
        httpx.get(f"http://{host}:{port}/healthz", trust_env=False, verify=False).text for host in hosts
    } == {"ok\n"}
    assert f"is open at http://localhost:{port}" in server.log()


def test_it_says_that_it_lives_and_whether_it_can_read_and_write(
    client: httpx.Client, server: Server
) -> None:
    assert (client.get("/healthz").status_code, client.get("/readyz").json()["ready"]) == (200, True)
    change_file(server.data, "ALTER TABLE kit_facts RENAME TO out_of_reach")
    try:
        until(lambda: client.get("/readyz").status_code == 503, "it is not ready")
        assert client.get("/readyz").json()["ready"] is False
        assert client.get("/healthz").status_code == 200
    finally:
        change_file(server.data, "ALTER TABLE out_of_reach RENAME TO kit_facts")
    until(lambda: client.get("/readyz").status_code == 200, "it is ready again")


def test_a_bug_is_in_the_log_under_the_reference_that_the_page_shows(
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
        # The line about the request as a whole is the last that is written of it, when the answer is sent already.
        bug, _ = until(partial(told_of, server, reference), f"request {reference} is in the log")
        assert "no such table: registrations_seats" in bug["exception"]
    assert "registrations_seats" not in page.text + call.text
    assert client.get("/my-events", headers=guest.cookie).status_code == 200


def told_of(server: Server, reference: str) -> list[dict[str, str]] | None:
    """What the log says of a request, once it says all: the bug, and the request."""
    lines = [json.loads(line) for line in server.log().splitlines() if reference in line]
    return lines if [line["event"] for line in lines] == ["unhandled exception", "request"] else None


def test_every_line_of_the_log_is_json_and_none_holds_a_secret(
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
    hidden = [
        PASSWORD,
        session,
        token,
        guest.session,
        guest.token,
        secret,
        APPROVES,
        "the token of the metrics",
    ]
    assert [each for each in hidden if each in server.log()] == []


def test_metrics_are_for_this_machine_or_for_whoever_has_the_token(client: httpx.Client) -> None:
    away = {"x-forwarded-for": "203.0.113.9"}
    assert "festgate_http_requests_total" in client.get("/metrics").text
    assert client.get("/metrics", headers=away).status_code == 403
    assert client.get("/metrics", headers=away | {"authorization": "Bearer guessed"}).status_code == 403
    known = away | {"authorization": "Bearer the token of the metrics"}
    assert client.get("/metrics", headers=known).status_code == 200


def test_metrics_count_by_route_and_never_by_address(client: httpx.Client) -> None:
    for number in range(3):
        client.get(f"/events/unheard-of-{number}")
        client.get(f"/nowhere-{number}")
    text = client.get("/metrics").text
    assert 'festgate_http_requests_total{method="GET",route="/events/{slug}",status="404"} 3.0' in text
    assert "unheard-of" not in text
    assert "nowhere" not in text


def test_a_backup_made_while_it_serves_is_whole(
    client: httpx.Client, server: Server, guests: list[Guest], tmp_path: Path
) -> None:
    crowd = [guests.pop() for _ in range(100)]

    def buy(guest: Guest) -> None:
        assert client.post("/events/robo-race/register", headers=guest.cookie).status_code == 303
        assert check_out(client, guest.cookie, payment_method="sandbox").status_code == 303

    with ThreadPoolExecutor(4) as threads:
        buying = [threads.submit(buy, guest) for guest in crowd]
        done = command("db", "backup", data=server.data)
        for each in buying:
            each.result()
    assert (done.returncode, done.stderr) == (0, "")
    copy = Path(done.stdout.strip())
    assert copy.parent == server.data / "backups"
    restored = tmp_path / "restored"
    restored.mkdir()
    shutil.copy(copy, restored / "festgate.sqlite3")
    holds(restored)
    assert command("db", "check", data=restored).returncode == 0
    taken = ask_file(restored, "SELECT count(*) FROM registrations_seats")
    assert taken <= ask_file(server.data, "SELECT count(*) FROM registrations_seats")


def test_two_workers_serve_and_their_counts_are_added_up(serve: Serve) -> None:
    server = serve("--workers", "2")

    async def ask_together(times: int) -> None:
        lines = await asyncio.gather(*(Line.open(server.url) for _ in range(times)))
        answers = await asyncio.gather(*(line.get("/healthz") for line in lines))
        assert {answer.body for answer in answers} == {b"ok\n"}
        for line in lines:
            line.close()

    asyncio.run(ask_together(100))
    counted = 'festgate_http_requests_total{method="GET",route="/healthz",status="200"} 100.0'
    for _ in range(10):  # whichever worker is asked
        assert counted in httpx.get(f"{server.url}/metrics", trust_env=False, verify=False).text
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_answers_what_it_took_and_ends_with_0(
    serve: Serve, tmp_path: Path, number: signal.Signals
) -> None:
    with before_opening(tmp_path / "fest") as database:
        database.write(announce, "Robo Race", capacity=100)
        guests = database.write(invite, 60)
    server = serve(data=tmp_path / "fest")

    async def hurry() -> list[int]:
        *lines, last = await asyncio.gather(*(Line.open(server.url) for _ in range(len(guests) + 1)))
        with ExitStack() as endings:
            for line in (*lines, last):
                endings.callback(line.close)
            # Whoever signs in waits for a hash, one after the other: there is a queue when the signal comes.
            fields = {"username": "nobody", "password": "wrong"}
            asked = [asyncio.create_task(line.post("/login", fields)) for line in lines[:30]]
            asked += [
                asyncio.create_task(line.post("/events/robo-race/register", headers=guest.cookie))
                for line, guest in zip(lines[30:], guests[30:], strict=True)
            ]
            # Each is sent in its task's first step. What is sent after them has been answered only when they have
            # been read, and what the server has read it must answer.
            await asyncio.sleep(0)
            assert (await last.get("/healthz")).status == 200
            os.kill(server.pid, number)
            answers = await asyncio.gather(*asked)
        return [answer.status for answer in answers]

    statuses = asyncio.run(hurry())
    assert set(statuses[:30]) <= {401, 429}
    assert statuses[30:] == [303] * 30
    until(lambda: not server.running(), "it has ended")
    assert server.stop() == 0
    assert ask_file(server.data, "SELECT count(*) FROM registrations_seats") == [(30,)]
    holds(server.data)


def test_a_second_start_keeps_the_secret_and_everybody_signed_in(serve: Serve) -> None:
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
        server.start()
        assert browser.get("/my-events").status_code == 200
    assert secret.read_bytes() == kept
    assert len(re.findall("Sign in as organiser", first)) == 1
    assert "Sign in as organiser" not in server.log()[len(first) :]
    assert ask_file(server.data, "SELECT count(*) FROM catalogue_events") == [(10,)]


def test_behind_tls_cookies_are_secure_and_browsers_are_told_to_stay_there(serve: Serve) -> None:
    server = serve(extra={"FESTGATE_BASE_URL": "https://fest.example/"})
    account = {"username": "asha", "email": "asha@example.org", "password": PASSWORD}
    answer = httpx.post(f"{server.url}/register", data=account, trust_env=False, verify=False)
    flags = {flag.strip().lower() for flag in answer.headers["set-cookie"].split(";")}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= flags
    assert "max-age=31536000" in answer.headers["strict-transport-security"]
    assert "is open at https://fest.example" in server.log()
