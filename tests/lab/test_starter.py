"""The starter: the fest monolith as it is handed out, run as students run it."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from festgate.lab.cli.commands import lab_app
from festgate.lab.description.starter import BUILT_IN
from festgate.lab.student.folder import NoLab, starter_files, write_starter
from tests.lab.practice import Student, serving, status_of
from tests.rig.waiting import until
from tests.rules.test_lock import ENTRY, LOCKS

# After a crash uvicorn closes the connection without announcing it.
ONCE = httpx.Limits(max_keepalive_connections=0)
FEES = {
    "Hackathon": 500,
    "Dance Battle": 300,
    "AI Workshop": 400,
    "Photography Walk": 200,
    "Gaming Tournament": 350,
    "Music Night": 250,
    "Treasure Hunt": 150,
    "Stand-up Comedy": 300,
    "Robo Race": 450,
}


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Student:
    student = Student(tmp_path_factory.mktemp("student"))
    write_starter(BUILT_IN, student.lab)
    return student


@pytest.fixture(scope="module")
def fest(student: Student) -> Iterator[httpx.Client]:
    with (
        serving(student) as address,
        httpx.Client(base_url=address, timeout=30, trust_env=False, verify=False, limits=ONCE) as client,
    ):
        yield client


def test_a_user_registers_logs_in_and_reaches_the_events_by_name(fest: httpx.Client) -> None:
    asha = {"username": "asha & co", "password": "sesame"}
    assert fest.post("/login", data=asha).status_code == 401
    registered = fest.post("/register", data=asha)
    assert (registered.status_code, registered.headers["location"]) == (302, "/login")
    assert fest.post("/register", data=asha).status_code == 409
    entered = fest.post("/login", data=asha)
    assert (entered.status_code, entered.headers["location"]) == (302, "/events?user=asha%20%26%20co")
    assert "asha &amp; co" in fest.get(entered.headers["location"]).text
    assert "<form" in fest.get("/login").text
    assert "<form" in fest.get("/register").text


def test_the_nine_events_are_shown_with_their_fees_to_any_user_name(fest: httpx.Client) -> None:
    page = fest.get("/events", params={"user": "anybody"})
    for number, (name, fee) in enumerate(FEES.items(), start=1):
        assert f'<h2>{name}</h2>\n<p class="soft">Fee: ₹{fee}</p>' in page.text
        assert f'href="/register_event/{number}?user=anybody"' in page.text
    assert 19_000 < len(page.content) < 23_000
    assert fest.get("/events").status_code == 422


def test_a_link_can_register_a_user_twice(fest: httpx.Client) -> None:
    assert "not registered" in fest.get("/my-events?user=ravi").text
    for _ in range(2):
        answer = fest.get("/register_event/7?user=ravi")
        assert (answer.status_code, answer.headers["location"]) == (302, "/my-events?user=ravi")
    assert fest.get("/my-events?user=ravi").text.count("<td>Treasure Hunt</td>") == 2


def test_passwords_and_registrations_are_stored_as_they_came(student: Student, fest: httpx.Client) -> None:
    fest.post("/register", data={"username": "meera", "password": "open"})
    fest.get("/register_event/2?user=meera")
    with closing(sqlite3.connect(student.lab / "fest.db")) as connection:
        rows = [
            connection.execute(f"SELECT * FROM {table} WHERE username = 'meera'").fetchall()  # noqa: S608
            for table in ("users", "registrations")
        ]
    assert rows == [[("meera", "open")], [("meera", 2)]]


def test_only_event_404_crashes_and_the_addresses_are_listed(fest: httpx.Client) -> None:
    crashed = fest.get("/register_event/404?user=ravi")
    assert crashed.status_code == 500
    assert "Monolith Failure" in crashed.text
    assert fest.get("/my-events?user=ravi").status_code == 200
    assert "swagger" in fest.get("/docs").text
    paths = fest.get("/openapi.json").json()["paths"]
    assert sorted(paths) == [
        "/checkout",
        "/events",
        "/login",
        "/my-events",
        "/register",
        "/register_event/{event_id}",
    ]


def test_checkout_crashes_until_it_is_fixed_and_then_adds_up_all_fees(
    student: Student, fest: httpx.Client
) -> None:
    crashed = fest.get("/checkout")
    assert crashed.status_code == 500
    assert "<code>ZeroDivisionError</code>" in crashed.text
    student.fixes_checkout()
    address = str(fest.base_url.join("/checkout"))
    until(lambda: status_of(address) == 200, "checkout after a reload", 60)
    assert f"₹{sum(FEES.values())}" in fest.get("/checkout").text


def test_a_folder_with_content_is_left_as_it_is(tmp_path: Path) -> None:
    kept = tmp_path / "notes.txt"
    kept.write_text("mine\n", encoding="utf-8")
    for folder, why in ((tmp_path, "is not empty"), (kept, "cannot be written"), (kept / "lab", "cannot be")):
        with pytest.raises(NoLab, match=why):
            write_starter(BUILT_IN, folder)
    assert list(tmp_path.iterdir()) == [kept]


def test_an_empty_folder_gets_every_file_of_the_starter_and_no_other(tmp_path: Path) -> None:
    write_starter(BUILT_IN, tmp_path)
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == set(starter_files(BUILT_IN))
    assert {"main.py", "report.md", "requirements.txt"} <= {str(path) for path in written}
    assert all((tmp_path / path).read_bytes() == (BUILT_IN.folder / path).read_bytes() for path in written)


def test_the_starter_is_pinned_to_locked_versions() -> None:
    text = (BUILT_IN.folder / "requirements.txt").read_text(encoding="utf-8")
    pinned = {match[0] for match in ENTRY.finditer(text)}
    assert ENTRY.sub("", text).strip() == ""
    assert pinned <= {match[0] for match in ENTRY.finditer(LOCKS["all"])}
    names = {entry.partition("==")[0] for entry in pinned}
    assert {"fastapi", "jinja2", "starlette", "uvicorn"} <= names


def test_the_readme_shows_commands_that_exist_and_both_shells_where_they_differ() -> None:
    text = (BUILT_IN.folder / "README.md").read_text(encoding="utf-8")
    commands = {
        command.name or command.callback.__name__
        for command in lab_app.registered_commands
        if command.callback
    }
    assert set(re.findall(r"festgate lab ([a-z]+)", text)) <= commands
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    posix = [block for block in blocks if ".venv/bin" in block]
    powershell = [block for block in blocks if ".venv\\Scripts" in block]
    assert posix
    assert [
        block.replace("python3 ", "py ").replace(".venv/bin/python", ".venv\\Scripts\\python.exe")
        for block in posix
    ] == powershell
    assert not re.findall(r"\./|\bexport |\bsource |~/|\bsudo ", text)


def test_the_readme_names_the_files_of_the_starter() -> None:
    text = (BUILT_IN.folder / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./]+)`", text))
    tops = {path.parts[0] + ("/" if len(path.parts) > 1 else "") for path in starter_files(BUILT_IN)}
    assert tops - {"README.md"} <= named
