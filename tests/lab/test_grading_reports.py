"""The reports of a submission: which files are one, what they claim beside the verification, and screenshots."""

from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN, Starter
from festgate.lab.grading.agreement import agreements
from festgate.lab.grading.grades import Reading
from festgate.lab.grading.reports import AuditedReport, RouteClaim
from tests.lab.grading import readings, verification
from tests.lab.handout_submissions import HANDOUT, SUBMISSIONS, hand_in
from tests.lab.report_files import screenshot, word_document, word_paragraph
from tests.lab.reports import CLAIMS, markdown_report, text_report

PATHS = ("/checkout", "/events", "/my-events")
NO_REPORTS = {
    "requirements.txt": "fastapi\nuvicorn[standard]==0.40.0\n# for the load\nlocust>=2\n",
    "packages.txt": "Package    Version\n---------- -------\nfastapi    0.110.0\nlocust     2.43.0\n",
    "deps.txt": "fastapi==0.110.0 \\\n    --hash=sha256:1234\njinja2\n",
    "LICENSE.txt": "Permission is hereby granted, free of charge, to any person.\n",
    "events_load.txt": "from locust import HttpUser\n\n\nclass Visitor(HttpUser):\n    wait_time = 1\n",
    "page.html": "<html><body>{{ event.name }}: 451 ms before, 324 ms after</body></html>",
    "README.md": "# Fest portal\n\nRun `uvicorn main:app` and open http://localhost:8000/events.\n",
    "locust/notes.txt": "Average before: 451 ms, after: 324 ms\n",
}


def reading_of(tmp_path: Path, files: dict[str, bytes], starter: Starter = BUILT_IN) -> Reading:
    """Read a submission of these files."""
    submission = tmp_path / "submissions" / "anu"
    for name, content in files.items():
        (submission / name).parent.mkdir(parents=True, exist_ok=True)
        (submission / name).write_bytes(content)
    return readings(tmp_path, starter)["anu"]


@pytest.mark.parametrize("name", NO_REPORTS)
def test_a_list_of_packages_a_licence_and_a_locustfile_are_no_reports(tmp_path: Path, name: str) -> None:
    starter = Starter(HANDOUT, load={"events": "locust/events_locustfile.py"})
    files = {name: NO_REPORTS[name].encode(), "notes.md": f"{CLAIMS[0]}\n".encode()}
    assert [report.name for report in reading_of(tmp_path, files, starter).reports] == ["notes.md"]


@pytest.mark.parametrize(
    "text",
    [
        "# Fest portal\n\nThe average of /events dropped from 451 ms to 324 ms.\n",
        "# Fest portal\n\nThe bottleneck of /events was a loop. Without it the page is faster.\n",
        markdown_report(),
    ],
)
def test_a_readme_with_figures_or_conclusions_is_a_report(tmp_path: Path, text: str) -> None:
    assert [report.name for report in reading_of(tmp_path, {"README.md": text.encode()}).reports] == [
        "README.md"
    ]


def test_the_starters_own_readme_is_no_report_even_with_a_line_more(tmp_path: Path) -> None:
    text = (BUILT_IN.folder / "README.md").read_bytes() + b"\nHanded in by team four.\n"
    assert reading_of(tmp_path, {"README.md": text}).reports == ()


def test_a_report_in_utf_16_and_one_of_word_are_read(tmp_path: Path) -> None:
    paragraphs = ["Name: Meera Nair", "After the optimisation /events dropped from 451 ms to 324 ms."]
    word = word_document(tmp_path / "report.docx", "".join(map(word_paragraph, paragraphs)))
    files = {"README.md": text_report().encode("utf-16"), "report.docx": word.read_bytes()}
    reading = reading_of(tmp_path, files)
    assert [report.name for report in reading.reports] == ["README.md", "report.docx"]
    assert [claim.shown for claim in reading.reports[1].claims] == ["451 to 324 ms"]
    assert reading.author.name == "Meera Nair"


def test_claims_stand_beside_the_verification_of_their_route(tmp_path: Path) -> None:
    reports = reading_of(tmp_path, {"report.txt": text_report().encode()}).reports
    results = verification(events="unchanged", mine="worse")
    checkout, events, mine = agreements(PATHS, reports, results)
    assert (checkout.agreement, checkout.sentence) == (
        "no claim",
        "claims nothing; improved by 96.4 % [96.1 to 96.7]",
    )
    assert (events.agreement, events.sentence) == (
        "differs",
        "claims 451 to 324 ms; the route's code is unchanged",
    )
    assert mine.agreement == "differs"
    assert [pair.agreement for pair in agreements(PATHS, reports, verification())] == [
        "no claim",
        "agrees",
        "agrees",
    ]
    assert {pair.agreement for pair in agreements(PATHS, reports, None)} == {"no claim", "not compared"}


