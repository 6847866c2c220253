"""The hints: one for each finding of a comparison or an audit, with a picture and a question."""

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from festgate.lab.audit.audit import audit
from festgate.lab.audit.findings import KINDS
from festgate.lab.description.starter import BUILT_IN
from festgate.lab.hints.catalogue import HINTS
from festgate.lab.hints.hint import Material
from festgate.lab.hints.page import hint_section
from festgate.lab.hints.pictures import PICTURES
from festgate.lab.hints.selection import applicable_hints, hint_for
from festgate.lab.student.folder import write_starter
from festgate.rehearsal.report.document import Document, Section
from festgate.rehearsal.report.page import page as written
from festgate.rehearsal.verdict.flags import FLAGS
from festgate.rehearsal.verdict.refusals import REFUSALS
from tests.lab.causes import CAUSES, PLAN, LabRuns
from tests.lab.reports import text_report
from tests.rehearsal.synthetic_runs import Fest
from tests.rehearsal.test_report_page import DRAWN, SIDEWAYS
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.charts import charts_of


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Section]:
    """Build the section of each hint that has a picture, from runs that show its subject."""
    runs = LabRuns(Fest(tmp_path_factory.mktemp("runs"), PLAN))
    return {code: hint_section("events", HINTS[code], "", cause(runs)) for code, cause in CAUSES.items()}


def test_every_refusal_every_flag_and_every_finding_of_an_audit_has_a_hint() -> None:
    assert set(HINTS) == {*(check.code for check in (*REFUSALS, *FLAGS)), *KINDS}


@pytest.mark.parametrize("code", HINTS)
def test_a_hint_asks_a_question_and_gives_no_remedy(code: str) -> None:
    hint = HINTS[code]
    assert hint.question.endswith("?")
    assert hint.happened.endswith(".")
    remedies = [check.remedy for check in (*REFUSALS, *FLAGS) if check.code == code]
    assert not any(remedy in hint.happened + hint.question for remedy in remedies)


def test_a_hint_has_a_picture_or_the_reason_why_there_is_none() -> None:
    assert {code for code, hint in HINTS.items() if hint.picture} == set(CAUSES)
    assert {hint.picture for hint in HINTS.values() if hint.picture} == set(PICTURES)
    for hint in HINTS.values():
        assert bool(hint.picture) != bool(hint.no_picture)
        if hint.no_picture:
            assert hint_section("", hint, "", None).words[-1] == hint.no_picture


SHOWN = {
    "connection-outliers": "2 of 80 opened a connection; half of these waited 2.10 s or longer",
    "error-rates-differ": "20 of 80 failed.",
    "too-many-failures": "20 of 80 failed.",
    "responses-not-compared": "160 different answers, by status, size and content; 0 of them came from both sides.",
    "run-cut": "1 of 2 runs ended early.",
    "many-names": "80 requests under 40 names. The first 15 of 40 are shown.",
    "too-few-samples": "has 19 requests that count: 9 lie above its median and 0 above its p95.",
    "responses-differ": "3 different answers, by status, size and content; 0 of them came from both sides.",
    "same-build": "4 runs of one program;",
    "builds-mixed": "4 runs of 2 programs;",
    "generator-saturated": "at most 95 % of a core.",
    "coordinated-omission": "waited from 10.00 s to 12.00 s, which is shaded. In that time 0 others were sent;",
    "phase-lock": "of these 120 tenths of a second no request was sent;",
    "rate-is-given": "before, 6 users, a wait of 2",
    "littles-law-off": "at once, for 6 users.",
    "arrivals-dropped": "80 requests were sent, and 30 never were.",
    "sent-late": "10.0 ms passed before a request was sent,",
    "warm-up-not-cut": "The first 4 s are shaded and do not count.",
}


