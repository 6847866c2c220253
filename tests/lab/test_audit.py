"""The report of the six errors gives all six, at their lines, in every kind of file; a sound report gives none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from festgate.lab.audit.audit import Audited, audit
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
"""The number of the error by the code of what was found."""
WRITERS: dict[str, Callable[[], str]] = {
    "report.txt": text_report,
    "report.md": markdown_report,
    "report.html": html_report,
    "console.html": lambda: html_report(console=True),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Path:
    """The same report in every kind of file; Chromium prints the pages as PDF."""
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


def places(audited: Audited, code: str) -> list[str]:
    """Where it was found."""
    return [
        str(audited.place(spot)) for each in audited.findings if each.kind.code == code for spot in each.spots
    ]


def figures(audited: Audited, code: str) -> list[str]:
    return [spot.figure for each in audited.findings if each.kind.code == code for spot in each.spots]


def lines_with(text: str, *pieces: str) -> list[str]:
    """The lines of a text that have one of the pieces in them, each the first that has it."""
    lines = text.splitlines()
    return [
        f"line {next(number for number, line in enumerate(lines, 1) if piece in line)}" for piece in pieces
    ]


@pytest.mark.parametrize("name", [*WRITERS, "report.pdf", "console.pdf"])
def test_every_kind_of_file_gives_all_six_errors_and_the_same_figures(folder: Path, name: str) -> None:
    found = audit(folder / name)
    assert {each.kind.code: each.kind.error for each in found.findings} == SIX
    assert (found.tables, found.requests, found.open) == (6, 97, ())
    first, second = figures(found, "one-row-of-many")
    assert first.startswith("324 ms is row 1 of 12 of /events after: the time of GET /events?user=user4021, ")
    assert first.endswith("1 of 12 requests. All requests: Average 451 ms before, 542 ms after (20 % more)")
    assert second.startswith("94 ms is row 1 of 17 of /my-events after")
    assert second.endswith("Average 280 ms before, 285 ms after (2 % more)")
    assert figures(found, "many-names")[0] == (
        "/events after: 12 rows for 12 requests, 12 of them with one request, from GET /events?user=user4021 to"
        " GET /events?user=user4428"
    )
    assert figures(found, "percentile-is-maximum")[:2] == [
        "/checkout before: 17 requests; p95 2,100 ms, slowest 2,104 ms",
        "/events before: 16 requests; p95 2,500 ms, slowest 2,460 ms",
    ]
    (checkout, *_) = outliers = figures(found, "connection-outliers")
    assert len(outliers) == 6
    assert checkout.startswith(
        "/checkout before: one request of 2,104 ms is 234 times the median (9 ms) and 9"
    )
    (rate,) = figures(found, "rate-cannot-move")
    assert "at most 0.66/s were possible" in rate
    (repeated,) = figures(found, "not-repeated")
    assert repeated.startswith("no word of a warm-up; runs: /checkout 1 before and 1 after, ")


@pytest.mark.parametrize("name", ["report.txt", "report.md", "report.html", "console.html"])
def test_each_error_is_told_at_its_line(folder: Path, name: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    found = audit(folder / name)
    first_rows = lines_with(text, "/events?user=user4021", "/my-events?user=user4021")
    assert places(found, "workload-differs") == places(found, "many-names") == first_rows
    assert places(found, "one-row-of-many") == lines_with(text, CLAIMS[0], CLAIMS[1])
    assert places(found, "rate-cannot-move") == lines_with(text, RATE)
    assert places(found, "not-repeated") == lines_with(text, CLAIMS[0])
    totals = [number for number, line in enumerate(text.splitlines(), 1) if "Aggregated" in line]
    if name != "report.md" and "console" not in name and "txt" not in name:
        assert places(found, "connection-outliers") == [f"line {number}" for number in totals]
    assert places(found, "connection-outliers") == places(found, "percentile-is-maximum")


def test_in_a_pdf_a_line_is_one_of_its_page(folder: Path) -> None:
    found = audit(folder / "console.pdf")
    assert places(found, "workload-differs")[0].startswith("page 1, line ")
    assert places(found, "rate-cannot-move")[0].startswith("page 2, line ")


def test_a_sound_report_gives_nothing(folder: Path) -> None:
    found = audit(folder / "sound.md")
    assert (found.findings, found.open) == ((), ())
    assert found.claims[0].sources[0].startswith("331 ms (before): Median")


def test_every_finding_has_a_question_and_none_says_what_to_write(folder: Path) -> None:
    for each in audit(folder / "report.txt").findings:
        assert each.kind.question.endswith("?")
        assert not any(word in each.kind.question for word in ("name=", "127.0.0.1", "delete", "remove"))


@pytest.fixture(scope="module")
def told(folder: Path) -> Callable[..., tuple[int, str, str]]:
    """Plays the command: its exit code, its output, its errors."""

    def run(*words: str) -> tuple[int, str, str]:
        known = environment(folder / "data") | {"COLUMNS": "200"}
        done = command.run(["lab", "audit", *words], known, folder=folder)
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_command_tells_findings_and_where_every_number_is_from(
    told: Callable[..., tuple[int, str, str]],
) -> None:
    code, shown, _ = told("report.txt")
    assert code == 1
    assert "report.txt: 6 tables of Locust with 97 requests, 3 claims; 7 findings" in shown
    assert "Error 2: One row was picked out of many  one-row-of-many" in shown
    assert "451 ms (before): Average of Aggregated, line 38, 16 requests" in shown


def test_several_files_are_told_of_together_and_one_that_cannot_be_read_ends_in_2(
    folder: Path, told: Callable[..., tuple[int, str, str]]
) -> None:
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert told("sound.md")[0] == 0
    code, shown, errors = told("sound.md", "report.md", "picture.png", "--format", "json")
    assert code == 2
    assert errors == "picture.png, line 1: this is not text.\n"
    read = json.loads(shown)
    assert [(each["file"], len(each["findings"])) for each in read["reports"]] == [
        ("sound.md", 0),
        ("report.md", 7),
    ]
    assert read["unreadable"] == ["picture.png, line 1: this is not text."]
    finding = read["reports"][1]["findings"][1]
    assert (finding["code"], finding["error"]) == ("one-row-of-many", 2)
    assert finding["places"][0]["figure"].startswith("324 ms is row 1 of 12")
    assert finding["places"][0]["page"] is None


def test_a_format_that_is_none_is_refused(told: Callable[..., tuple[int, str, str]]) -> None:
    assert told("report.md", "--format", "xml") == (2, "", "--format is one of text, json.\n")


def test_a_table_that_was_cut_off_is_said_to_be(audited: Auditor) -> None:
    cut = console_run([EVENTS], None, 2500).partition("Aggregated")[0]
    found = audited(f"Before:\n\n{cut}\n\nThe average of /events fell from 451 ms to 12 ms.\n")
    (told,) = [spot.figure for spot in found.open if "understood" in spot.figure]
    assert "the table at line 3 ends without its row Aggregated, so it may be cut off" in told
