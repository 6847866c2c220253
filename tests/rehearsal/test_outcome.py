"""The outcome of a run is the same in the headline, the sentences, JSON, JUnit and the exit code."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from festgate.rehearsal.cli.execution import report_run
from festgate.rehearsal.report import render
from festgate.rehearsal.report.run_report import run_document
from festgate.rehearsal.runs.plan import Load, Rate, Users
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.summary import summarize
from festgate.rehearsal.verdict.outcome import outcome_of
from tests.rehearsal.synthetic_runs import Answers, Fest

FORTY = Users(40, 10.0)


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    return Fest(tmp_path)


def kept(
    fest: Fest,
    *limits: str,
    load: Load = Rate(70.0),  # noqa: B008  (frozen)
    failed: int = 0,
    dropped: int = 0,
    present: int | None = None,
    requests: int = 700,
) -> Run:
    """Return a run of 700 requests with that many failures, dropped arrivals and present users."""
    answers = replace(fest.usual(1), failed=failed)
    if not requests:
        answers = Answers(latency=answers.latency[:0], intended=answers.intended[:0])
    plan = replace(fest.plan, load=load, fail_if=limits)
    run = fest.run(f"run{len(list(fest.folder.iterdir()))}", answers, plan, dropped=dropped)
    return run.update(present=present)


def test_without_a_limit_on_errors_one_failure_in_a_hundred_is_tolerated(fest: Fest) -> None:
    assert outcome_of(summarize(kept(fest, failed=7))).result == "held"
    failed = outcome_of(summarize(kept(fest, failed=8)))
    assert failed.result == "failed"
    assert [check.name for check in failed.failed_checks] == ["few requests failed"]
    assert failed.failed_checks[0].words.startswith("1.14 % of the requests failed")


def test_total_failure_is_not_held_under_a_limit_on_something_else(fest: Fest) -> None:
    assert outcome_of(summarize(kept(fest, "p95 < 5s", failed=700))).result == "failed"


def test_a_limit_on_errors_replaces_the_tolerance(fest: Fest) -> None:
    assert outcome_of(summarize(kept(fest, "errors < 50%", failed=200))).result == "held"
    assert outcome_of(summarize(kept(fest, "errors < 0.1%", failed=5))).result == "failed"


def test_a_run_that_turned_people_away_is_not_held_though_its_limits_held(fest: Fest) -> None:
    summary = summarize(kept(fest, "p95 < 5s", "rate > 1/s", dropped=35))
    assert outcome_of(summary).result == "failed"
    assert "Not held: 35 people were turned away, though both limits held." in run_document(summary).words
    assert outcome_of(summarize(kept(fest, "turned_away <= 35", dropped=35))).result == "held"
    assert outcome_of(summarize(kept(fest, "turned_away <= 34", dropped=35))).result == "failed"


def test_fewer_users_than_planned_are_not_the_planned_load(fest: Fest) -> None:
    summary = summarize(kept(fest, load=FORTY, present=12))
    assert outcome_of(summary).result == "failed"
    assert "Not held: 12 of 40 planned users were present." in run_document(summary).words
    assert outcome_of(summarize(kept(fest, load=FORTY, present=0))).result == "failed"


def test_a_run_that_held_states_the_number_of_users_that_were_present(fest: Fest) -> None:
    summary = summarize(kept(fest, load=FORTY, present=39))
    assert outcome_of(summary).result == "held"
    assert (
        run_document(summary)
        .words[0]
        .startswith("The target served 39 of 40 planned concurrent visitors for 10 s")
    )


def test_an_older_run_without_a_number_of_users_is_judged_by_the_rest(fest: Fest) -> None:
    run = kept(fest, load=FORTY)
    fields = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    del fields["present"]
    (run.folder / "run.json").write_text(json.dumps(fields), encoding="utf-8")
    assert outcome_of(summarize(run)).result == "held"


def test_the_slowest_request_can_be_limited(fest: Fest) -> None:
    assert outcome_of(summarize(kept(fest, "max < 5s"))).result == "held"
    assert outcome_of(summarize(kept(fest, "max(/events) < 30ms"))).result == "failed"


@pytest.mark.parametrize(
    "run, code",
    [
        ({}, 0),
        ({"failed": 8}, 1),
        ({"dropped": 1}, 1),
        ({"load": FORTY, "present": 12}, 1),
        ({"requests": 0}, 1),
    ],
    ids=["held", "failures", "turned away", "too few users", "nothing measured"],
)
def test_headline_exit_code_junit_and_json_agree(
    fest: Fest, capsys: pytest.CaptureFixture[str], run: dict[str, Any], code: int
) -> None:
    rehearsed = kept(fest, **run)
    summary = summarize(rehearsed)
    assert report_run(rehearsed, "text") == code
    printed = capsys.readouterr().out
    failures = ET.fromstring(render(summary, "junit")).findall(".//failure")  # noqa: S314  (our own)
    fields = json.loads(render(summary, "json"))
    assert (fields["outcome"] == "held") is (code == 0)
    assert all(check["passed"] for check in fields["checks"]) is (code == 0)
    assert bool(failures) is (code == 1)
    assert (run_document(summary).tone == "good") is (code == 0)
    assert run_document(summary).verdict in printed


def test_exceptions_of_the_locustfile_count_as_failures_beside_the_requests(fest: Fest) -> None:
    kind = "AssertionError: no price (journey.py, line 9)"
    few = kept(fest, "p95 < 5s").update(exceptions={kind: 7})
    assert outcome_of(summarize(few)).result == "held"
    many = summarize(kept(fest, "p95 < 5s").update(exceptions={kind: 8}))
    assert outcome_of(many).result == "failed"
    words = f"Not held: the locustfile raised 8 exceptions, the first {kind}, though the limit held."
    assert words in run_document(many).words
    assert f"Exception: {kind}" in render(many, "text")
