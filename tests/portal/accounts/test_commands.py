"""`festgate user` as its users run it."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.rig import command
from tests.rig.server import Serve, environment, festgate


def user(data: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run `festgate user ...` with text on its standard input."""
    return command.run(["user", *arguments], environment(data), typed=typed)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fest with one person, for tests that change nothing."""
    data = tmp_path_factory.mktemp("commands") / "data"
    add(data)
    return data


def people(data: Path) -> list[tuple[str, ...]]:
    """Return the list of all accounts."""
    with closing(sqlite3.connect(data / "festgate.sqlite3")) as connection:
        return connection.execute("SELECT * FROM accounts_people ORDER BY id").fetchall()


def add(data: Path, name: str = "Meena", role: str = "attendee") -> str:
    """Return the password that the command made."""
    done = festgate("user", "add", name, "--email", f"{name}@example.org", "--role", role, data=data)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("Password: ")]
    return line.removeprefix("Password: ")


def test_an_account_made_on_the_command_line_signs_in_with_the_password_that_was_printed(
    data: Path, serve: Serve
) -> None:
    password = add(data, role="organiser")
    server = serve(data=data)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as client:
        assert client.post("/login", data={"username": "meena", "password": password}).status_code == 303
        assert 'href="/organise"' in client.get("/events").text


def test_passwords_that_are_made_differ(data: Path) -> None:
    assert add(data, "Meena") != add(data, "Ravi")


def test_a_password_on_standard_input_is_taken_and_not_printed(data: Path, serve: Serve) -> None:
    done = user(data, "add", "Meena", "--email", "m@example.org", "--password-stdin", typed="correct horse\n")
    assert done.returncode == 0, done.stderr
    assert "correct horse" not in done.stdout + done.stderr
    server = serve(data=data)
    fields = {"username": "m@example.org", "password": "correct horse"}
    assert httpx.post(f"{server.url}/login", data=fields, trust_env=False, verify=False).status_code == 303


def test_a_role_is_changed_while_the_portal_serves(data: Path, serve: Serve) -> None:
    password = add(data)
    server = serve(data=data)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as client:
        client.post("/login", data={"username": "meena", "password": password})
        assert 'href="/organise"' not in client.get("/events").text
        done = festgate("user", "role", "meena", "organiser", data=data)
        assert (done.returncode, done.stdout) == (0, "Meena is an organiser now, and has to sign in again.\n")
        assert 'href="/login"' in client.get("/events").text
        client.post("/login", data={"username": "meena", "password": password})
        assert 'href="/organise"' in client.get("/events").text


def test_another_password_signs_the_person_out_everywhere(data: Path, serve: Serve) -> None:
    old = add(data)
    server = serve(data=data)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as client:
        client.post("/login", data={"username": "meena", "password": old})
        done = user(data, "password", "meena", "--password-stdin", typed="another horse\n")
        assert done.returncode == 0, done.stderr
        assert client.get("/login").status_code == 200
        assert client.post("/login", data={"username": "meena", "password": old}).status_code == 401
        assert (
            client.post("/login", data={"username": "meena", "password": "another horse"}).status_code == 303
        )


def test_a_mistyped_email_address_is_changed_and_the_person_signs_in_with_the_new_one(
    data: Path, serve: Serve
) -> None:
    password = add(data)
    server = serve(data=data)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as client:
        client.post("/login", data={"username": "meena", "password": password})
        done = festgate("user", "email", "meena", "meena@fest.example", data=data)
        assert (
            done.stdout == "Meena has the email address meena@fest.example now, and has to sign in again.\n"
        )
        assert 'href="/login"' in client.get("/events").text
        signed_in = client.post("/login", data={"username": "meena@fest.example", "password": password})
        assert signed_in.status_code == 303


def test_a_list_that_is_piped_has_a_line_for_each_person(data: Path) -> None:
    add(data, "ravi", "staff")
    add(data, "Meena")
    done = festgate("user", "list", data=data)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t")[:3] for line in done.stdout.splitlines()]
    assert lines == [["Meena", "Meena@example.org", "attendee"], ["ravi", "ravi@example.org", "staff"]]


@pytest.mark.parametrize(
    "arguments,typed,sentence",
    [
        (["add", "x", "--email", "x@example.org"], "", "3 to 32 characters."),
        (["add", "Ravi", "--email", "nowhere"], "", "not an email address"),
        (["add", "MEENA", "--email", "other@example.org"], "", "This username is taken."),
        (["add", "Ravi", "--email", "meena@example.org"], "", "An account with this email address"),
        (["add", "Ravi", "--email", "r@example.org", "--role", "king"], "", "king"),
        (["add", "Ravi", "--email", "r@example.org", "--password-stdin"], "short\n", "8 to 200 characters"),
        (["add", "Ravi", "--email", "r@example.org", "--password-stdin"], "", "8 to 200 characters"),
        (
            ["add", "Ravi", "--email", "r@example.org", "--password-stdin"],
            "1234567\x008\n",
            "Control characters",
        ),
        (
            ["add", "Ravi", "--email", "r@example.org", "--password-stdin"],
            "password1\n",
            "try this password first",
        ),
        (["password", "Meena", "--password-stdin"], "meena2026\n", "mostly your name"),
        (["role", "nobody", "staff"], "", "There is no account named nobody."),
        (["email", "nobody", "nobody@example.org"], "", "There is no account named nobody."),
        (["email", "Meena", "no address"], "", "no address: "),
        (["password", "nobody"], "", "There is no account named nobody."),
    ],
)
def test_a_command_that_fails_prints_a_sentence_and_changes_nothing(
    fest: Path, arguments: list[str], typed: str, sentence: str
) -> None:
    before = people(fest)
    done = user(fest, *arguments, typed=typed)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert people(fest) == before


def test_where_there_is_no_fest_yet_nobody_is_listed(data: Path) -> None:
    done = festgate("user", "list", data=data)
    assert done.returncode == 2
    assert "There is no fest" in done.stderr
