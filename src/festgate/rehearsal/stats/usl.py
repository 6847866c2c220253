"""The Universal Scalability Law, fitted to what a target did at several loads; refused where it does not fit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy  # type: ignore[import-untyped]  # optimize is loaded where it is first used: a third of a second

from festgate.rehearsal.runs.samples import Floats

MIN_FIT: Final = 0.9
"""R^2 below which the law does not describe what was measured, and its extrapolation would be made up."""
MIN_LOADS: Final = 5
"""Different loads: three parameters pass through any three points, and nearly through any four."""


class DoesNotFit(ValueError):
    """The law was not fitted; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Scalability:
    """X(N) = gN / (1 + a(N-1) + bN(N-1))."""

    gain: float
    """g: what one user alone gets done, per second."""
    contention: float
    """a: the share that waits its turn."""
    coherency: float
    """b: what each pair of users costs each other."""
    fit: float
    """R^2."""

    def rate(self, users: float) -> float:
        """X(N), per second."""
        return float(_law(np.array([users]), self.gain, self.contention, self.coherency)[0])

    @property
    def best_users(self) -> float:
        """The N at which the rate is the greatest: sqrt((1 - a) / b). Infinite where it grows for ever, at least 1."""
        if self.coherency == 0:
            return math.inf
        return max(1.0, math.sqrt(max(1 - self.contention, 0.0) / self.coherency))

    @property
    def max_rate(self) -> float:
        """The greatest rate: X(best_users); without coherency the limit g/a, without contention too infinite."""
        if math.isfinite(self.best_users):
            return self.rate(self.best_users)
        return self.gain / self.contention if self.contention else math.inf


def fit_usl(users: Sequence[float], rates: Sequence[float]) -> Scalability:
    """The law through measured `rates` (per second) at `users` at work at once (for an open loop: rate x latency).

    Least squares with g, a, b >= 0 (Gunther, *Guerrilla Capacity Planning*, 2007). Raises DoesNotFit where fewer than
    five loads differ, or where R^2 is below 0.9.
    """
    at, seen = np.asarray(users, np.float64), np.asarray(rates, np.float64)
    loads = len(np.unique(at))
    if loads < MIN_LOADS or not (np.all(at > 0) and np.all(seen > 0)):
        msg = f"{loads} different loads are too few for the scalability law: it takes {MIN_LOADS}, each with a rate."
        raise DoesNotFit(msg)
    spread = float(np.sum((seen - seen.mean()) ** 2))
    if spread == 0:
        msg = (
            "The rate is the same at every load, so there is nothing that the scalability law could explain."
        )
        raise DoesNotFit(msg)
    found, _ = scipy.optimize.curve_fit(
        _law, at, seen, p0=_first_guess(at, seen), bounds=(0, np.inf), x_scale="jac", max_nfev=2_000
    )
    gain, contention, coherency = (float(value) for value in found)
    fit = 1 - float(np.sum((seen - _law(at, gain, contention, coherency)) ** 2)) / spread
    if fit < MIN_FIT:
        msg = f"The scalability law explains {max(fit, 0):.0%} of what was measured; it has to be {MIN_FIT:.0%}."
        raise DoesNotFit(msg)
    return Scalability(gain, contention, coherency, fit)


def _law(users: Floats, gain: float, contention: float, coherency: float) -> Floats:
    return gain * users / (1 + contention * (users - 1) + coherency * users * (users - 1))


def _first_guess(users: Floats, rates: Floats) -> tuple[float, float, float]:
    """N/X is linear in 1/g, a/g and b/g, so least squares finds where the search begins."""
    columns = np.stack([np.ones_like(users), users - 1, users * (users - 1)], axis=1)
    (base, turn, pair), _ = scipy.optimize.nnls(columns, users / rates)
    if base <= 0:
        return float(rates.max() / users[rates.argmax()]), 0.01, 0.0001
    return 1 / base, turn / base, pair / base
