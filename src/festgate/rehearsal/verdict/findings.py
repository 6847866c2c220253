"""Findings that make a comparison invalid or weaken it, each with the number that caused it and a remedy.

`refusals.py` has those that make a comparison invalid, `flags.py` those that the reader has to know. Each limit there
is a constant with its reason; a limit without a better reason is a proposal, to be corrected by A/A runs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from festgate.rehearsal.stats.metrics import Metric
from festgate.rehearsal.verdict.observed import Observed


@dataclass(frozen=True, slots=True)
class LoadFinding:
    """A reason not to trust the runs of a load test, or to read them with care."""

    code: str
    """A stable name for programs: `generator-saturated`."""
    figure: str
    """The number that caused it: `91 % of a core`."""
    meaning: str
    """Its consequence, in one sentence."""
    remedy: str
    """The next action, in one sentence."""


@dataclass(frozen=True)
class Evidence:
    """The runs of both sides; before[i] and after[i] are pair i."""

    before: tuple[Observed, ...]
    after: tuple[Observed, ...]
    metrics: tuple[Metric, ...]
    """The first one is the primary metric."""
    interleaved: bool

    @property
    def runs(self) -> tuple[Observed, ...]:
        """The runs of both sides."""
        return self.before + self.after

    @property
    def late(self) -> float:
        """Share of the primary metric that is send delay: the median run's, on the side with the larger share."""
        sides = (self.before, self.after)
        return max(float(np.median([observed.late for observed in side])) if side else 0.0 for side in sides)

    @property
    def primary(self) -> Metric:
        """The metric that decides the verdict; it was declared beforehand."""
        return self.metrics[0]

    @property
    def only_processor(self) -> bool:
        """Return whether only the target's processor time is compared; response times then do not matter."""
        return all(metric.kind == "cpu" for metric in self.metrics)

    @property
    def steps(self) -> list[str]:
        """The names of all steps of all runs, in alphabetical order."""
        return sorted({name for observed in self.runs for name in observed.steps})


@dataclass(frozen=True)
class LoadCheck:
    """A check of the evidence. `find_figure` returns the figure that proves it, or an empty text."""

    code: str
    meaning: str
    remedy: str
    find_figure: Callable[[Evidence], str]

    def __call__(self, evidence: Evidence) -> LoadFinding | None:
        """Return the finding with its figure, or None."""
        figure = self.find_figure(evidence)
        return LoadFinding(self.code, figure, self.meaning, self.remedy) if figure else None


def check(code: str, meaning: str, remedy: str) -> Callable[[Callable[[Evidence], str]], LoadCheck]:
    """Turn the function that finds the figure into a check."""
    return lambda find_figure: LoadCheck(code, meaning, remedy, find_figure)


def percent(share: float) -> str:
    """Format a share: `0.4 %`, `91 %`."""
    return f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:.0f} %"  # noqa: PLR2004  (two digits)
