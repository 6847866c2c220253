"""The Universal Scalability Law, fitted to the throughput at several loads; refused if it does not fit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy  # type: ignore[import-untyped]  # optimize is loaded where it is first used: a third of a second

from festgate.rehearsal.runs.samples import Floats

MIN_FIT: Final = 0.9
"""R^2; below it, the law does not describe the measurements, and an extrapolation would be fiction."""
MIN_LOADS: Final = 5
"""Different loads; three parameters fit any three points, and nearly any four."""


class DoesNotFit(ValueError):
    """The law was not fitted; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Scalability:
    """X(N) = gN / (1 + a(N-1) + bN(N-1))."""

    gain: float
    """g: the throughput with one user, per second."""
    contention: float
    """a: the share of the work that is serial."""
    coherency: float
    """b: the cost of coordination for each pair of users."""
    fit: float
    """R^2."""

    def rate(self, users: float) -> float:
        """Return X(N), per second."""
        return float(_law(np.array([users]), self.gain, self.contention, self.coherency)[0])

    @property
    def best_users(self) -> float:
        """The N with the highest rate: sqrt((1 - a) / b), at least 1; infinite if the rate grows without end."""
        if self.coherency == 0:
            return math.inf
        return max(1.0, math.sqrt(max(1 - self.contention, 0.0) / self.coherency))

    @property
    def max_rate(self) -> float:
        """The highest rate: X(best_users). Without coherency the limit g/a; without contention either, infinite."""
        if math.isfinite(self.best_users):
            return self.rate(self.best_users)
        return self.gain / self.contention if self.contention else math.inf


def fit_usl(users: Sequence[float], rates: Sequence[float]) -> Scalability:
    """Fit the law to `rates` (per second) at `users` concurrent users (for an open loop: rate x latency).

    Least squares with g, a, b >= 0 (Gunther, *Guerrilla Capacity Planning*, 2007). Raises DoesNotFit for fewer than
    five different loads, or if R^2 is below 0.9.
    """
    at, measured = np.asarray(users, np.float64), np.asarray(rates, np.float64)
    loads = len(np.unique(at))
    if loads < MIN_LOADS or not (np.all(at > 0) and np.all(measured > 0)):
        msg = f"{loads} different loads are too few for the scalability law: it needs {MIN_LOADS} with a rate above 0."
        raise DoesNotFit(msg)
    spread = float(np.sum((measured - measured.mean()) ** 2))
    if spread == 0:
        msg = "The rate is the same at every load, so the scalability law has nothing to explain."
        raise DoesNotFit(msg)
    parameters, _ = scipy.optimize.curve_fit(
        _law, at, measured, p0=_first_guess(at, measured), bounds=(0, np.inf), x_scale="jac", max_nfev=2_000
    )
    gain, contention, coherency = (float(value) for value in parameters)
    fit = 1 - float(np.sum((measured - _law(at, gain, contention, coherency)) ** 2)) / spread
    if fit < MIN_FIT:
        msg = f"The scalability law explains {max(fit, 0):.0%} of the variance; at least {MIN_FIT:.0%} are needed."
        raise DoesNotFit(msg)
    return Scalability(gain, contention, coherency, fit)


def _law(users: Floats, gain: float, contention: float, coherency: float) -> Floats:
    return gain * users / (1 + contention * (users - 1) + coherency * users * (users - 1))


def _first_guess(users: Floats, rates: Floats) -> tuple[float, float, float]:
    """Return a start for the search: N/X is linear in 1/g, a/g and b/g, so linear least squares finds it."""
    columns = np.stack([np.ones_like(users), users - 1, users * (users - 1)], axis=1)
    (base, serial, pair), _ = scipy.optimize.nnls(columns, users / rates)
    if base <= 0:
        return float(rates.max() / users[rates.argmax()]), 0.01, 0.0001
    return 1 / base, serial / base, pair / base
