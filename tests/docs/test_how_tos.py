"""The how-tos, followed: their commands have the results that they show."""

import shutil
import time
from pathlib import Path

from festgate.kit.clock import SECOND
from festgate.kit.secret import load_secret
from festgate.kit.visitors import Actor
from festgate.portal.accounts import second_factors
from festgate.portal.accounts.queries import all_people
from festgate.portal.audit import actions as audit
from tests.docs.terminal import DOCS, Step, Terminal, pattern, read
from tests.journeys.stage import before_opening
from tests.portal.accounts.test_second_factors import HOST, app_code
from tests.rig.server import Serve

FOLLOWED = {
    "tutorials/first-fest.md",
    "tutorials/break-checkout-on-purpose.md",
    "tutorials/rehearse-your-opening-day.md",
    "how-to/help-people-sign-in.md",
    "how-to/read-the-audit-log.md",
    "how-to/use-a-second-factor.md",
    "how-to/import-events.md",
    "how-to/import-ticket-types.md",
    "how-to/back-up-and-restore.md",
    "how-to/use-postgresql.md",
    "how-to/gate-a-change-by-its-speed.md",
    "how-to/audit-lab-reports.md",
}


def test_every_page_with_commands_and_output_is_followed_by_a_test() -> None:
    pages = {
        path.relative_to(DOCS).as_posix()
        for path in DOCS.rglob("*.md")
        if "\n```console\n" in path.read_text(encoding="utf-8")
    }
    assert pages == FOLLOWED


def test_a_page_that_shows_another_output_is_detected() -> None:
    shown = ("Sum:", "...", "a ... of it, 20310313T201500")
    assert pattern(shown).fullmatch("Sum:\none\ntwo\na lot of it, 20270101T000000\n")
    assert pattern(shown).fullmatch("Sum:\na lot of it, 20270101T000000\n")
    assert not pattern(shown).fullmatch("Sum:\none\na lot of them, 20270101T000000\n")
    assert not pattern(shown).fullmatch("Sum:\na lot of it, 20270101T000000\nand more\n")


def test_events_are_imported_as_the_how_to_shows(tmp_path: Path) -> None:
    shutil.copytree(DOCS / "how-to" / "samples", tmp_path, dirs_exist_ok=True)
    terminal = Terminal(tmp_path)
    terminal.follow(read("how-to/import-events.md"))
    code, listed = terminal.run("festgate events export -")
    assert code == 0
    assert {"Robo Race", "Music Night", "AI Workshop"} <= {line.split(",")[0] for line in listed.splitlines()}


def test_ticket_types_are_imported_as_the_how_to_shows(tmp_path: Path) -> None:
    shutil.copytree(DOCS / "how-to" / "samples", tmp_path, dirs_exist_ok=True)
    terminal = Terminal(tmp_path)
    terminal.follow(read("how-to/import-ticket-types.md"))
    code, listed = terminal.run("festgate types export -")
    assert code == 0
    assert "robo-race,Early bird" in listed


def test_a_person_without_their_password_is_helped_as_the_how_to_shows(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    assert terminal.run("festgate user add asha --email asha@example.org")[0] == 0
    assert "asha@example.org" in terminal.run("festgate user list")[1]
    terminal.follow(read("how-to/help-people-sign-in.md"))


def test_the_audit_log_is_listed_as_the_how_to_shows(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    assert terminal.run("festgate user add asha --email asha@example.org --role owner")[0] == 0
    terminal.follow(read("how-to/read-the-audit-log.md"))
    page = (DOCS / "how-to/read-the-audit-log.md").read_text(encoding="utf-8")
    assert [action for action in audit.TITLES if f"`{action}`" not in page] == []
    assert "role.changed" in terminal.run("festgate audit list --action role.changed | cat")[1]


def test_a_second_factor_is_switched_off_as_the_how_to_shows(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    assert terminal.run("festgate user add meena --email meena@example.org --role organiser")[0] == 0
    data = tmp_path / "festgate-data"
    secret = load_secret(data)
    with before_opening(data) as database:
        (meena,) = [member.person for member in database.report(all_people)]
        database.clock.now = int(time.time()) * SECOND
        database.write(second_factors.begin, meena.id, secret)
        enrolment = database.read(second_factors.read_enrolment, meena, secret, "Fest")
        assert enrolment is not None
        code = app_code(enrolment.key, database.clock.now)
        actor = Actor(meena.id, "session", HOST)
        database.write(second_factors.confirm, meena.id, code, secret, HOST, actor, "Fest")
    terminal.follow(read("how-to/use-a-second-factor.md"))


def test_a_fest_is_restored_as_it_was_when_it_was_backed_up(tmp_path: Path, serve: Serve) -> None:
    terminal = Terminal(tmp_path)
    assert terminal.run("festgate events create 'Robo Race' --fee 450")[0] == 0
    server = serve(data=tmp_path / "festgate-data")
    steps = read("how-to/back-up-and-restore.md")
    terminal.follow([step for step in steps if step.section == "Back up"])

    assert terminal.run("festgate events create 'Music Night' --fee 250")[0] == 0
    server.kill()
    assert (tmp_path / "festgate-data" / "festgate.sqlite3-wal").exists()
    terminal.follow([step for step in steps if step.section == "Restore"])

    server.start()
    _, listed = terminal.run("festgate events export -")
    assert "Robo Race" in listed
    assert "Music Night" not in listed
    assert [step for step in steps if isinstance(step, Step) and step.command.startswith("cp ")]


def test_a_fest_moves_into_postgresql_as_the_how_to_shows(tmp_path: Path, postgres_url: str) -> None:
    terminal = Terminal(tmp_path, extra={"FESTGATE_DATABASE_URL": postgres_url})
    terminal.follow(read("how-to/use-postgresql.md"))
    assert not (tmp_path / "festgate-data" / "festgate.sqlite3").exists()
