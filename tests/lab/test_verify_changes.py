"""Changes of a submission that are found without running it: its load, its baselines, and the code of its routes."""

import json
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.student.folder import write_starter
from festgate.lab.verify.changes import changes_of
from tests.lab import solutions
from tests.lab.verification import by_route


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    write_starter(BUILT_IN, tmp_path / "lab")
    return tmp_path / "lab"


@pytest.mark.parametrize(
    "name, code, route, evidence",
    [
        ("random_people", "load-changed", "/events", "'/events?user=locust_user' became f'/events?user={"),
        (
            "shorter_wait",
            "wait-changed",
            "/events",
            "wait_time = between(1, 2) became wait_time = between(0, 0.1)",
        ),
        ("swallowed_errors", "errors-swallowed", "/checkout", "load/checkout.py, line 1"),
        ("pages_for_the_load", "load-changed", "/events", "became '/events?user=locust_user&limit=3'"),
        ("sleeping_baseline", "baseline-changed", "/events", "before: the code behind /events differs from"),
    ],
)
def test_a_changed_load_or_baseline_is_named(
    lab: Path, name: str, code: str, route: str, evidence: str
) -> None:
    solutions.false_improvement(lab, name)
    changes = changes_of(BUILT_IN, lab, lab)
    assert by_route(changes.findings) == {route: {code}}
    assert evidence in changes.findings[0].evidence
    assert changes.routes == {"checkout": False, "events": name == "pages_for_the_load", "my-events": False}


def test_a_load_with_other_comments_and_line_ends_is_unchanged(lab: Path) -> None:
    file = lab / "load" / "events.py"
    text = file.read_text(encoding="utf-8")
    file.write_bytes(
        ("# mine\r\n" + text.replace("\n", "\r\n").replace('"""One request."""', '"""1"""')).encode()
    )
    assert changes_of(BUILT_IN, lab, lab).findings == ()


def test_a_missing_or_unreadable_load_is_reported(lab: Path) -> None:
    (lab / "load" / "journey.py").unlink()
    (lab / "load" / "events.py").write_text("def (", encoding="utf-8")
    findings = changes_of(BUILT_IN, lab, lab).findings
    assert by_route(findings) == {"": {"load-missing"}, "/events": {"load-changed"}}


def test_a_copy_of_the_starter_beside_the_app_is_not_a_changed_baseline_or_part_of_the_app(lab: Path) -> None:
    solutions.reference(lab)
    for place in (lab / "before", lab.parent / "before"):
        write_starter(BUILT_IN, place)
        solutions.fix_crashes(place)
    changes = changes_of(BUILT_IN, lab, lab.parent)
    assert changes.findings == ()
    assert all(changes.routes.values())


@pytest.mark.parametrize(
    "build, codes", [("code 0123456789ab", {"/events": {"baseline-changed"}}), ("python -m uvicorn", {})]
)
def test_before_runs_of_other_code_are_reported(lab: Path, build: str, codes: dict[str, set[str]]) -> None:
    run = lab / "runs" / "20260101T000000-events-before"
    run.mkdir(parents=True)
    fields = {"plan": {"label": "events-before"}, "server": {"build": build}}
    (run / "run.json").write_text(json.dumps(fields), encoding="utf-8")
    (run.parent / "run.json").write_text("[]", encoding="utf-8")
    assert by_route(changes_of(BUILT_IN, lab, lab).findings) == codes