@pytest.mark.parametrize("code", CAUSES)
def test_the_picture_shows_the_subject_of_the_hint(sections: dict[str, Section], code: str) -> None:
    (chart,) = sections[code].charts
    assert SHOWN.get(code, "") in chart.description
    assert chart.table.rows


def test_a_picture_without_data_is_not_drawn(tmp_path: Path) -> None:
    runs = LabRuns(Fest(tmp_path, PLAN))
    material = Material([runs.run()])
    for code in ("connection-outliers", "error-rates-differ", "arrivals-dropped", "share-off"):
        section = hint_section("events", HINTS[code], "", material)
        assert not section.charts
        assert section.words[-1] == "There is no picture: these runs show nothing of this kind."
    assert (
        hint_section("", HINTS["drift"], "", None)
        .words[-1]
        .startswith("There is no run to show this with yet")
    )


def test_every_hint_opens_offline_is_drawn_and_is_accessible(
    browser: Browser, sections: dict[str, Section], tmp_path: Path
) -> None:
    document = Document("Hints", "warn", "All of them", (), tuple(sections.values()), product="Festgate lab")
    file = tmp_path / "hints.html"
    file.write_text(written(document), encoding="utf-8")
    problems = []
    with visit(browser, viewport=PHONE, offline=True) as visitor:
        requests: list[str] = []
        visitor.context.on("request", lambda request: requests.append(request.url))
        page = visitor.context.new_page()
        page.goto(file.as_uri())
        page.wait_for_function(DRAWN)
        assert page.locator(".chart svg").count() == len(CAUSES)
        assert charts_of(file) == [""] * len(CAUSES)
        for size, scheme in ((PHONE, "light"), (DESK, "dark")):
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            problems += violations(page)
            if page.evaluate(SIDEWAYS):
                problems.append(f"scrolls sideways at {size['width']}")
        assert requests == [file.as_uri()]
        assert [*problems, *visitor.problems] == []


def test_hints_apply_to_comparisons_to_loads_and_to_the_conclusions_of_the_report(
    tmp_path: Path,
) -> None:
    lab = tmp_path / "lab"
    write_starter(BUILT_IN, lab)
    assert applicable_hints(BUILT_IN, lab) == []
    assert hint_for(BUILT_IN, lab, "drift").material is None
    runs = LabRuns(Fest(lab / "runs", PLAN))
    quiet = runs.run()
    CAUSES["connection-outliers"](runs)
    for seed in (7, 8):
        for side, code in (("before", "a"), ("after", "b")):
            runs.run(code=code, plan=replace(PLAN, seed=seed, label=f"events-{side}"))
    with (lab / "report.md").open("a", encoding="utf-8") as file:
        file.write(f"\n{text_report()}")
    codes = [(hint.name, hint.hint.code) for hint in applicable_hints(BUILT_IN, lab)]
    assert codes[:2] == [("events", "too-few-runs"), ("events", "connection-outliers")]
    assert {code for name, code in codes if not name} == set(audit_codes(lab))
    few, outlier = applicable_hints(BUILT_IN, lab)[:2]
    assert few.material
    assert [len(few.material.before), len(few.material.after)] == [2, 2]
    assert hint_for(BUILT_IN, lab, "connection-outliers").figure == outlier.figure
    of_quiet = hint_for(BUILT_IN, lab, "connection-outliers", quiet.name)
    assert of_quiet.figure == ""
    assert of_quiet.material == Material((quiet,))
    assert [hint.hint.code for hint in applicable_hints(BUILT_IN, lab, few.material.after[0].name)] == [
        "too-few-runs"
    ]
    cut = runs.run(plan=replace(PLAN, seed=9, label="events-after"), state="cut")
    assert [(hint.name, hint.hint.code) for hint in applicable_hints(BUILT_IN, lab, cut.name)] == [
        ("events", "run-cut")
    ]


def audit_codes(lab: Path) -> list[str]:
    return [finding.kind.code for finding in audit(lab / "report.md").findings]
