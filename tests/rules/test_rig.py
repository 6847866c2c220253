"""The infrastructure of the tests: an empty database, a real mail server, a browser that reports errors."""

import json
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from playwright.sync_api import Browser

from festgate.ports import free_port
from festgate.rehearsal.runs.plan import Plan, Users
from tests.rig import axe, command, postgres
from tests.rig.browser import visit
from tests.rig.recycled import Recycled
from tests.rig.server import environment
from tests.rig.smtp import Mailbox
from tests.rig.waiting import until

JOURNEY = """
from locust import HttpUser, task
from neighbour import PATH


class Visitor(HttpUser):
    @task
    def look(self):
        self.client.get(PATH)
"""

PAGES = {
    "/good": "<!doctype html><html lang='en'><title>Good</title><main><h1>Good</h1><a href='/'>Home</a></main>",
    "/faint": "<!doctype html><html lang='en'><title>Faint</title><main><p style='color:#ccc'>Faint</p></main>",
    "/small": "<!doctype html><html lang='en'><title>Small</title><main><h1>Small</h1>"
    "<button style='width:9px;height:9px;padding:0;border:0' aria-label='a'></button>"
    "<button style='width:9px;height:9px;padding:0;border:0' aria-label='b'></button></main>",
    "/external": "<!doctype html><html lang='en'><title>External</title><img alt='' src='http://192.0.2.1/a.png'>",
    "/error": "<!doctype html><html lang='en'><title>Error</title><script>undefined.name</script>",
}


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGES.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("number", [1, 2])
def test_every_test_gets_an_empty_postgresql_database(postgres_url: str, number: int) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE seats (turn integer)")
        connection.execute("INSERT INTO seats VALUES (%s)", (number,))
        assert connection.execute("SELECT turn FROM seats").fetchall() == [(number,)]


def test_a_database_can_be_a_copy_of_another_one(postgres_cluster: postgres.Cluster) -> None:
    first = postgres_cluster.create()
    with psycopg.connect(postgres_cluster.url(first)) as connection:
        connection.execute("CREATE TABLE seats (turn integer)")
    second = postgres_cluster.create(template=first)
    with psycopg.connect(postgres_cluster.url(second)) as connection:
        assert connection.execute("SELECT count(*) FROM seats").fetchone() == (0,)
    postgres_cluster.drop(first)
    postgres_cluster.drop(second)


def test_a_recycled_database_is_like_a_new_one(
    postgres_cluster: postgres.Cluster,
) -> None:
    template = postgres_cluster.create()
    with psycopg.connect(postgres_cluster.url(template)) as connection:
        connection.execute("CREATE TABLE halls (id serial PRIMARY KEY, name text)")
        connection.execute("INSERT INTO halls (name) VALUES ('Great Hall')")
        connection.execute("CREATE TABLE seats (id serial PRIMARY KEY, hall integer REFERENCES halls)")
    emptied = Recycled(postgres_cluster, template)
    names = []
    for change in (
        "INSERT INTO seats (hall) SELECT 1 FROM generate_series(1, 9)",
        "UPDATE halls SET name = 'Small Hall'",
        "DELETE FROM seats; DELETE FROM halls; INSERT INTO halls (name) VALUES ('Great Hall')",
        "DROP TABLE seats",
        "ALTER TABLE halls ADD COLUMN floor integer",
        "INSERT INTO halls (name) SELECT repeat(md5(n::text), 40) FROM generate_series(1, 5000) AS n",
        "SELECT 1",
    ):
        with emptied.lent() as name:
            # Its connection is still open at the end of the block.
            connection = psycopg.connect(postgres_cluster.url(name), autocommit=True)
            assert connection.execute("SELECT * FROM halls").fetchall() == [(1, "Great Hall")]
            assert connection.execute("INSERT INTO seats (hall) VALUES (1) RETURNING id").fetchone() == (1,)
            connection.execute(change)
            names.append(name)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        connection.close()
    # Rows are restored; another schema or many rows need a new database.
    assert names[0] == names[1] == names[2] == names[3]
    assert len({*names[3:]}) == len(names[3:])
    emptied.close()
    postgres_cluster.drop(names[-1])
    postgres_cluster.drop(template)


