"""report.html in a real browser: one accessible file that works offline."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from festgate.rehearsal.report import Compared, write_report
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.comparison import compare
from tests.rehearsal.synthetic_runs import Fest
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.charts import charts_of

DRAWN = "() => [...document.querySelectorAll('.chart')].every(place => place.dataset.drawn === 'yes')"
SIDEWAYS = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
HOSTILE = "/events/{slug}'\"</script><img src=x onerror=alert(1)>`${1}`\\"
MAX_BYTES = 1_400_000
"""Bytes; the library that draws the charts has 900,000."""


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Fest:
    plan = Plan("opening_day", "http://127.0.0.1:1", Rate(70.0), duration=30.0, warm_up=5.0)
    return Fest(tmp_path_factory.mktemp("reports"), plan)


def run_with_a_slow_period(fest: Fest, name: str, requests: int) -> Run:
    """Keep a run with a slow period, errors in it, and a step with a hostile name."""
    answers = fest.usual(1, requests=requests)
    begin = fest.plan.warm_up + 0.6 * fest.plan.duration
    slow = (answers.intended > begin) & (answers.intended < begin + 0.2 * fest.plan.duration)
    latency = np.where(slow, answers.latency * 30, answers.latency)
    steps = ("/events", "POST /checkout", HOSTILE)
    limits = ("p95(/events) < 2s", "p95(POST /checkout) < 20ms", "p99.9(/events) < 9s")
    return fest.run(
        name,
        replace(answers, latency=latency, steps=steps, failed=40),
        plan=replace(fest.plan, fail_if=limits),
        server={"revision": "abc"},
        dropped=3,
    )


@pytest.fixture(scope="module")
def run(fest: Fest) -> Run:
    return run_with_a_slow_period(fest, "slow-period", 2_100)


@pytest.fixture(scope="module")
def comparison(fest: Fest) -> Compared:
    plan = replace(fest.plan, duration=10.0, warm_up=2.0)
    short = Fest(fest.folder / "pairs", plan)
    before, after = [], []
    for pair in range(6):
        before.append(short.run(f"before-{pair}", short.usual(pair), server={"revision": "a"}))
        after.append(short.run(f"after-{pair}", short.usual(pair + 50, slower=1.2), server={"revision": "b"}))
    metrics = [parse_metric("p95(/events)"), parse_metric("p50"), parse_metric("mean")]
    return Compared(compare(before, after, metrics, interleaved=True), before, after)


@pytest.fixture(scope="module")
def refused(comparison: Compared) -> Compared:
    same = comparison.before
    return Compared(compare(same, same, [parse_metric("p95")], interleaved=False), same, same)


@pytest.fixture(scope="module")
def reports(fest: Fest, run: Run, comparison: Compared, refused: Compared) -> dict[str, Path]:
    """The file of each report."""
    files = {}
    things: dict[str, Run | Compared] = {"run": run, "comparison": comparison, "refused": refused}
    for name, thing in things.items():
        files[name] = fest.folder / f"{name}.html"
        write_report(thing, files[name])
    return files


@pytest.fixture
def report(request: pytest.FixtureRequest, reports: dict[str, Path]) -> str:
    """The address of the report that the test's parameter names; that of the run by default."""
    return reports[getattr(request, "param", "run")].as_uri()


def opened(page: Page, report: str) -> None:
    page.goto(report)
    page.wait_for_function(DRAWN)


@pytest.fixture(scope="module")
def opened_page(browser: Browser, reports: dict[str, Path]) -> Iterator[Page]:
    """The report of the run, which takes a second to draw, for all tests that only look at it."""
    with visit(browser) as visitor:
        page = visitor.context.new_page()
        opened(page, reports["run"].as_uri())
        yield page
        assert visitor.problems == []


@pytest.fixture
def run_page(opened_page: Page) -> Page:
    """The same page on a screen in light colours, whatever the test before it has shown."""
    opened_page.emulate_media(media="screen", color_scheme="light")
    return opened_page


@pytest.mark.parametrize(
    "report, charts", [("run", 6), ("comparison", 2), ("refused", 0)], indirect=["report"]
)
def test_a_report_opens_offline_and_is_accessible_in_light_and_dark(
    browser: Browser, report: str, charts: int
) -> None:
    wrong = []
    with visit(browser, viewport=PHONE, offline=True) as visitor:
        # Records every request for another file, even a refused one.
        asked: list[str] = []
        visitor.context.on("request", lambda request: asked.append(request.url))
        page = visitor.context.new_page()
        opened(page, report)
        for size in (PHONE, DESK):
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
            wrong += [f"{size['width']}: {line}" for line in violations(page)]
            if page.evaluate(SIDEWAYS):
                wrong.append(f"scrolls sideways at {size['width']}")
        # The colours are the same at any width.
        page.emulate_media(color_scheme="dark")
        wrong += [f"dark: {line}" for line in violations(page, colours_only=True)]
        assert page.locator(".chart svg").count() == charts
        assert charts_of(Path(report.removeprefix("file://"))) == [""] * charts
        assert asked == [report]
        assert [*wrong, *visitor.problems] == []


