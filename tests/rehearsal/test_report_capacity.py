"""The report of a search for the capacity, in every format."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from festgate.rehearsal.report import render
from festgate.rehearsal.runner.capacity import Capacity, CapacityStep
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.stats.metrics import parse_thresholds
from tests.rehearsal.synthetic_runs import Fest


@pytest.fixture
def found(tmp_path: Path) -> Capacity:
    """Forty a second hold, eighty do not."""
    plan = Plan("events", "http://127.0.0.1:1", Rate(40.0), duration=2.0, warm_up=1.0)
    fest = Fest(tmp_path, plan)
    run = fest.run("one", fest.usual(1, requests=100))
    steps = (
        CapacityStep(40.0, run, 40.0, 0.4, (0.01, 0.0), holds=True, generator_busy=False),
        CapacityStep(80.0, run, 79.0, 60.0, (0.75, 0.0), holds=False, generator_busy=False),
    )
    limits = tuple(parse_thresholds("p95 < 300ms, errors < 1%"))
    return Capacity(limits, steps, 40.0, 80.0, None, "two loads are too few")


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_the_rate_that_holds_and_the_one_that_does_not_are_told(found: Capacity, form: str) -> None:
    text = render(found, form)
    assert "It holds 2,400 journeys a minute" in text
    assert "At 4,800 journeys a minute it no longer does." in text
    assert "two loads are too few" in text


def test_json_has_every_step(found: Capacity) -> None:
    told = json.loads(render(found, "json"))
    assert (told["most"], told["breaks_at"]) == (40.0, 80.0)
    assert [step["holds"] for step in told["steps"]] == [True, False]


def test_junit_passes_where_a_rate_holds_and_names_the_limits_at_it(found: Capacity) -> None:
    (suite,) = ET.fromstring(render(found, "junit")).iter("testsuite")  # noqa: S314  (our own)
    assert (suite.get("tests"), suite.get("failures")) == ("3", "0")
    assert [case.get("name") for case in suite] == [
        "a rate at which every limit holds",
        "p95 < 300ms",
        "errors < 1%",
    ]
    assert suite.findtext("testcase[2]/system-out") == "10.0 ms at 2,400 journeys a minute"


def test_junit_fails_where_no_rate_holds_with_the_limit_that_broke(found: Capacity) -> None:
    nothing = replace(found, most=None, breaks_at=80.0, steps=found.steps[1:])
    (suite,) = ET.fromstring(render(nothing, "junit")).iter("testsuite")  # noqa: S314  (our own)
    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    assert failed == {"a rate at which every limit holds", "p95 < 300ms"}
