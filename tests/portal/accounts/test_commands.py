"""The commands of `festgate user`."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.rig import command
from tests.rig.server import Server, environment, festgate, serving


def run_user_command(data: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run `festgate user` with text on its standard input."""
    return command.run(["user", *arguments], environment(data), typed=stdin)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a fest whose accounts the commands change."""
    with serving(tmp_path_factory.mktemp("served") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fest with one person, for tests that change nothing."""
    data = tmp_path_factory.mktemp("commands") / "data"
    add_account(data)
    return data


def read_accounts(data: Path) -> list[tuple[str, ...]]:
    """Return the list of all accounts."""
    with closing(sqlite3.connect(data / "festgate.sqlite3")) as connection:
        return connection.execute("SELECT * FROM accounts_people ORDER BY id").fetchall()


def add_account(data: Path, name: str = "Meena", role: str = "attendee") -> str:
    """Add an account; return the password that the command generated."""
    process = festgate("user", "add", name, "--email", f"{name}@example.org", "--role", role, data=data)
    assert process.returncode == 0, process.stderr
    (line,) = [line for line in process.stdout.splitlines() if line.startswith("Password: ")]
    return line.removeprefix("Password: ")


def test_an_account_added_by_the_command_can_sign_in_with_the_printed_password(server: Server) -> None:
    password = add_account(server.data, "asha", role="organiser")
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as client:
        assert client.post("/login", data={"username": "asha", "password": password}).status_code == 303
        assert 'href="/organise"' in client.get("/events").text


def test_generated_passwords_differ(data: Path) -> None:
    assert add_account(data, "Meena") != add_account(data, "Ravi")


def test_a_password_from_standard_input_is_used_and_not_printed(server: Server) -> None:
    options = ("--email", "r@example.org", "--password-stdin")
    process = run_user_command(server.data, "add", "Ravi", *options, stdin="correct horse\n")
    assert process.returncode == 0, process.stderr
    assert "correct horse" not in process.stdout + process.stderr
    fields = {"username": "r@example.org", "password": "correct horse"}
    assert httpx.post(f"{server.url}/login", data=fields, trust_env=False, verify=False).status_code == 303


def test_a_role_can_be_changed_while_the_portal_runs(server: Server) -> None:
    password = add_account(server.data, "Usha")
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as client:
        client.post("/login", data={"username": "usha", "password": password})
        assert 'href="/organise"' not in client.get("/events").text
        process = festgate("user", "role", "usha", "organiser", data=server.data)
        assert (process.returncode, process.stdout) == (
            0,
            "Usha has the role Organiser now, and has to sign in again.\n",
        )
        assert 'href="/login"' in client.get("/events").text
        client.post("/login", data={"username": "usha", "password": password})
        assert 'href="/organise"' in client.get("/events").text


def test_a_new_password_signs_the_person_out_everywhere(server: Server) -> None:
    old_password = add_account(server.data, "Vikram")
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as client:
        client.post("/login", data={"username": "vikram", "password": old_password})
        process = run_user_command(
            server.data, "password", "vikram", "--password-stdin", stdin="another horse\n"
        )
        assert process.returncode == 0, process.stderr
        assert client.get("/login").status_code == 200
        assert client.post("/login", data={"username": "vikram", "password": old_password}).status_code == 401
        assert (
            client.post("/login", data={"username": "vikram", "password": "another horse"}).status_code == 303
        )


def test_a_person_signs_in_with_an_email_address_that_the_command_changed(server: Server) -> None:
    password = add_account(server.data, "Zoya")
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as client:
        client.post("/login", data={"username": "zoya", "password": password})
        process = festgate("user", "email", "zoya", "zoya@fest.example", data=server.data)
        assert (
            process.stdout == "Zoya has the email address zoya@fest.example now, and has to sign in again.\n"
        )
        assert 'href="/login"' in client.get("/events").text
        signed_in = client.post("/login", data={"username": "zoya@fest.example", "password": password})
        assert signed_in.status_code == 303


def test_commands_clean_email_addresses_and_take_every_form_of_a_domain(data: Path) -> None:
    added = festgate("user", "add", "meena", "--email", "Meena <mailto:meena@bücher.example>", data=data)
    assert added.returncode == 0, added.stderr
    for name in ("meena@BÜCHER.example", "\u200emeena@xn--bcher-kva.example ", "mailto:meena@bücher.example"):
        assert festgate("user", "confirm", name, data=data).stdout == (
            "The email address meena@xn--bcher-kva.example of meena is confirmed.\n"
        )


def test_a_piped_list_has_one_line_per_person(data: Path) -> None:
    add_account(data, "ravi", "staff")
    add_account(data, "Meena")
    process = festgate("user", "list", data=data)
    assert process.returncode == 0, process.stderr
    lines = [line.split("\t")[:3] for line in process.stdout.splitlines()]
    assert lines == [["Meena", "Meena@example.org", "attendee"], ["ravi", "ravi@example.org", "staff"]]


def test_an_account_can_be_added_with_the_persons_name(data: Path) -> None:
    options = ("--email", "m@example.org", "--name", " Meena  Ünal ")
    assert festgate("user", "add", "meena", *options, data=data).returncode == 0
    (line,) = festgate("user", "list", data=data).stdout.splitlines()
    assert line.split("\t")[4] == "Meena Ünal"


@pytest.mark.parametrize(
    "arguments,stdin,message",
    [
        (["add", "x", "--email", "x@example.org"], "", "3 to 32 characters."),
        (["add", "Ravi", "--email", "nowhere"], "", "not an email address"),
        (["add", "Ravi", "--email", "r@example.org", "--name", "<b>"], "", "Use letters"),
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
def test_a_failed_command_prints_the_reason_and_changes_nothing(
    fest: Path, arguments: list[str], stdin: str, message: str
) -> None:
    before = read_accounts(fest)
    process = run_user_command(fest, *arguments, stdin=stdin)
    assert process.returncode == 2
    assert message in process.stderr
    assert "Traceback" not in process.stderr
    assert process.stdout == ""
    assert read_accounts(fest) == before


def test_listing_people_without_a_database_is_an_error(data: Path) -> None:
    process = festgate("user", "list", data=data)
    assert process.returncode == 2
    assert "There is no fest" in process.stderr


def test_a_deleted_account_is_gone_after_yes_and_its_name_is_free(data: Path) -> None:
    add_account(data)
    asked = festgate("user", "delete", "meena", data=data)
    assert asked.returncode == 2
    assert "This would delete the account Meena (Meena@example.org). Add --yes to do it." in asked.stderr
    assert len(festgate("user", "list", data=data).stdout.splitlines()) == 1
    done = festgate("user", "delete", "meena", "--yes", data=data)
    assert (done.returncode, done.stdout) == (0, "The account Meena is deleted.\n")
    assert festgate("user", "list", data=data).stdout == ""
    assert "There is no account named meena." in festgate("user", "delete", "meena", data=data).stderr
    assert "meena" not in repr(read_accounts(data)).lower()
    add_account(data)


def test_no_command_takes_the_last_owner_away(data: Path) -> None:
    add_account(data, role="owner")
    demoted = festgate("user", "role", "meena", "organiser", data=data)
    assert demoted.returncode == 2
    assert "the only owner of the fest" in demoted.stderr
    refused = festgate("user", "delete", "meena", "--yes", data=data)
    assert refused.returncode == 2
    assert refused.stderr.startswith(
        "The account Meena cannot be deleted yet. It is the account of the only owner."
    )
    assert len(festgate("user", "list", data=data).stdout.splitlines()) == 1
