"""The commands of `festgate programme` and `festgate types`."""

import json
import subprocess
from pathlib import Path

import openpyxl
import pytest

from tests.journeys.stage import query_file
from tests.rig.server import festgate

ZONE = {"FESTGATE_TIMEZONE": "Asia/Kolkata"}
EVENTS = (
    "title,place,starts_at,ends_at,fee,capacity\nRobo Race,Yard,2199-03-14T10:00,2199-03-14T12:00,450,50\n"
)
TYPES = "event,name,fee,quotas\nRobo Race,Early bird,350,Yard = 40\nRobo Race,Standard,450,Yard\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the data folder of a fest with one event."""
    events = tmp_path / "events.csv"
    events.write_text(EVENTS, encoding="utf-8")
    assert run_command(tmp_path / "data", "events", "import", events).returncode == 0
    return tmp_path / "data"


def run_command(data: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return festgate(*map(str, arguments), data=data, extra=ZONE)


def output_of(data: Path, *arguments: str | Path) -> str:
    """Return the output of a command that succeeds."""
    process = run_command(data, *arguments)
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_every_command_that_changes_data_is_in_the_audit_log(data: Path, tmp_path: Path) -> None:
    types = tmp_path / "types.csv"
    types.write_text(TYPES, encoding="utf-8")
    file = tmp_path / "programme.json"
    for arguments in (
        ("user", "add", "asha", "--email", "asha@example.org"),
        ("user", "password", "asha"),
        ("user", "confirm", "asha"),
        ("user", "role", "asha", "owner"),
        ("types", "import", types),
        ("types", "import", types),
        ("programme", "export", file),
        ("programme", "import", file, "--publish"),
        ("events", "create", "Chess", "--fee", "10"),
        ("events", "cancel", "chess", "--yes"),
        ("events", "set-currency", "EUR"),
    ):
        output_of(data, *arguments)
    entries = query_file(
        data, "SELECT action, subject, details, origin, person_id FROM audit_entries ORDER BY id"
    )
    assert {(origin, person) for *_, origin, person in entries} == {("command", None)}
    assert [(action, subject, json.loads(details)) for action, subject, details, *_ in entries] == [
        ("events.imported", "", {"created": 1, "changed": 0, "cancelled": 0}),
        ("account.made", "", {"person": 1}),
        ("password.changed", "", {"person": 1}),
        ("email-address.confirmed", "", {"person": 1}),
        ("role.changed", "", {"person": 1, "from": "attendee", "to": "owner"}),
        ("events.imported", "", {"created": 0, "changed": 0, "quotas": 1, "types": 2}),
        ("programme.exported", "", {}),
        ("event.published", "robo-race", {}),
        ("event.created", "chess", {}),
        ("event.deleted", "chess", {}),
        ("currency.changed", "EUR", {"events": 1}),
    ]


def test_types_of_a_workbook_are_exported_with_the_programme_to_another_fest(
    data: Path, tmp_path: Path
) -> None:
    workbook = openpyxl.Workbook()
    assert workbook.active is not None
    for line in TYPES.splitlines():
        workbook.active.append(line.split(","))
    workbook.save(tmp_path / "types.xlsx")
    assert output_of(data, "types", "import", tmp_path / "types.xlsx") == (
        "Quotas: 1 created, 0 changed, 0 unchanged.\nTicket types: 1 created, 1 changed, 0 unchanged.\n"
    )
    file = tmp_path / "programme.json"
    assert not output_of(data, "programme", "export", file)
    copy = tmp_path / "copy"
    output = output_of(copy, "programme", "import", file, "--publish")
    assert output.splitlines() == [
        "Quotas: 1 created, 0 changed, 0 unchanged.",
        "Events: 1 created, 0 changed, 0 unchanged.",
        "Ticket types: 1 created, 1 changed, 0 unchanged.",
        "Published: 1.",
    ]
    assert output_of(copy, "programme", "export", "-") == file.read_text(encoding="utf-8")
    assert output_of(copy, "types", "export", "-") == output_of(data, "types", "export", "-")


def test_a_wrong_file_changes_nothing_and_is_explained(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "types.csv"
    file.write_text(TYPES.replace("350", "much"), encoding="utf-8")
    process = run_command(data, "types", "import", file)
    assert process.returncode == 1
    assert process.stderr.splitlines() == [
        f"{file}, line 2: fee: 'much' is not an amount; write it like 250 or 250.50.",
        "Nothing was imported: 1 error.",
    ]
    assert "Standard" not in output_of(data, "types", "export", "-")
    file.write_text("event,price\nRobo Race,5\n", encoding="utf-8")
    process = run_command(data, "types", "import", file)
    assert process.returncode == 1
    assert f"{file}: line 1: unknown column 'price'. The columns are: event, name" in process.stderr
    document = tmp_path / "programme.json"
    document.write_text(json.dumps({"format": "other"}), encoding="utf-8")
    process = run_command(data, "programme", "import", document)
    assert process.returncode == 1
    assert "This is not a programme of Festgate" in process.stderr
    pdf = tmp_path / "types.pdf"
    pdf.write_bytes(b"%PDF")
    assert "the name has to end in .csv, .xlsx." in run_command(data, "types", "import", pdf).stderr


def test_a_guess_about_a_date_is_shown(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "types.csv"
    file.write_text("event,name,fee,sales_close_at\nrobo-race,A,5,14.03.2031\n", encoding="utf-8")
    process = run_command(data, "types", "import", file)
    assert process.returncode == 0
    assert process.stderr == (
        f"{file}, line 2: sales_close_at: 14.03.2031 has no time; it was read as the end of that day.\n"
    )


def test_a_dry_run_and_an_existing_file_are_left_as_they_are(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "types.csv"
    file.write_text(TYPES, encoding="utf-8")
    before = output_of(data, "types", "export", "-")
    assert output_of(data, "types", "import", file, "--dry-run").startswith("Nothing was imported.")
    assert output_of(data, "types", "export", "-") == before
    assert "--force replaces it" in run_command(data, "types", "export", file).stderr
    output_of(data, "types", "export", file, "--force")
    assert file.read_bytes().startswith(b"\xef\xbb\xbfevent,")
