"""Changes of a submission that are found without running it: its baselines, and the code of its routes."""

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


def test_the_planted_crashes_are_left_until_their_statements_are_gone(lab: Path) -> None:
    assert changes_of(BUILT_IN, lab, lab).crashes == {"/checkout", "/register_event"}
    solutions.fix_crashes(lab)
    assert changes_of(BUILT_IN, lab, lab).crashes == set()


def test_a_changed_baseline_is_named(lab: Path) -> None:
    solutions.false_improvement(lab, "sleeping_baseline")
    changes = changes_of(BUILT_IN, lab, lab)
    assert by_route(changes.findings) == {"/events": {"baseline-changed"}}
    assert "before: the code behind /events differs from" in changes.findings[0].evidence
    assert not any(changes.routes.values())


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
