"""The report of drills: text and JSON, and HTML in a real browser, offline and for everyone."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from festgate.drills.report import render, write_report
from festgate.drills.runner import DrillOptions, DrillResults
from tests.drills.recorded import is_faulted, record
from tests.drills.test_verdict import checkout_unavailable
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.charts import charts_of

DRAWN = "() => [...document.querySelectorAll('.chart')].every(place => place.dataset.drawn === 'yes')"
SIDEWAYS = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> DrillResults:
    """Return the results of a drill that was contained, of one that leaked, and of one that was not run."""
    folder = tmp_path_factory.mktemp("recorded")
    contained = record(folder / "contained", checkout_unavailable).outcome()
    leaked = record(
        folder / "leaked",
        lambda step, at: {"status": 500, "failed": True} if step != "/events" and is_faulted(at) else {},
        drill="events-burns-cpu",
    ).outcome()
    refused = record(folder / "refused", drill="mail-is-down").outcome(
        refused="every module is healthy: not healthy: checkout"
    )
    return DrillResults((contained, leaked, refused), DrillOptions())


@pytest.fixture(scope="module")
def report(results: DrillResults, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "drills.html"
    write_report(results, path)
    return path.as_uri()


def test_the_text_begins_with_a_summary_for_organisers(results: DrillResults) -> None:
    lines = render(results, "text").splitlines()
    assert lines[1] == "1 of 3 drills were contained"
    assert lines[2].startswith("3 drills were run while 720 people a minute came")
    assert any("is outside the allowed blast radius" in line for line in lines[:8])
    text = "\n".join(lines)
    assert "Checkout raises: contained" in text
    assert "The drill was not run because the steady state did not hold before it" in text
    assert "# " in render(results, "markdown")


def test_the_json_has_every_figure_and_is_valid(results: DrillResults) -> None:
    report = json.loads(render(results, "json"))
    assert (report["contained"], report["format"]) == (False, 1)
    contained, leaked, refused = report["drills"]
    assert contained["contained"]
    assert contained["noticed"] == pytest.approx(0.0, abs=0.2)
    assert contained["undone"] == pytest.approx(8.0)
    steps = {step["step"]: step for step in contained["steps"]}
    assert steps["/checkout"]["come_back_later"] == 64
    assert steps["/events"]["come_back_later"] == 0
    assert leaked["leaks"]
    assert refused["refused"] == "every module is healthy: not healthy: checkout"


def test_the_report_opens_offline_and_is_for_everyone_in_light_and_dark(
    browser: Browser, report: str
) -> None:
    problems = []
    with visit(browser, viewport=PHONE, offline=True) as visitor:
        requested: list[str] = []
        visitor.context.on("request", lambda request: requested.append(request.url))
        page = visitor.context.new_page()
        page.goto(report)
        page.wait_for_function(DRAWN)
        for size in (PHONE, DESK):
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                lines = violations(page, colours_only=scheme == "dark")
                problems += [f"{size['width']}, {scheme}: {line}" for line in lines]
            if page.evaluate(SIDEWAYS):
                problems.append(f"scrolls sideways at {size['width']}")
        assert page.locator(".chart svg").count() == 3
        assert charts_of(Path(report.removeprefix("file://"))) == [""] * 3
        assert requested == [report]
        assert [*problems, *visitor.problems] == []


def test_the_blast_radius_is_shown_in_letters_and_in_words_too(page: Page, report: str) -> None:
    page.goto(report)
    page.wait_for_function(DRAWN)
    picture = page.get_by_role("img", name="What was affected, and when").first
    assert "Affected: /checkout (64 of" in str(picture.get_attribute("aria-label"))
    assert picture.locator("svg text", has_text="R").count() >= 3
    glance = page.get_by_role("img", name="The blast radius of each drill")
    letters = glance.locator("svg text").all_text_contents()
    assert "R*" in letters
    assert "E" in letters
