"""The audit finds all six errors at their lines in every kind of file, and none in a sound report."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from festgate.lab.audit.audit import AuditResult, audit
from tests.lab.conftest import Auditor
from tests.lab.reports import (
    CLAIMS,
    EVENTS,
    RATE,
    console_run,
    html_report,
    markdown_report,
    sound_report,
    text_report,
)
from tests.rig import command
from tests.rig.server import environment

SIX = {
    "workload-differs": 1,
    "one-row-of-many": 2,
    "many-names": 3,
    "rate-cannot-move": 4,
    "percentile-is-maximum": 4,
    "connection-outliers": 5,
    "not-repeated": 6,
}
"""The number of the error by the code of the finding."""
WRITERS: dict[str, Callable[[], str]] = {
    "report.txt": text_report,
    "report.md": markdown_report,
    "report.html": html_report,
    "console.html": lambda: html_report(console=True),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Path:
    """Write the same report in every kind of file; Chromium prints the pages as PDF."""
    made = tmp_path_factory.mktemp("reports")
    for name, write in WRITERS.items():
        (made / name).write_text(write(), encoding="utf-8")
    page = browser.new_page()
    for name in ("report", "console"):
        page.set_content(WRITERS[f"{name}.html"]())
        page.pdf(path=made / f"{name}.pdf")
    page.close()
    (made / "sound.md").write_text(sound_report(), encoding="utf-8")
    return made


def places(audited: AuditResult, code: str) -> list[str]:
    """Return the places of a finding."""
    return [
        str(audited.place(spot))
        for finding in audited.findings
        if finding.kind.code == code
        for spot in finding.spots
    ]


def figures(audited: AuditResult, code: str) -> list[str]:
    return [
        spot.figure for finding in audited.findings if finding.kind.code == code for spot in finding.spots
    ]


def lines_with(text: str, *pieces: str) -> list[str]:
    """Return the first line of the text that contains each of the pieces."""
    lines = text.splitlines()
    return [
        f"line {next(number for number, line in enumerate(lines, 1) if piece in line)}" for piece in pieces
    ]


@pytest.mark.parametrize("name", [*WRITERS, "report.pdf", "console.pdf"])
def test_every_kind_of_file_gives_all_six_errors_and_the_same_figures(folder: Path, name: str) -> None:
    audited = audit(folder / name)
    assert {finding.kind.code: finding.kind.error for finding in audited.findings} == SIX
    assert (audited.tables, audited.requests, audited.open) == (6, 97, ())
    first, second = figures(audited, "one-row-of-many")
    assert first.startswith("324 ms is row 1 of 12 of /events after: the time of GET /events?user=user4021, ")
    assert first.endswith("1 of 12 requests. All requests: Average 451 ms before, 542 ms after (20 % more)")
    assert second.startswith("94 ms is row 1 of 17 of /my-events after")
    assert second.endswith("Average 280 ms before, 204 ms after (27 % less)")
    assert figures(audited, "many-names")[0] == (
        "/events after: 12 rows for 12 requests, 12 of them with one request, from GET /events?user=user4021 to"
        " GET /events?user=user4428"
    )
    assert figures(audited, "percentile-is-maximum")[:2] == [
        "/checkout before: 17 requests; p95 2,100 ms, slowest 2,104 ms",
        "/events before: 16 requests; p95 2,500 ms, slowest 2,460 ms",
    ]
    (checkout, *_) = outliers = figures(audited, "connection-outliers")
    assert len(outliers) == 6
    assert checkout.startswith(
        "/checkout before: one request of 2,104 ms is 234 times the median (9 ms) and 9"
    )
    (rate,) = figures(audited, "rate-cannot-move")
    assert "at most 0.66/s were possible" in rate
    (repeated,) = figures(audited, "not-repeated")
    assert repeated.startswith("no warm-up mentioned; runs: /checkout 1 before and 1 after, ")


@pytest.mark.parametrize("name", ["report.txt", "report.md", "report.html", "console.html"])
def test_each_error_is_reported_at_its_line(folder: Path, name: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    audited = audit(folder / name)
    first_rows = lines_with(text, "/events?user=user4021", "/my-events?user=user4021")
    assert places(audited, "workload-differs") == places(audited, "many-names") == first_rows
    assert places(audited, "one-row-of-many") == lines_with(text, CLAIMS[0], CLAIMS[1])
    assert places(audited, "rate-cannot-move") == lines_with(text, RATE)
    assert places(audited, "not-repeated") == lines_with(text, CLAIMS[0])
    totals = [number for number, line in enumerate(text.splitlines(), 1) if "Aggregated" in line]
    if name != "report.md" and "console" not in name and "txt" not in name:
        assert places(audited, "connection-outliers") == [f"line {number}" for number in totals]
    assert places(audited, "connection-outliers") == places(audited, "percentile-is-maximum")


def test_in_a_pdf_lines_are_counted_by_page(folder: Path) -> None:
    audited = audit(folder / "console.pdf")
    assert places(audited, "workload-differs")[0].startswith("page 1, line ")
    assert places(audited, "rate-cannot-move")[0].startswith("page 2, line ")


def test_a_sound_report_has_no_findings(folder: Path) -> None:
    audited = audit(folder / "sound.md")
    assert (audited.findings, audited.open) == ((), ())
    assert audited.claims[0].sources[0].startswith("331 ms (before): Median")


def test_every_finding_has_a_question_that_does_not_give_the_fix_away(folder: Path) -> None:
    for finding in audit(folder / "report.txt").findings:
        assert finding.kind.question.endswith("?")
        assert not any(word in finding.kind.question for word in ("name=", "127.0.0.1", "delete", "remove"))


@pytest.fixture(scope="module")
def run_audit(folder: Path) -> Callable[..., tuple[int, str, str]]:
    """Run the command and return its exit code, its output and its errors."""

    def run(*words: str) -> tuple[int, str, str]:
        known = environment(folder / "data") | {"COLUMNS": "200"}
        done = command.run(["lab", "audit", *words], known, folder=folder, modules=command.REHEARSAL)
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_command_shows_findings_and_the_source_of_every_number(
    run_audit: Callable[..., tuple[int, str, str]],
) -> None:
    code, shown, _ = run_audit("report.txt")
    assert code == 1
    assert "report.txt: 6 Locust tables with 97 requests, 3 claims; 7 findings" in shown
    assert "Error 2: One row was picked out of many  one-row-of-many" in shown
    assert "451 ms (before): Average of Aggregated, line 38, 16 requests" in shown


def test_several_files_are_reported_together_and_an_unreadable_one_ends_with_2(
    folder: Path, run_audit: Callable[..., tuple[int, str, str]]
) -> None:
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert run_audit("sound.md")[0] == 0
    code, shown, errors = run_audit("sound.md", "report.md", "picture.png", "--format", "json")
    assert code == 2
    refusal = "picture.png is a picture. Name its folder instead, to enter the numbers of all pictures there."
    assert errors == f"{refusal}\n"
    result = json.loads(shown)
    assert [(report["file"], len(report["findings"])) for report in result["reports"]] == [
        ("sound.md", 0),
        ("report.md", 7),
    ]
    assert result["unreadable"] == [refusal]
    finding = result["reports"][1]["findings"][1]
    assert (finding["code"], finding["error"]) == ("one-row-of-many", 2)
    assert finding["places"][0]["figure"].startswith("324 ms is row 1 of 12")
    assert finding["places"][0]["page"] is None


def test_an_unknown_format_is_refused(run_audit: Callable[..., tuple[int, str, str]]) -> None:
    code, output, errors = run_audit("report.md", "--format", "xml")
    assert (code, output) == (2, "")
    assert "Invalid value for '--format'" in errors


def test_a_table_that_was_cut_off_is_reported(audited: Auditor) -> None:
    cut = console_run([EVENTS], None, 2500).partition("Aggregated")[0]
    result = audited(f"Before:\n\n{cut}\n\nThe average of /events fell from 451 ms to 12 ms.\n")
    (sentence,) = [spot.figure for spot in result.open if "understood" in spot.figure]
    assert "the table at line 3 ends without its row Aggregated, so it may be cut off" in sentence
