"""What is wrong, or may be, with a comparison: each finding with the number that caused it and what to do about it.

`refusals.py` has those that make a comparison invalid, `flags.py` those that the reader has to know of. The cut-offs
are named there with their reason; those without a better one are proposals that A/A runs are there to correct.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from festgate.rehearsal.stats.metrics import Metric
from festgate.rehearsal.verdict.observed import Observed


@dataclass(frozen=True, slots=True)
class LoadFinding:
    """One thing that was found."""

    code: str
    """`generator-saturated`: stable, for machines."""
    figure: str
    """The number that caused it: `91 % of a core`."""
    meaning: str
    """What it means, in one sentence."""
    remedy: str
    """What to do, in one sentence."""


@dataclass(frozen=True)
class Evidence:
    """What is compared: pair i is before[i] and after[i]."""

    before: tuple[Observed, ...]
    after: tuple[Observed, ...]
    metrics: tuple[Metric, ...]
    """The first is the primary one."""
    interleaved: bool

    @property
    def runs(self) -> tuple[Observed, ...]:
        """Of both sides."""
        return self.before + self.after

    @property
    def late(self) -> float:
        """Share of the primary metric that is lateness: the middle run's, of the side that has more of it."""
        sides = (self.before, self.after)
        return max(float(np.median([seen.late for seen in side])) if side else 0.0 for side in sides)

    @property
    def primary(self) -> Metric:
        """The metric that was declared beforehand."""
        return self.metrics[0]

    @property
    def only_processor(self) -> bool:
        """Whether the target's processor time is all that is compared: how long anybody waited is no part of that."""
        return all(metric.kind == "cpu" for metric in self.metrics)

    @property
    def steps(self) -> list[str]:
        """The names of all steps of all runs, in order."""
        return sorted({name for seen in self.runs for name in seen.steps})


@dataclass(frozen=True)
class LoadCheck:
    """One thing to look for: `look` gives the figure that shows it, and nothing (an empty text) where it is not so."""

    code: str
    meaning: str
    remedy: str
    look: Callable[[Evidence], str]

    def __call__(self, evidence: Evidence) -> LoadFinding | None:
        """The finding, with its figure; None where there is none."""
        figure = self.look(evidence)
        return LoadFinding(self.code, figure, self.meaning, self.remedy) if figure else None


def check(code: str, meaning: str, remedy: str) -> Callable[[Callable[[Evidence], str]], LoadCheck]:
    """Make a check of the function that looks for it: its code, what it means, and what to do."""
    return lambda look: LoadCheck(code, meaning, remedy, look)


def percent(share: float) -> str:
    """`0.4 %`, `91 %`."""
    return f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:.0f} %"  # noqa: PLR2004  (two digits)