def test_a_database_with_connections_can_be_dropped(postgres_cluster: postgres.Cluster) -> None:
    name = postgres_cluster.create()
    connection = psycopg.connect(postgres_cluster.url(name))
    postgres_cluster.drop(name)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()


def send(mailbox: Mailbox, subject: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "desk@fest.example", "asha@fest.example", subject
    message.set_content("Grüße vom Fest.\n")
    with smtplib.SMTP(mailbox.host, mailbox.port) as client:
        client.send_message(message)


def test_the_mail_server_stores_emails(mailbox: Mailbox) -> None:
    send(mailbox, "Your ticket")
    (email,) = mailbox.wait_for(1)
    assert (email.sender, email.recipients) == ("desk@fest.example", ("asha@fest.example",))
    assert email.message["Subject"] == "Your ticket"
    assert email.message.get_content() == "Grüße vom Fest.\n"


def test_the_mail_server_can_refuse_emails_and_then_accept_them(mailbox: Mailbox) -> None:
    mailbox.refuse("451 4.3.0 Not now")
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        send(mailbox, "Your ticket")
    assert refusal.value.smtp_code == 451
    assert (mailbox.wait_for_attempts(1), mailbox.emails) == (1, [])
    mailbox.accept()
    send(mailbox, "Your ticket, again")
    assert [email.message["Subject"] for email in mailbox.wait_for(1)] == ["Your ticket, again"]


def test_axe_reports_violations_and_accepts_a_good_page(browser: Browser, site: str) -> None:
    with visit(browser) as visitor:
        page = visitor.context.new_page()
        rules_by_page = {}
        for name in ("good", "faint", "small"):
            page.goto(f"{site}/{name}")
            rules_by_page[name] = {line.partition(":")[0] for line in axe.violations(page)}
    assert rules_by_page == {"good": set(), "faint": {"color-contrast"}, "small": {"target-size"}}


@pytest.mark.parametrize(
    "name, kind", [("external", "request: http://192.0.2.1/a.png"), ("error", "script: ")]
)
def test_external_requests_and_script_errors_of_a_page_are_recorded(
    browser: Browser, site: str, name: str, kind: str
) -> None:
    with visit(browser) as visitor:
        page = visitor.context.new_page()
        page.goto(f"{site}/{name}")
        assert [message[: len(kind)] for message in visitor.problems][:1] == [kind]


def test_a_program_that_subprocess_starts_is_forked_and_behaves_like_a_new_process(tmp_path: Path) -> None:
    python = [sys.executable, "-m", "festgate"]
    empty = environment(tmp_path / "data")
    with command.forked():
        refused = subprocess.run(
            [*python, "check"], cwd=tmp_path, env=empty, capture_output=True, text=True, check=False
        )
        serve = [*python, "serve", "--port", str(free_port())]
        with subprocess.Popen(serve, cwd=tmp_path, env=empty, stdout=subprocess.DEVNULL) as served:
            until((tmp_path / "data" / "festgate.sqlite3").exists, "the portal has created its data")
            with pytest.raises(subprocess.TimeoutExpired):
                served.wait(0.01)
            assert served.poll() is None
            served.kill()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "There is no fest at" in refused.stderr
    assert served.returncode == -signal.SIGKILL


def test_a_forked_load_generator_reads_a_locustfile_and_ends_with_its_output(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("PATH = '/events'\n", encoding="utf-8")
    journey = tmp_path / "journey.py"
    journey.write_text(JOURNEY, encoding="utf-8")
    plan = json.dumps(Plan(str(journey), "http://127.0.0.1:1", Users(1, 1.0), 1.0).as_json())
    with command.forked():
        # It waits for the end of the output, not only for that of the process.
        inspected = subprocess.run(
            [sys.executable, "-m", "festgate.rehearsal.load", "inspection", plan],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert inspected.returncode == 0, inspected.stderr
    assert json.loads(inspected.stdout)["has_web_users"]
