"""`festgate events import` of a calendar's next version: questions on a terminal, options in a script."""

import subprocess
from pathlib import Path

import pytest

from festgate.portal.catalogue import queries
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.seats import take_seats
from tests.portal.catalogue.files.calendar_files import calendar_of, event_of
from tests.portal.catalogue.files.trouble_files import read_trouble
from tests.rig.database import open_database
from tests.rig.server import festgate
from tests.rig.terminal import Session, answer

END_OF_INPUT = "\x04"
ZONE = {"FESTGATE_TIMEZONE": "Asia/Kolkata"}
FREE = ("--fee", "0", "--capacity", "60", "--publish")
MOVED = (
    "“Summer concert” (summer-concert, 1 seat taken): starts_at: 2031-06-20T23:30 → 2031-06-27T23:30; "
    "ends_at: 2031-06-21T01:30 → 2031-06-28T01:30."
)
CANCELLED = "“Summer concert” (summer-concert, 1 seat taken): the calendar has cancelled it."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Provide a fest with the concert, one seat at which is taken."""
    data = tmp_path / "data"
    run_import(data, write(tmp_path, "a13_first.ics"), *FREE)
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        database.write(take_seats, concert(data).id, 1, {})
    return data


def write(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(read_trouble(name))
    return path


def run_import(data: Path, file: Path, *options: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    process = festgate("events", "import", str(file), *options, data=data, extra=ZONE)
    assert process.returncode == code, process.stdout + process.stderr
    return process


def import_on_terminal(data: Path, file: Path, *answers: tuple[str, str]) -> Session:
    return answer(["events", "import", str(file), *FREE], answers, data, ZONE)


def concert(data: Path, slug: str = "summer-concert") -> Event:
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        return database.read(queries.any_event_by_slug, slug)


def test_a_script_needs_an_option_to_change_an_event_with_seats_taken(data: Path, tmp_path: Path) -> None:
    file = write(tmp_path, "a13_moved.ics")
    before = concert(data)
    process = run_import(data, file, code=1)
    assert process.stderr.splitlines() == [
        f"{file}, line 4: {MOVED}",
        "1 event has a change that needs consent: add --update to make it, or --no-update to leave it out.",
        "Nothing was imported.",
    ]
    tried = run_import(data, file, "--dry-run")
    assert "add --update" in tried.stderr
    assert tried.stdout.endswith("0 created, 1 changed, 0 unchanged, 0 published.\n")
    kept = run_import(data, file, "--no-update")
    assert kept.stderr == f"{file}, line 4: “Summer concert” (summer-concert) was not updated.\n"
    assert concert(data) == before
    updated = run_import(data, file, "--update")
    assert updated.stderr == f"{file}, line 4: {MOVED}\n"
    assert updated.stdout == "0 created, 1 changed, 0 unchanged, 0 published.\n"
    assert concert(data).starts_at == before.starts_at + 7 * 86_400_000


def test_a_script_needs_an_option_to_cancel_an_event(data: Path, tmp_path: Path) -> None:
    file = write(tmp_path, "a15_cancelled.ics")
    process = run_import(data, file, code=1)
    assert process.stderr.splitlines() == [
        f"{file}, line 4: {CANCELLED}",
        "1 event was cancelled in the calendar: add --cancel to cancel for good, with refunds, or --no-cancel to keep.",
        "Nothing was imported.",
    ]
    run_import(data, file, "--no-cancel")
    assert concert(data).state == "published"
    cancelled = run_import(data, file, "--cancel")
    assert cancelled.stdout == "0 created, 0 changed, 0 unchanged, 0 published, 1 cancelled.\n"
    assert '"event": "event-cancelled"' in cancelled.stderr
    assert concert(data).state == "cancelled"
    assert run_import(data, file).stdout == "0 created, 0 changed, 1 unchanged, 0 published.\n"


def test_a_terminal_asks_before_an_event_with_seats_taken_changes(data: Path, tmp_path: Path) -> None:
    file = write(tmp_path, "a13_moved.ics")
    before = concert(data)
    refused = import_on_terminal(data, file, ("Update “Summer concert”? [y/N]:", ""))
    assert MOVED in refused.shown
    assert "was not updated." in refused.shown
    assert (refused.output, refused.code) == ("0 created, 0 changed, 1 unchanged, 0 published.\n", 0)
    assert concert(data) == before
    agreed = import_on_terminal(data, file, ("Update “Summer concert”? [y/N]:", "y"))
    assert (agreed.output, agreed.code) == ("0 created, 1 changed, 0 unchanged, 0 published.\n", 0)
    assert concert(data).starts_at > before.starts_at


def test_a_terminal_asks_before_an_event_is_cancelled(data: Path, tmp_path: Path) -> None:
    file = write(tmp_path, "a15_cancelled.ics")
    refused = import_on_terminal(data, file, ("Cancel “Summer concert”? [y/N]:", "n"))
    assert CANCELLED in refused.shown
    assert concert(data).state == "published"
    stopped = import_on_terminal(data, file, ("Cancel “Summer concert”? [y/N]:", END_OF_INPUT))
    assert (stopped.output, stopped.code) == ("", 1)
    assert concert(data).state == "published"
    agreed = import_on_terminal(data, file, ("Cancel “Summer concert”? [y/N]:", "y"))
    assert (agreed.output, agreed.code) == (
        "0 created, 0 changed, 0 unchanged, 0 published, 1 cancelled.\n",
        0,
    )
    assert concert(data).state == "cancelled"


def test_a_terminal_asks_about_several_events_at_once_or_about_each(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "club.ics"

    def write_events(place: str) -> None:
        lines = [
            line
            for name in ("Quiz", "Choir")
            for line in event_of(f"UID:{name}", f"SUMMARY:{name}", f"LOCATION:{place}")
        ]
        file.write_bytes(calendar_of(*lines))

    write_events("Hall")
    run_import(data, file, *FREE)
    write_events("Yard")
    question = "Update all of these 2 events, none, or ask for each? [none]:"
    session = import_on_terminal(
        data,
        file,
        (question, "perhaps"),
        (question, "each"),
        ("Update “Quiz”? [y/N]:", "y"),
        ("Update “Choir”? [y/N]:", "n"),
    )
    assert "The file does not show that this is the newer version." in session.shown
    assert session.output == "0 created, 1 changed, 1 unchanged, 0 published.\n"
    assert (concert(data, "quiz").place, concert(data, "choir").place) == ("Yard", "Hall")
    everything = import_on_terminal(data, file, ("Update “Choir”? [y/N]:", "y"))
    assert everything.output == "0 created, 1 changed, 1 unchanged, 0 published.\n"
    write_events("Aula")
    assert import_on_terminal(data, file, (question, "")).output.startswith("0 created, 0 changed")
    assert import_on_terminal(data, file, (question, "all")).output.startswith("0 created, 2 changed")