def test_a_chart_shows_its_figures_under_the_pointer_and_as_a_table(run_page: Page) -> None:
    page = run_page
    chart = page.get_by_role("img", name="Latency over time")
    chart.scroll_into_view_if_needed()
    chart.hover()
    page.locator("#vg-tooltip-element.visible", has_text="maximum").wait_for()
    figure = page.locator("figure", has=chart)
    figure.get_by_text("Show as a table").click()
    table = figure.get_by_role("table", name="Latency over time")
    assert table.get_by_role("columnheader").all_inner_texts() == [
        "time",
        "median",
        "95th percentile",
        "maximum",
    ]
    # One for each second.
    assert table.get_by_role("rowheader").count() == 35


def test_the_colours_of_a_chart_are_those_of_the_page(run_page: Page) -> None:
    colour = (
        "() => getComputedStyle(document.querySelector('.chart svg path[stroke^=\"var(--line\"]')).stroke"
    )
    light = run_page.evaluate(colour)
    run_page.emulate_media(color_scheme="dark")
    dark = run_page.evaluate(colour)
    run_page.emulate_media(color_scheme="dark", media="print")
    assert light != dark
    assert run_page.evaluate(colour) == light


def test_on_paper_nothing_is_cut_off(page: Page, report: str) -> None:
    # A4 less its margins, at 96 dots an inch.
    page.set_viewport_size({"width": 688, "height": 1017})
    opened(page, report)
    page.emulate_media(media="print")
    right = "() => Math.max(...[...document.querySelectorAll('main *')].map(e => e.getBoundingClientRect().right))"
    assert page.evaluate(right) <= 688
    assert page.locator("details:visible").count() == 0
    assert page.locator(".chart svg:visible").count() == 6


def test_a_hostile_name_is_shown_as_text(run_page: Page) -> None:
    assert run_page.locator("img[src=x]").count() == 0
    assert run_page.get_by_role("rowheader", name=HOSTILE, exact=True).count() > 0
    assert run_page.locator(".chart svg text", has_text=HOSTILE).count() > 0


def test_long_names_and_nearly_equal_latencies_fit_on_a_phone(fest: Fest, page: Page) -> None:
    plan = replace(fest.plan, duration=10.0, warm_up=2.0, fail_if=(f"p95(/{'x' * 300}) < 1ms",))
    usual = fest.usual(1)
    steps = (f"/{'x' * 300}", "/" + "page/" * 60)
    answers = replace(
        usual, steps=steps, latency=np.full(len(usual.latency), 0.0311), failed=3, failed_status=0
    )
    file = fest.folder / "long.html"
    write_report(fest.run("long", replace(answers, intended=2 + np.linspace(0, 9.9, 700)), plan=plan), file)
    page.set_viewport_size({"width": 390, "height": 900})
    opened(page, file.as_uri())
    assert not page.evaluate(SIDEWAYS)
    inside = """() => [...document.querySelectorAll('.chart svg')].every(chart => {
        const box = chart.closest('figure').getBoundingClientRect();
        return chart.getBoundingClientRect().height < 700 && [...chart.querySelectorAll('text')].every(
            text => text.getBoundingClientRect().right <= box.right && text.getBoundingClientRect().left >= box.left);
    })"""
    assert page.evaluate(inside)


def test_the_summary_comes_first_and_the_details_below(run_page: Page) -> None:
    headings = run_page.get_by_role("heading", level=2).all_inner_texts()
    assert headings == [
        "Failed",
        "Limits",
        "Notes",
        "Charts",
        "Steps",
        "Configuration",
    ]
    limits = run_page.locator("section", has=run_page.get_by_role("heading", name="Limits")).get_by_role(
        "listitem"
    )
    assert [text.splitlines()[0].split(":")[0] for text in limits.all_inner_texts()] == [
        "Met",
        "Not met",
        "Met",
    ]


def test_a_report_is_small(fest: Fest, reports: dict[str, Path]) -> None:
    long = Fest(fest.folder / "five-minutes", replace(fest.plan, duration=300.0))
    file = fest.folder / "five-minutes.html"
    write_report(run_with_a_slow_period(long, "slow-period", 20_000), file)
    assert file.stat().st_size < MAX_BYTES
    # A report without charts does not contain the library.
    assert reports["refused"].stat().st_size < 30_000
