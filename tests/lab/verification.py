"""Submissions, and their verification without timed runs; the starter's responses are collected once for all."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from festgate.lab.description.starter import BUILT_IN, Starter
from festgate.lab.student.folder import write_starter
from festgate.lab.verify.behaviour import Program
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.verification import Baseline, Options, Verification, verify
from festgate.lab.verify.work import Work, count_work
from tests.lab.solutions import Change

SEED = 20_261
"""The seed of all verifications, so that the starter's responses are collected once."""


@dataclass
class Teacher:
    """A teacher with a folder of submissions."""

    folder: Path
    starter: Starter = BUILT_IN
    python: str = sys.executable
    baseline: Baseline = field(init=False)
    steps: list[str] = field(default_factory=list)
    """The steps that the last verification reported."""

    def __post_init__(self) -> None:
        """Prepare the starter that all submissions are compared with."""
        self.baseline = Baseline(self.folder / "starter", self.starter)

    def receives(self, *changes: Change) -> Path:
        """Make a folder as `festgate lab new` does, and apply the changes."""
        lab = self.folder / f"lab{len(list(self.folder.iterdir()))}"
        write_starter(self.starter, lab)
        for change in changes:
            change(lab)
        return lab

    def verifies(self, source: Path) -> Verification:
        """Verify a submission without timed runs."""
        self.steps = []
        options = Options(python=self.python, seed=SEED, load=False)
        return verify(source, options, self.baseline, lambda step, _: self.steps.append(step))


def verdicts(verification: Verification) -> dict[str, str]:
    """Return the verdicts by the names of routes."""
    return {route.name: route.verdict for route in verification.routes}


def codes(verification: Verification) -> dict[str, set[str]]:
    """Return the codes of findings by route; the empty route stands for the whole submission."""
    return by_route(verification.findings)


def by_route(findings: Iterable[SubmissionFinding]) -> dict[str, set[str]]:
    """Group the codes of findings by route."""
    codes: dict[str, set[str]] = {}
    for finding in findings:
        codes.setdefault(finding.route, set()).add(finding.code)
    return codes


def counted(teacher: Teacher, lab: Path, *routes: str) -> dict[str, tuple[Work, Work]]:
    """Count the work of routes in the starter and in a folder, without comparing responses."""
    options = Options(seed=SEED)
    before = teacher.baseline.counted(options, lambda *_: None)
    tables = teacher.baseline.tables(options)
    after = count_work(Program(BUILT_IN, lab, options.python), tables, routes, options.seed)
    return {name: (before[name], after[name]) for name in routes}
