"""Submissions, and what a verification says of them without timed runs; the starter is asked once for all of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from festgate.lab.student.folder import write_starter
from festgate.lab.verify.behaviour import Program
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.verification import Baseline, Options, Verification, verify
from festgate.lab.verify.work import Work, count_work
from tests.lab.solutions import Change

SEED = 20_261
"""Of all of them, so that what the starter answers is asked once."""


@dataclass
class Desk:
    """A teacher's."""

    folder: Path
    baseline: Baseline = field(init=False)
    told: list[str] = field(default_factory=list)
    """What was said to be done, of the last one."""

    def __post_init__(self) -> None:
        """With the starter that all of them are compared with."""
        self.baseline = Baseline(self.folder / "starter")

    def handed_in(self, *changes: Change) -> Path:
        """A folder of `festgate lab new` to which that was done."""
        lab = self.folder / f"lab{len(list(self.folder.iterdir()))}"
        write_starter(lab)
        for change in changes:
            change(lab)
        return lab

    def verified(self, source: Path) -> Verification:
        """What comes of it."""
        self.told = []
        options = Options(seed=SEED, load=False)
        return verify(source, options, self.baseline, lambda what, _: self.told.append(what))


def verdicts(verified: Verification) -> dict[str, str]:
    """By the route's name."""
    return {each.name: each.verdict for each in verified.routes}


def codes(verified: Verification) -> dict[str, set[str]]:
    """What was found, by the route; of none in particular at the empty text."""
    return by_route(verified.findings)


def by_route(findings: Iterable[SubmissionFinding]) -> dict[str, set[str]]:
    """The codes, by the route."""
    found: dict[str, set[str]] = {}
    for each in findings:
        found.setdefault(each.route, set()).add(each.code)
    return found


def counted(desk: Desk, lab: Path, *routes: str) -> dict[str, tuple[Work, Work]]:
    """The work of routes, of the starter and of a folder, without asking whether they answer alike."""
    options = Options(seed=SEED)
    before = desk.baseline.counted(options, lambda *_: None)
    after = count_work(Program(lab, options.python), routes, options.seed)
    return {name: (before[name], after[name]) for name in routes}
