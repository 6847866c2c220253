"""The how-to and the reference of the rehearsal: limits are met and not met, builds are refused."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
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
    """Return the codes in the first column of a section's table."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return set(ROW.findall(text.split(f"# {section}\n")[1].split("\n## ")[0]))


@dataclass(frozen=True)
class Gate:
    """A reader's terminal after the last command of the how-to."""

    terminal: Terminal
    failures: list[int]
    """The number of failures in each result for a build server."""

    @property
    def runs(self) -> Path:
        """The folder of the runs."""
        return self.terminal.folder / "festgate-runs"


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    terminal = Terminal(tmp_path_factory.mktemp("gate"))
    failures = []
    for step in read(HOW_TO):
        assert isinstance(step, Step), "the page has nothing to write"
        terminal.do(step)
        if step.command.endswith("> rehearsal.xml"):
            suites = ET.parse(terminal.folder / "rehearsal.xml").getroot()  # noqa: S314  (our own)
            failures.append(len(suites.findall(".//failure")))
    assert isinstance(step, Step)
    assert step.code == REFUSED
    return Gate(terminal, failures)


def test_a_gate_passes_breaks_and_refuses_as_the_how_to_shows(gate: Gate) -> None:
    assert gate.failures == [0, 1]


def test_the_script_of_the_how_to_fails_where_builds_could_not_be_compared(tmp_path: Path) -> None:
    script = SHELL.search((DOCS / HOW_TO).read_text(encoding="utf-8"))
    assert script
    (tmp_path / "gate.sh").write_text(script["text"], encoding="utf-8")
    cases = {int(code) for code in re.findall(r"^    (\d)\) ", script["text"], re.MULTILINE)}
    assert cases == {NO_REGRESSION, REGRESSION, REFUSED, INCONCLUSIVE}
    # Without a repository there is no revision to compare with.
    terminal = Terminal(tmp_path, extra={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    code, output = terminal.run("sh gate.sh")
    assert code == REFUSED, output
    assert "'origin/main' is neither" in output
    assert "Could not be compared" in output


@pytest.mark.parametrize(
    "section, checks", [("Refusals", REFUSALS), ("Flags", FLAGS)], ids=["refusals", "flags"]
)
def test_every_refusal_and_every_flag_is_in_the_reference(
    section: str, checks: tuple[LoadCheck, ...]
) -> None:
    assert rows("reference/verdicts.md", section) == {check.code for check in checks}


def test_every_file_and_every_column_of_a_run_is_in_the_reference(gate: Gate, tmp_path: Path) -> None:
    run = next(path for path in gate.runs.iterdir() if path.name.endswith("-before"))
    varying = {"load.csv"}  # only where the load follows stages or a shape
    assert {path.name for path in run.iterdir()} | varying == rows("reference/runs.md", "The folder of a run")
    fields = set(json.loads((run / "run.json").read_text(encoding="utf-8")))
    assert fields == rows("reference/runs.md", "`run.json`") - {"plan.load"}
    assert {name for name, _ in COLUMNS} == rows("reference/runs.md", "`*.samples`")
    file = tmp_path / "requests.csv"
    assert gate.terminal.run(f"festgate runs export {run.name} {file}")[0] == 0
    head = file.read_text(encoding="utf-8").splitlines()[0]
    _, table = (DOCS / "reference" / "runs.md").read_text(encoding="utf-8").split("## As CSV")
    assert head.split(",") == re.findall(r"`(\w+)`", "".join(CELL.findall(table)))
