"""The report of drills: text and JSON, and HTML in a real browser, offline and for everyone."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from festgate.drills.report import render, write_report
from festgate.drills.runner import Drilled, Given
from tests.drills.recorded import record, struck
from tests.drills.test_judge import resting
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.charts import charts_of

DRAWN = "() => [...document.querySelectorAll('.chart')].every(place => place.dataset.drawn === 'yes')"
SIDEWAYS = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Drilled:
    """One that was contained, one that leaked, one that was not played."""
    folder = tmp_path_factory.mktemp("recorded")
    held = record(folder / "held", resting).outcome()
    leaked = record(
        folder / "leaked",
        lambda step, at: {"status": 500, "failed": True} if step != "/events" and struck(at) else {},
        drill="events-burns-cpu",
    ).outcome()
    refused = record(folder / "refused", drill="mail-is-down").outcome(refused="every module is well: not so")
    return Drilled((held, leaked, refused), Given())


@pytest.fixture(scope="module")
def report(drilled: Drilled, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "drills.html"
    write_report(drilled, path)
    return path.as_uri()


def test_the_text_begins_with_what_an_organiser_wants_to_know(drilled: Drilled) -> None:
    lines = render(drilled, "text").splitlines()
    assert lines[1] == "1 of 3 were contained"
    assert lines[2].startswith("3 things were broken on purpose while 720 people a minute came")
    assert any("is not part of what was struck" in line for line in lines[:8])
    text = "\n".join(lines)
    assert "Checkout raises: contained" in text
    assert "It was not played: the fest was not in order to begin with" in text
    assert "# " in render(drilled, "markdown")


def test_the_json_has_every_figure_and_no_word_that_is_no_json(drilled: Drilled) -> None:
    told = json.loads(render(drilled, "json"))
    assert (told["contained"], told["format"]) == (False, 1)
    held, leaked, refused = told["drills"]
    assert held["contained"]
    assert held["noticed"] == pytest.approx(0.0, abs=0.2)
    assert held["undone"] == pytest.approx(8.0)
    steps = {step["step"]: step for step in held["steps"]}
    assert steps["/checkout"]["come_back_later"] == 64
    assert steps["/events"]["come_back_later"] == 0
    assert leaked["leaks"]
    assert refused["refused"] == "every module is well: not so"


def test_the_report_opens_offline_and_is_for_everyone_in_light_and_dark(
    browser: Browser, report: str
) -> None:
    wrong = []
    with visit(browser, viewport=PHONE, offline=True) as visitor:
        asked: list[str] = []
        visitor.context.on("request", lambda request: asked.append(request.url))
        page = visitor.context.new_page()
        page.goto(report)
        page.wait_for_function(DRAWN)
        for size in (PHONE, DESK):
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found = violations(page, colours_only=scheme == "dark")
                wrong += [f"{size['width']}, {scheme}: {line}" for line in found]
            if page.evaluate(SIDEWAYS):
                wrong.append(f"scrolls sideways at {size['width']}")
        assert page.locator(".chart svg").count() == 3
        assert charts_of(Path(report.removeprefix("file://"))) == [""] * 3
        assert asked == [report]
        assert [*wrong, *visitor.wrongs] == []


def test_the_blast_radius_is_told_by_letters_and_in_words_too(page: Page, report: str) -> None:
    page.goto(report)
    page.wait_for_function(DRAWN)
    picture = page.get_by_role("img", name="Who was harmed, and when").first
    assert "Harmed were /checkout (64 of" in str(picture.get_attribute("aria-label"))
    assert picture.locator("svg text", has_text="R").count() >= 3
    glance = page.get_by_role("img", name="The blast radius of each drill")
    letters = glance.locator("svg text").all_text_contents()
    assert "R*" in letters
    assert "E" in letters
