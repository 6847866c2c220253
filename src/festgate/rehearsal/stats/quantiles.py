"""Percentiles from raw samples, and their correction for coordinated omission."""

import math
from functools import lru_cache

import numpy as np
from scipy import special  # type: ignore[import-untyped]

from festgate.rehearsal.runs.samples import Floats

_NEGLIGIBLE = 1e-15
"""The weight that is ignored on each side: less than the rounding error of the sum."""


def harrell_davis(values: Floats, quantile: float) -> Floats:
    """Return the quantile of each row of `values` (shape (..., n)) with shape (...); NaN if n is 0.

    The mean of all order statistics, weighted by the Beta((n+1)q, (n+1)(1-q)) distribution (Harrell and Davis, "A new
    distribution-free quantile estimator", Biometrika 1982), varies less from run to run than one order statistic. The
    result is that of `scipy.stats.mstats.hdquantiles`, but only the ranks with a weight above zero are sorted, which
    are few. `quantile` is strictly between 0 and 1.
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
    """Return the first rank with a weight (from 0) and the weights from there on; their sum is 1."""
    above, below = (count + 1) * quantile, (count + 1) * (1 - quantile)
    lowest = float(special.betaincinv(above, below, _NEGLIGIBLE))
    highest = float(special.betainccinv(above, below, _NEGLIGIBLE))
    first, last = math.floor(count * lowest), math.ceil(count * highest)
    edges = np.arange(first, last + 1) / count
    weights = np.diff(special.betainc(above, below, edges))
    return first, weights / weights.sum()


def corrected(latencies: Floats, interval: float) -> Floats:
    """Return `latencies` (seconds) with those that are missing because their user was still waiting for a response.

    If a user sends every `interval` seconds and waits L seconds for one response, the latencies L - interval,
    L - 2 interval, ... are missing, down to one interval: the rule of HdrHistogram's
    `copyCorrectedForCoordinatedOmission` (Gil Tene, "How NOT to Measure Latency").
    """
    if interval <= 0 or not len(latencies):
        return latencies
    missed = np.maximum(np.floor(latencies / interval).astype(np.int64) - 1, 0)
    waited = np.repeat(latencies, missed)
    index = np.arange(len(waited)) - np.repeat(np.cumsum(missed) - missed, missed) + 1
    return np.concatenate([latencies, waited - index * interval])
