"""Reports as annotations of GitHub Actions."""

from dataclasses import replace
from pathlib import Path

from festgate.rehearsal.report import render
from tests.rehearsal.synthetic_runs import Fest


def test_a_passed_run_is_a_notice(tmp_path: Path) -> None:
    fest = Fest(tmp_path)
    first, *rest = render(fest.run("one", fest.usual(1)), "github").splitlines()
    assert first.startswith("::notice title=events%2C 1970-01-01 00%3A0")
    assert "UTC%3A Passed::The target served 4,200 visitors a minute for 10 s; no request failed." in first
    assert rest == []


def test_each_reason_is_an_annotation_of_its_level(tmp_path: Path) -> None:
    fest = Fest(tmp_path)
    plan = replace(fest.plan, fail_if=("p95 < 1ms", "errors < 50%", "p99(/events) < 5s"))
    lines = render(fest.run("one", replace(fest.usual(1), failed=70), plan), "github").splitlines()
    assert lines[0].startswith("::error title=events%2C ")
    assert "10 %25 of the requests failed" in lines[0]
    assert lines[1].startswith("::error title=Not met%3A p95 < 1ms::")
    assert lines[2].startswith("::warning title=Met%3A p99(/events) < 5s::")
    assert len(lines) == 3


def test_a_name_cannot_write_a_line_of_its_own(tmp_path: Path) -> None:
    fest = Fest(tmp_path)
    name = "/a\n::error title=forged::100%"
    plan = replace(fest.plan, fail_if=(f"p95({name}) < 1ms",))
    text = render(fest.run("one", replace(fest.usual(1), steps=(name,)), plan), "github")
    assert all(
        line.startswith(("::error title=events%2C", "::error title=Not met%3A")) for line in text.splitlines()
    )
    assert "/a%0A::error title=forged::100%25" in text
