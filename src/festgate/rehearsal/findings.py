"""What is wrong, or may be, with a comparison: each finding with the number that caused it and what to do about it.

`refusals.py` has those that make a comparison invalid, `flags.py` those that the reader has to know of. The cut-offs
are named there with their reason; those without a better one are proposals that A/A runs are there to correct.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from festgate.rehearsal.metrics import Metric
from festgate.rehearsal.observed import Observed


@dataclass(frozen=True, slots=True)
class Finding:
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
    def primary(self) -> Metric:
        """The metric that was declared beforehand."""
        return self.metrics[0]

    @property
    def steps(self) -> list[str]:
        """The names of all steps of all runs, in order."""
        return sorted({name for seen in self.runs for name in seen.steps})


Check: TypeAlias = Callable[[Evidence], Finding | None]


def percent(share: float) -> str:
    """`0.4 %`, `91 %`."""
    return f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:.0f} %"  # noqa: PLR2004  (two digits)


def milliseconds(seconds: float) -> str:
    """`0.42 ms`, `1.3 ms`, `120 ms`."""
    return f"{seconds * 1000:.2g} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"  # noqa: PLR2004  (likewise)
