"""The pages about the rehearsal, followed: a crowd is sent, limits hold and break, builds are refused."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from festgate.rehearsal.runs.recording import COLUMNS
from festgate.rehearsal.verdict.comparison import INCONCLUSIVE, NO_REGRESSION, REFUSED, REGRESSION
from festgate.rehearsal.verdict.findings import LoadCheck
from festgate.rehearsal.verdict.flags import FLAGS
from festgate.rehearsal.verdict.refusals import REFUSALS
from tests.docs.terminal import DOCS, Step, Terminal, read

HOW_TO = "how-to/gate-a-change-by-its-speed.md"
SHELL = re.compile(r"^```sh\n(?P<text>#!/bin/sh\n.*?)^```$", re.MULTILINE | re.DOTALL)
CELL = re.compile(r"^\|([^|]+)\|", re.MULTILINE)
ROW = re.compile(r"^\| `([\w.-]+)` \|", re.MULTILINE)


def rows(page: str, section: str) -> set[str]:
    """The codes in the first column of a section's table."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return set(ROW.findall(text.split(f"# {section}\n")[1].split("\n## ")[0]))


def test_whoever_follows_the_tutorial_has_rehearsed_an_opening_day(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.follow(read("tutorials/rehearse-your-opening-day.md"))
    runs = sorted((terminal.folder / "festgate-runs").iterdir())
    assert [run.name.partition("-")[2] for run in runs] == ["events", "attendee", "opening_day"]
    assert all((run / "report.html").stat().st_size for run in runs)


def test_a_gate_passes_breaks_and_refuses_as_the_how_to_says(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    steps = read(HOW_TO)
    outcomes = []
    for step in steps:
        assert isinstance(step, Step), "the page has nothing to write"
        terminal.do(step)
        if step.command.endswith("> rehearsal.xml"):
            suites = ET.parse(tmp_path / "rehearsal.xml").getroot()  # noqa: S314  (our own)
            outcomes.append(len(suites.findall(".//failure")))
    assert outcomes == [0, 1]
    assert isinstance(steps[-1], Step)
    assert steps[-1].code == REFUSED


def test_the_script_of_the_how_to_does_not_pass_what_could_not_be_compared(tmp_path: Path) -> None:
    script = SHELL.search((DOCS / HOW_TO).read_text(encoding="utf-8"))
    assert script
    (tmp_path / "gate.sh").write_text(script["text"], encoding="utf-8")
    cases = {int(code) for code in re.findall(r"^    (\d)\) ", script["text"], re.MULTILINE)}
    assert cases == {NO_REGRESSION, REGRESSION, REFUSED, INCONCLUSIVE}
    # No checkout, so there is no revision to play.
    terminal = Terminal(tmp_path, extra={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    code, said = terminal.run("sh gate.sh")
    assert code == REFUSED, said
    assert "'origin/main' is neither" in said
    assert "Could not be compared" in said


@pytest.mark.parametrize(
    "section, checks", [("Refusals", REFUSALS), ("Flags", FLAGS)], ids=["refusals", "flags"]
)
def test_every_refusal_and_every_flag_is_in_the_reference(
    section: str, checks: tuple[LoadCheck, ...]
) -> None:
    assert rows("reference/verdicts.md", section) == {check.code for check in checks}


def test_every_file_and_every_column_of_a_run_is_in_the_reference(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    code, said = terminal.run("festgate rehearse events --users 8 --warm-up 1s --duration 2s")
    assert code == 0, said
    (run,) = (tmp_path / "festgate-runs").iterdir()
    assert {path.name for path in run.iterdir()} == rows("reference/runs.md", "The folder of a run")
    fields = set(json.loads((run / "run.json").read_text(encoding="utf-8")))
    assert fields == rows("reference/runs.md", "`run.json`") - {"plan.load"}
    assert {name for name, _ in COLUMNS} == rows("reference/runs.md", "`*.samples`")
    assert terminal.run(f"festgate runs export {run.name} requests.csv")[0] == 0
    head = (tmp_path / "requests.csv").read_text(encoding="utf-8").splitlines()[0]
    _, table = (DOCS / "reference" / "runs.md").read_text(encoding="utf-8").split("## As CSV")
    assert head.split(",") == re.findall(r"`(\w+)`", "".join(CELL.findall(table)))
