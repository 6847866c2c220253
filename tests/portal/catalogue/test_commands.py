"""`festgate events` as its users run it."""

import csv
import io
import subprocess
from pathlib import Path

import httpx
import pytest

from festgate.portal.catalogue.sheets import COLUMNS
from tests.rig.server import Serve
from tests.rig.server import festgate as run_festgate

ZONE = {"FESTGATE_TIMEZONE": "Asia/Kolkata"}
HEADER = ",".join(COLUMNS) + "\n"
ROBO = "Robo Race,Robots.,Bring batteries.,Technology,Yard,2199-03-14T10:00,2199-03-14T12:00,,,450,50,\n"
DANCE = "Dance Battle,,,Stage,Theatre,2199-03-14T20:00,2199-03-14T22:00,,,300,200,\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def events(data: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_festgate("events", *map(str, arguments), data=data, extra=ZONE)


def done(data: Path, *arguments: str | Path) -> str:
    """Return the output of a command that succeeds."""
    ran = events(data, *arguments)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def refused(data: Path, code: int, *arguments: str | Path) -> str:
    """Return the error message of a command that fails."""
    ran = events(data, *arguments)
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stderr


def sheet(tmp_path: Path, *rows: str, name: str = "events.csv") -> Path:
    path = tmp_path / name
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def slugs(data: Path) -> list[str]:
    exported = done(data, "export", "-")
    return [row["slug"] for row in csv.DictReader(io.StringIO(exported))]


def test_a_file_is_imported_listed_and_shown_to_everyone(data: Path, tmp_path: Path, serve: Serve) -> None:
    assert done(data, "import", sheet(tmp_path, ROBO, DANCE), "--publish") == (
        "2 created, 0 changed, 0 unchanged, 2 published.\n"
    )
    listed = done(data, "list")
    assert all(word in listed for word in ("Robo Race", "robo-race", "published", "0 of 50", "2199-03-14"))
    page = httpx.get(
        f"{serve(data=data, extra=ZONE).url}/events/robo-race", trust_env=False, verify=False
    ).text
    assert "10:00" in page
    assert "Bring batteries." in page


def test_a_bad_row_is_named_with_its_line_and_reason_and_nothing_is_imported(
    data: Path, tmp_path: Path
) -> None:
    file = sheet(tmp_path, ROBO, ROBO.replace("450", "much"), DANCE.replace("T22:00", "T19:00"), "x,y\n")
    said = refused(data, 1, "import", file)
    assert said.splitlines() == [
        f"{file}, line 3: fee: 'much' is not an amount; write it like 250 or 250.50.",
        f"{file}, line 4: ends_at: The end must be after the start.",
        f"{file}, line 5: 2 cells, but the header has 12.",
        "Nothing was imported: 3 rows are wrong.",
    ]
    said = done(data, "import", sheet(tmp_path, ROBO), "--dry-run", "--publish")
    assert said.splitlines()[-1] == "1 created, 0 changed, 0 unchanged, 1 published."
    assert slugs(data) == []


def test_an_exported_file_is_imported_without_a_change(data: Path, tmp_path: Path) -> None:
    done(data, "import", sheet(tmp_path, ROBO, DANCE))
    for name in ("programme.csv", "programme.ics"):
        done(data, "export", tmp_path / name)
        said = done(data, "import", tmp_path / name)
        assert said == "0 created, 0 changed, 2 unchanged, 0 published.\n"


def test_an_export_replaces_a_file_only_with_force(data: Path, tmp_path: Path) -> None:
    file = sheet(tmp_path, ROBO)
    done(data, "import", file)
    assert "--force replaces it" in refused(data, 2, "export", file)
    assert file.read_text(encoding="utf-8") == HEADER + ROBO
    done(data, "export", file, "--force")
    assert file.read_bytes().startswith(b"\xef\xbb\xbftitle,")


def test_a_calendar_from_elsewhere_is_given_its_seats_and_fee(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "club.ics"
    file.write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Club night\nLOCATION:Yard\n"
        "DTSTART:21990314T100000Z\nDTEND:21990314T120000Z\nEND:VEVENT\nEND:VCALENDAR\n",
        encoding="utf-8",
    )
    said = refused(data, 1, "import", file)
    assert "line 2: capacity: X-FESTGATE-CAPACITY is missing" in said
    assert "line 2: fee: X-FESTGATE-FEE is missing" in said
    assert done(data, "import", file, "--capacity", "40", "--fee", "0", "--publish").startswith("1 created")


def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(data: Path, tmp_path: Path) -> None:
    book, old = tmp_path / "events.xlsx", tmp_path / "events.csv"
    book.write_bytes(b"PK")
    old.write_bytes("title,fee\nCafé,1\n".encode("latin-1"))
    assert "the name has to end in .csv or .ics" in refused(data, 2, "import", book)
    said = refused(data, 1, "import", old)
    assert f"{old}: line 2: byte 0xe9 is not UTF-8 text" in said
    assert said.endswith("Nothing was imported.\n")


def test_an_event_is_created_published_and_cancelled(data: Path) -> None:
    times = ("--starts-at", "2199-03-14T10:00", "--ends-at", "2199-03-14T12:00")
    assert done(data, "create", "Robo Race", "--fee", "450") == "robo-race: draft.\n"
    assert "--place: Enter a place before you publish the event." in refused(data, 2, "publish", "robo-race")
    made = done(
        data, "create", "Robo Race", "--fee", "450", *times, "--place", "Yard", "--capacity", "5", "--publish"
    )
    assert made == "robo-race-2: published.\n"
    said = refused(data, 2, "cancel", "robo-race-2")
    assert said == "Robo Race has 0 seats taken. Cancelling cannot be undone; add --yes to do it.\n"
    assert done(data, "cancel", "robo-race-2", "--yes") == "robo-race-2: cancelled.\n"
    assert slugs(data) == ["robo-race"]


def test_options_that_are_wrong_are_named(data: Path) -> None:
    said = refused(data, 2, "create", " ", "--fee", "much", "--starts-at", "soon")
    assert [line.partition(":")[0] for line in said.splitlines()] == ["TITLE", "--starts-at", "--fee"]


def test_a_missing_event_is_named_in_a_sentence(data: Path) -> None:
    assert "There is no fest at" in refused(data, 2, "list")
    done(data, "create", "Robo Race", "--fee", "0")
    assert (
        refused(data, 2, "publish", "nothing")
        == "There is no event nothing. `festgate events list` shows all slugs.\n"
    )