@pytest.mark.parametrize(
    "sentences, shown, direction",
    [
        (
            "Before the change, the average of /events was 451 ms. After it, the average of /events was 324 ms.",
            "451 to 324 ms (average)",
            "faster",
        ),
        ("The p95 of /events went from 324 ms to 451 ms.", "324 to 451 ms (95 %)", "slower"),
        ("RPS of /events improved from 0.54 to 0.60.", "0.54/s to 0.6/s (RPS)", "faster"),
        ("/events is 50 % faster.", "50 % faster", "faster"),
    ],
)
def test_a_claim_has_its_figures_and_its_direction(
    tmp_path: Path, sentences: str, shown: str, direction: str
) -> None:
    (report,) = reading_of(tmp_path, {"report.txt": sentences.encode()}).reports
    assert [(claim.route, claim.shown, claim.direction) for claim in report.claims] == [
        ("/events", shown, direction)
    ]


def test_a_claim_that_nothing_changed_fits_unchanged_code() -> None:
    claim = RouteClaim("/events", "330 to 330 ms", "same", "", "line 1")
    _, events, _ = agreements(
        PATHS, [AuditedReport("report.md", claims=(claim,))], verification(events="unchanged")
    )
    assert events.agreement == "agrees"


@pytest.mark.parametrize("name", ["pictures-only", "report-only", "word-report"])
def test_a_report_of_screenshots_has_a_form_and_is_not_checked(tmp_path: Path, name: str) -> None:
    hand_in(name, tmp_path / "submissions")
    known = readings(tmp_path, Starter(HANDOUT))
    (report,) = known[name].reports
    assert report.pictures == (9 if name == "pictures-only" else 2)
    assert not report.tables
    assert report.name == (SUBMISSIONS[name].report or "screenshots")
    form = (tmp_path / "grades" / report.form).read_text(encoding="utf-8")
    assert form.count("data:image/") == report.pictures


def test_tables_typed_from_screenshots_are_audited_at_the_next_call(tmp_path: Path) -> None:
    files = {"lab/report.md": f"{CLAIMS[0]}\n\n![](a.png)\n".encode(), "lab/a.png": screenshot(240)}
    (report,) = reading_of(tmp_path, files).reports
    assert (report.tables, report.pictures, report.state) == (0, 1, "findings")
    typed = (
        "## Before: a.png\n\n"
        "| Type | Name | # Requests | # Fails | Median (ms) | Average (ms) | Min (ms) | Max (ms) | Current RPS |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| GET | /events | 16 | 0 | 330 | 451 | 258 | 2460 | 0.54 |\n\n"
        "## After: b.png\n\n"
        "| Type | Name | # Requests | # Fails | Median (ms) | Average (ms) | Min (ms) | Max (ms) | Current RPS |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| GET | /events | 12 | 0 | 360 | 542 | 311 | 2493 | 0.53 |\n"
    )
    tables = tmp_path / "grades" / "tables" / "anu" / "lab" / "report.md.tables.md"
    assert tables.parent.is_dir()
    tables.write_text(typed, encoding="utf-8")
    (report,) = reading_of(tmp_path, files).reports
    assert (report.tables, report.pictures, report.entered) == (2, 0, True)
    assert any("324 ms is in no table" in sentence for sentence in report.open)
    # The same file beside the report in the submission: its content counts as before.
    tables.unlink()
    (beside,) = reading_of(tmp_path, {**files, "lab/report.md.tables.md": typed.encode()}).reports
    assert (beside.tables, beside.entered) == (2, True)


def test_tables_can_be_typed_for_a_submission_of_nothing_but_screenshots(tmp_path: Path) -> None:
    typed = tmp_path / "grades" / "tables" / "anu" / "screenshots.tables.md"
    typed.parent.mkdir(parents=True)
    typed.write_text(text_report(), encoding="utf-8")
    (report,) = reading_of(tmp_path, {"one.png": screenshot(240)}).reports
    assert (report.name, report.entered, report.tables > 0, report.pictures) == ("screenshots", True, True, 0)
