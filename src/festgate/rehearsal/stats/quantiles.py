"""Percentiles from raw samples, and what a closed loop left out of them."""

import math
from functools import lru_cache

import numpy as np
from scipy import special  # type: ignore[import-untyped]

from festgate.rehearsal.runs.samples import Floats

_NEGLIGIBLE = 1e-15
"""Weight on each side that is left out: less than what a double loses in the sum."""


def harrell_davis(values: Floats, quantile: float) -> Floats:
    """The quantile of each row of `values` (shape (..., n)): shape (...), not-a-number where n is 0.

    A mean of all order statistics, weighted by the Beta((n+1)q, (n+1)(1-q)) distribution (Harrell and Davis, "A new
    distribution-free quantile estimator", Biometrika 1982). It varies less from run to run than one order statistic.
    The same figure as `scipy.stats.mstats.hdquantiles`, which weighs every sample: nearly all those weights are zero,
    and only the ranks that have one are sorted and weighed here. `quantile` is strictly between 0 and 1.
    """
    count = values.shape[-1]
    if count == 0:
        return np.full(values.shape[:-1], np.nan)
    first, weights = _weights(count, quantile)
    last = first + len(weights) - 1
    near = np.partition(values, (first, last), axis=-1)[..., first : last + 1]
    ordered: Floats = np.sort(near, axis=-1)
    return np.asarray(ordered @ weights)


@lru_cache(maxsize=64)
def _weights(count: int, quantile: float) -> tuple[int, Floats]:
    """The first rank that counts (from 0), and the weights from there on; they sum to 1."""
    above, below = (count + 1) * quantile, (count + 1) * (1 - quantile)
    lowest = float(special.betaincinv(above, below, _NEGLIGIBLE))
    highest = float(special.betainccinv(above, below, _NEGLIGIBLE))
    first, last = math.floor(count * lowest), math.ceil(count * highest)
    edges = np.arange(first, last + 1) / count
    weights = np.diff(special.betainc(above, below, edges))
    return first, weights / weights.sum()


def corrected(latencies: Floats, interval: float) -> Floats:
    """`latencies` (seconds) and those that were not measured because their user still waited for an answer.

    A user who was to ask every `interval` seconds and waited longer for one answer would have had the next waits at
    L - interval, L - 2 interval, ... as long as that is at least one interval: the rule of HdrHistogram's
    `copyCorrectedForCoordinatedOmission` (Gil Tene, "How NOT to Measure Latency").
    """
    if interval <= 0 or not len(latencies):
        return latencies
    missed = np.maximum(np.floor(latencies / interval).astype(np.int64) - 1, 0)
    waited = np.repeat(latencies, missed)
    turn = np.arange(len(waited)) - np.repeat(np.cumsum(missed) - missed, missed) + 1
    return np.concatenate([latencies, waited - turn * interval])
