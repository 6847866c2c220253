"""The commands of `festgate events`."""

import csv
import io
import subprocess
from pathlib import Path

import httpx
import openpyxl
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


def run_events_command(data: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_festgate("events", *map(str, arguments), data=data, extra=ZONE)


def output_of(data: Path, *arguments: str | Path) -> str:
    """Return the output of a command that succeeds."""
    process = run_events_command(data, *arguments)
    assert process.returncode == 0, process.stderr
    return process.stdout


def error_of(data: Path, code: int, *arguments: str | Path) -> str:
    """Return the error message of a command that fails."""
    process = run_events_command(data, *arguments)
    assert process.returncode == code, process.stdout + process.stderr
    assert "Traceback" not in process.stderr
    return process.stderr


def write_csv(tmp_path: Path, *rows: str, name: str = "events.csv") -> Path:
    path = tmp_path / name
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def slugs(data: Path) -> list[str]:
    exported = output_of(data, "export", "-")
    return [row["slug"] for row in csv.DictReader(io.StringIO(exported))]


def test_imported_events_are_listed_and_published(data: Path, tmp_path: Path, serve: Serve) -> None:
    assert output_of(data, "import", write_csv(tmp_path, ROBO, DANCE), "--publish") == (
        "2 created, 0 changed, 0 unchanged, 2 published.\n"
    )
    output = output_of(data, "list")
    assert all(word in output for word in ("Robo Race", "robo-race", "published", "0 of 50", "2199-03-14"))
    page = httpx.get(
        f"{serve(data=data, extra=ZONE).url}/events/robo-race", trust_env=False, verify=False
    ).text
    assert "10:00" in page
    assert "Bring batteries." in page


def test_a_bad_row_is_reported_with_its_line_and_nothing_is_imported(data: Path, tmp_path: Path) -> None:
    file = write_csv(
        tmp_path,
        ROBO,
        ROBO.replace("450", "much"),
        DANCE.replace("T22:00", "T19:00"),
        "x,y\n",
        "," * 13 + "z\n",
    )
    output = error_of(data, 1, "import", file)
    assert output.splitlines() == [
        f"{file}, line 3: fee: 'much' is not an amount; write it like 250 or 250.50.",
        f"{file}, line 4: ends_at: The end must be after the start.",
        f"{file}, line 5: fee: This field is required. Enter 0 for a free event.",
        f"{file}, line 6: 14 cells, but the header has 13.",
        "Nothing was imported: 4 rows are wrong.",
    ]
    output = output_of(data, "import", write_csv(tmp_path, ROBO), "--dry-run", "--publish")
    assert output.splitlines()[-1] == "1 created, 0 changed, 0 unchanged, 1 published."
    assert slugs(data) == []


def test_an_exported_file_is_imported_without_a_change(data: Path, tmp_path: Path) -> None:
    output_of(data, "import", write_csv(tmp_path, ROBO, DANCE))
    for name in ("programme.csv", "programme.ics"):
        output_of(data, "export", tmp_path / name)
        output = output_of(data, "import", tmp_path / name)
        assert output == "0 created, 0 changed, 2 unchanged, 0 published.\n"


def test_an_export_replaces_a_file_only_with_force(data: Path, tmp_path: Path) -> None:
    file = write_csv(tmp_path, ROBO)
    output_of(data, "import", file)
    assert "--force replaces it" in error_of(data, 2, "export", file)
    assert file.read_text(encoding="utf-8") == HEADER + ROBO
    output_of(data, "export", file, "--force")
    assert file.read_bytes().startswith(b"\xef\xbb\xbftitle,")


def test_seats_and_fee_can_be_given_for_a_calendar_of_another_program(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "club.ics"
    file.write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Club night\nLOCATION:Yard\n"
        "DTSTART:21990314T100000Z\nDTEND:21990314T120000Z\nEND:VEVENT\nEND:VCALENDAR\n",
        encoding="utf-8",
    )
    output = error_of(data, 1, "import", file)
    assert "line 2: “Club night”: capacity: X-FESTGATE-CAPACITY is missing" in output
    assert "line 2: “Club night”: fee: X-FESTGATE-FEE is missing" in output
    assert output_of(data, "import", file, "--capacity", "40", "--fee", "0", "--publish").startswith(
        "1 created"
    )


def test_an_unreadable_file_is_refused_with_a_message(data: Path, tmp_path: Path) -> None:
    pdf_file, excel_file, text_file = (tmp_path / f"events.{ending}" for ending in ("pdf", "xlsx", "csv"))
    pdf_file.write_bytes(b"%PDF")
    excel_file.write_bytes(b"PK")
    text_file.write_bytes("title,fee\nCafé \x81,1\n".encode("latin-1"))
    assert "the name has to end in .csv, .ics, .xlsx." in error_of(data, 2, "import", pdf_file)
    assert "This is not an Excel workbook, or it is damaged." in error_of(data, 1, "import", excel_file)
    output = error_of(data, 1, "import", text_file)
    assert f"{text_file}: line 2: byte 0x81 is not UTF-8 text" in output
    assert output.endswith("Nothing was imported.\n")


def test_an_option_of_an_import_that_cannot_be_read_is_named(data: Path, tmp_path: Path) -> None:
    file = write_csv(tmp_path, ROBO)
    assert error_of(data, 2, "import", file, "--time-zone", "Nowhere") == (
        "--time-zone: 'Nowhere' is not a time zone; write it like Europe/Berlin.\n"
    )
    assert error_of(data, 2, "import", file, "--default-duration", "long") == (
        "--default-duration: 'long' is not a length of time; write it like 2h, 90m or 1h30m.\n"
    )


def test_what_the_import_corrects_is_shown_and_can_be_set_by_options(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "club.ics"
    event = (
        "BEGIN:VEVENT\nSUMMARY:Club {0}\nLOCATION:Yard\\nMain street\nDTSTART:21990314T{0}00Z\nEND:VEVENT\n"
    )
    text = "".join(event.format(hour) for hour in ("1000", "1100"))
    file.write_text(f"BEGIN:VCALENDAR\n{text}END:VCALENDAR\n", encoding="utf-8")
    options = ("--capacity", "40", "--fee", "0", "--publish", "--default-duration", "2h")
    process = run_events_command(data, "import", file, *options)
    assert process.returncode == 0
    assert process.stderr.splitlines() == [
        f"{file}, lines 2, 7: place: line breaks became commas.",
        f"{file}, lines 2, 7: ends_at: it is missing, so the event lasts 2 hours (--default-duration sets another).",
    ]
    rows = [*csv.DictReader(io.StringIO(output_of(data, "export", "-")))]
    assert [(row["place"], row["starts_at"], row["ends_at"]) for row in rows] == [
        ("Yard, Main street", "2199-03-14T15:30", "2199-03-14T17:30"),
        ("Yard, Main street", "2199-03-14T16:30", "2199-03-14T18:30"),
    ]


def test_events_with_errors_can_be_left_out_and_are_listed(data: Path, tmp_path: Path) -> None:
    rows = (ROBO.replace("450", "much"), DANCE, DANCE, "x,y" + "," * 20 + "z\n")
    file = write_csv(tmp_path, *rows)
    process = run_events_command(data, "import", file, "--skip-invalid", "--publish", "--dry-run")
    assert process.stdout.endswith("1 created, 0 changed, 0 unchanged, 1 published.\n")
    assert not data.exists() or slugs(data) == []
    process = run_events_command(data, "import", file, "--skip-invalid", "--publish")
    assert process.returncode == 0
    assert process.stderr.splitlines() == [
        f"{file}, line 2: fee: 'much' is not an amount; write it like 250 or 250.50.",
        f"{file}, line 4: title: This event exists already. Give its slug, dance-battle, to change it.",
        f"{file}, line 5: 22 cells, but the header has 13.",
        "Left out because of errors: 3.",
    ]
    assert process.stdout == "1 created, 0 changed, 0 unchanged, 1 published.\n"
    assert slugs(data) == ["dance-battle"]


def test_a_workbook_is_imported_and_its_errors_have_the_number_of_the_row(data: Path, tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    for row in (("title", "fee", "starts_at"), ("Robo Race", 450.5, "14.03.2199 9:00"), ("Dance", "much")):
        workbook.active.append(row)
    file = tmp_path / "events.xlsx"
    workbook.save(file)
    assert f"{file}, row 3: fee: 'much' is not an amount" in error_of(data, 1, "import", file)
    assert output_of(data, "import", file, "--skip-invalid").startswith("1 created")
    (exported,) = csv.DictReader(io.StringIO(output_of(data, "export", "-")))
    assert (exported["title"], exported["fee"], exported["starts_at"]) == (
        "Robo Race",
        "450.50",
        "2199-03-14T09:00",
    )


def test_an_event_is_created_published_and_cancelled(data: Path) -> None:
    times = ("--starts-at", "2199-03-14T10:00", "--ends-at", "2199-03-14T12:00")
    assert output_of(data, "create", "Robo Race", "--fee", "450") == "robo-race: draft.\n"
    assert "--place: Enter a place before you publish the event." in error_of(data, 2, "publish", "robo-race")
    output = output_of(
        data, "create", "Robo Race", "--fee", "450", *times, "--place", "Yard", "--capacity", "5", "--publish"
    )
    assert output == "robo-race-2: published.\n"
    output = error_of(data, 2, "cancel", "robo-race-2")
    assert output == "Robo Race has 0 seats taken. Cancelling cannot be undone; add --yes to do it.\n"
    assert output_of(data, "cancel", "robo-race-2", "--yes") == "robo-race-2: cancelled.\n"
    assert slugs(data) == ["robo-race"]


def test_invalid_options_are_named(data: Path) -> None:
    output = error_of(data, 2, "create", " ", "--fee", "much", "--starts-at", "soon")
    assert [line.partition(":")[0] for line in output.splitlines()] == ["TITLE", "--starts-at", "--fee"]


def test_a_missing_event_is_reported(data: Path) -> None:
    assert "There is no fest at" in error_of(data, 2, "list")
    output_of(data, "create", "Robo Race", "--fee", "0")
    assert (
        error_of(data, 2, "publish", "nothing")
        == "There is no event nothing. `festgate events list` shows all slugs.\n"
    )
