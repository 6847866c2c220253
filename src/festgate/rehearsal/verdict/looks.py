"""Looks at a comparison while it runs, which end it as soon as it is decided."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.rehearsal.stats.metrics import Metric
from festgate.rehearsal.verdict.comparison import Comparison, compare_observed
from festgate.rehearsal.verdict.findings import Evidence
from festgate.rehearsal.verdict.observed import Observed, observe


@dataclass
class Looks:
    """Compares the runs after each pair, from the sixth on; each run is read only once."""

    choose_metrics: Callable[[Sequence[Run]], Sequence[Metric]]
    """Returns the metrics, given the first run."""
    margin: float
    on_look: Callable[[Comparison], None]
    """Called with the result of each look."""
    calibration: bool = False
    accepted: Collection[str] = ()
    _metrics: tuple[Metric, ...] = ()
    _observed: dict[str, list[Observed]] = field(default_factory=lambda: {"before": [], "after": []})

    def is_decided_by(self, side: Literal["before", "after"], run: Run) -> bool:
        """Add a complete run; return whether the pairs so far decide the comparison.

        Raises ValueError if a file of the run is damaged.
        """
        self._metrics = self._metrics or tuple(self.choose_metrics([run]))
        self._observed[side].append(observe(run, self._metrics))
        before, after = (tuple(runs) for runs in self._observed.values())
        if len(before) != len(after) or len(before) < MIN_PAIRS:
            return False
        comparison = compare_observed(
            Evidence(before, after, self._metrics, interleaved=True),
            margin=self.margin,
            calibration=self.calibration,
            accepted=self.accepted,
        )
        self.on_look(comparison)
        return comparison.is_decided
