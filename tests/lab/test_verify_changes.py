"""What is told of a submission without running it: its load, what it was compared with, and the code of its routes."""

import json
from pathlib import Path

import pytest

from festgate.lab.student.folder import write_starter
from festgate.lab.verify.changes import changes_of
from tests.lab import solutions
from tests.lab.verification import by_route


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    write_starter(tmp_path / "lab")
    return tmp_path / "lab"


@pytest.mark.parametrize(
    "name, code, route, figure",
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
        ("sleeping_baseline", "baseline-changed", "/events", "before: the code behind /events is another"),
    ],
)
def test_a_false_friend_of_the_load_or_of_the_baseline_is_named(
    lab: Path, name: str, code: str, route: str, figure: str
) -> None:
    solutions.false_friend(lab, name)
    changes = changes_of(lab, lab)
    assert by_route(changes.findings) == {route: {code}}
    assert figure in changes.findings[0].figure
    assert changes.routes == {"checkout": False, "events": name == "pages_for_the_load", "my-events": False}


def test_a_load_that_only_looks_otherwise_is_the_same(lab: Path) -> None:
    file = lab / "load" / "events.py"
    text = file.read_text(encoding="utf-8")
    file.write_bytes(
        ("# mine\r\n" + text.replace("\n", "\r\n").replace('"""One request."""', '"""1"""')).encode()
    )
    assert changes_of(lab, lab).findings == ()


def test_a_load_that_is_gone_or_cannot_be_read_is_told(lab: Path) -> None:
    (lab / "load" / "journey.py").unlink()
    (lab / "load" / "events.py").write_text("def (", encoding="utf-8")
    found = changes_of(lab, lab).findings
    assert by_route(found) == {"": {"load-missing"}, "/events": {"load-changed"}}


def test_a_copy_of_the_starter_beside_the_app_is_no_other_baseline_and_no_part_of_the_app(lab: Path) -> None:
    solutions.reference(lab)
    for place in (lab / "before", lab.parent / "before"):
        write_starter(place)
        solutions.mend(place)
    changes = changes_of(lab, lab.parent)
    assert changes.findings == ()
    assert all(changes.routes.values())


@pytest.mark.parametrize(
    "build, found", [("code 0123456789ab", {"/events": {"baseline-changed"}}), ("python -m uvicorn", {})]
)
def test_runs_before_that_were_of_other_code_are_told(
    lab: Path, build: str, found: dict[str, set[str]]
) -> None:
    run = lab / "runs" / "20260101T000000-events-before"
    run.mkdir(parents=True)
    fields = {"plan": {"label": "events-before"}, "server": {"build": build}}
    (run / "run.json").write_text(json.dumps(fields), encoding="utf-8")
    (run.parent / "run.json").write_text("[]", encoding="utf-8")
    assert by_route(changes_of(lab, lab).findings) == found
