"""The first run: an empty fest waits for its owner, on both kinds of database and at every host."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Statement
from festgate.portal.accounts.queries import find_person
from festgate.portal.fest import first_run
from festgate.portal.fest.tables import states
from tests.portal.fest.factories import FACTS, OWNER, PNG, fest_of, invite
from tests.rig.database import OpenDatabase
from tests.rig.server import Serve, festgate

FORM = OWNER | FACTS


def send(client: httpx.Client, link: str, **changes: str) -> httpx.Response:
    """Send the form of the first run."""
    return client.post(link, data=FORM | changes, files={"logo": ("logo.png", PNG, "image/png")})


def test_nothing_else_answers_until_the_fest_has_been_set_up(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path, waits=True) as fest, fest.client() as client:
        answer = client.get("/")
        assert answer.status_code == 503
        assert "This fest has not been set up yet" in answer.text
        assert "/events" not in answer.text
        assert client.post("/register", data={"username": "ravi"}).status_code == 503
        problem = client.get("/api/v1/events")
        assert problem.json()["code"] == "not-set-up"
        assert problem.headers["content-type"] == "application/problem+json"
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        style = answer.text.partition('stylesheet" href="')[2].partition('"')[0]
        assert client.get(style).status_code == 200
        assert client.get("/setup").status_code == 410


def test_the_link_makes_the_owner_opens_the_fest_and_leads_to_the_next_steps(
    database: OpenDatabase, tmp_path: Path
) -> None:
    with fest_of(database, tmp_path, waits=True, hosts=2) as fest, fest.client() as client:
        link = fest.link()
        page = client.get(link)
        assert page.status_code == 200
        assert page.headers["referrer-policy"] == "no-referrer"
        answer = send(client, link)
        assert (answer.status_code, answer.headers["location"]) == (303, "/organise/settings/next")
        steps = client.get("/organise/settings/next")
        assert "Monsoon Fest is open." in steps.text
        assert "Create the first event" in steps.text
        owner = database.read(find_person, "asha")
        assert owner is not None
        assert (owner.role, owner.is_confirmed, owner.name) == ("owner", True, "Asha Rao")
        settings = fest.settings().settings
        assert {name: getattr(settings, name) for name in FACTS} == FACTS
        with fest.client(host=1) as other:
            assert other.get("/").status_code == 200
            assert other.get(link).status_code == 410
        assert send(client, link, username="second", email="second@example.org").status_code == 410


def test_wrong_fields_make_nothing_and_the_link_still_works(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path, waits=True) as fest, fest.client() as client:
        link = fest.link()
        answer = send(client, link, password="password", currency="COINS", username="a")
        assert answer.status_code == 422
        assert 'value="Monsoon Fest"' in answer.text
        assert "COINS" in answer.text
        assert database.read(first_run.is_waiting)
        assert fest.settings().stored.texts == {}
        assert send(client, link).status_code == 303


def test_a_link_ends_after_an_hour_and_with_a_newer_one(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path, waits=True) as fest, fest.client() as client:
        old = fest.link()
        new = fest.link()
        assert client.get(old).status_code == 410
        assert client.get(new).status_code == 200
        database.clock.move(HOUR)
        assert client.get(new).status_code == 410
        assert send(client, new).status_code == 410
        assert database.read(first_run.is_waiting)


def test_two_people_with_the_link_make_one_owner(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path, waits=True, hosts=2) as fest:
        link = fest.link()

        def race(host: int) -> int:
            with fest.client(host=host) as client:
                name = f"owner-{host}"
                return send(client, link, username=name, email=f"{name}@example.org").status_code

        with ThreadPoolExecutor(2) as threads:
            assert sorted(threads.map(race, range(2))) == [303, 410]
        owners = [database.read(find_person, f"owner-{host}") for host in range(2)]
        assert len([person for person in owners if person is not None]) == 1


def test_an_account_of_a_command_ends_the_waiting(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path, waits=True) as fest, fest.client() as client:
        link = fest.link()
        database.write(invite, "meena", "owner")
        assert client.get("/").status_code == 200
        assert client.get(link).status_code == 410
        assert database.write(first_run.begin_first_run, fest.secret) == ""


def test_the_link_is_stored_as_a_hash(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path) as fest:
        token = fest.link().partition("token=")[2]
        query = Statement(select(states.c.link_hash, states.c.link_ends_at))
        row = database.read(lambda connection: connection.first(query))
        assert row is not None
        assert row[0]
        assert token not in str(row)


def link_of(log: str) -> str:
    return log.rpartition("token=")[2].split()[0]


def test_serve_prints_a_link_that_works_at_every_worker(serve: Serve, tmp_path: Path) -> None:
    server = serve("--workers", "2", data=tmp_path / "fest", first_run=True)
    assert "This fest has no people yet." in server.log()
    first = link_of(server.log())
    assert httpx.get(server.url, trust_env=False, verify=False).status_code == 503
    server.stop()
    server.start()
    second = link_of(server.log())
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        assert client.get(f"/setup?token={first}").status_code == 410
        assert send(client, f"/setup?token={second}").status_code == 303
        for _ in range(10):
            with httpx.Client(base_url=server.url, trust_env=False, verify=False) as other:
                assert other.get("/").status_code == 200
    shown = festgate("settings", data=tmp_path / "fest", extra={"COLUMNS": "200"}).stdout
    row = next(line for line in shown.splitlines() if "FESTGATE_FEST_NAME" in line)
    assert [cell.strip() for cell in row.split("│")[2:4]] == ["Monsoon Fest", "data"]


@pytest.mark.parametrize("role", ["owner", "attendee"])
def test_a_folder_with_any_person_never_waits(serve: Serve, tmp_path: Path, role: str) -> None:
    data = tmp_path / "fest"
    festgate("user", "add", "asha", "--email", "asha@example.org", "--role", role, data=data)
    server = serve(data=data, first_run=True)
    assert "is open at" in server.log()
    assert httpx.get(server.url, trust_env=False, verify=False).status_code == 200
