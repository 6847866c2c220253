"""Statistics of paired runs: one difference per pair, d = ln(after) - ln(before).

The unit is the run, because the requests of one run depend on each other: with identical builds, tests on single
requests found a difference in three pairs of four.

`anytime`: the comparison may stop after any pair, so the interval and the p-value have to hold at every look
(confidence_sequence.py). Otherwise the number of pairs was fixed beforehand.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from scipy import special  # type: ignore[import-untyped]

from festgate.rehearsal.runs.samples import Floats
from festgate.rehearsal.verdict import confidence_sequence

LEVEL: Final = 0.95
"""Confidence level of the reported intervals."""
ALPHA: Final = 1 - LEVEL
POWER: Final = 0.80
"""Probability of finding an effect of the smallest detectable size."""
MAX_EXACT: Final = 14
"""Pairs up to which all 2^R signs are tested: 16,384, a few milliseconds."""
DRAWS: Final = 100_000
"""Random signs above that; the standard error of a p-value of 0.05 is then 0.0007."""
MAX_PAIRS: Final = 1_000
"""The highest number that is proposed. A comparison that needs more needs a quieter machine instead."""
_SEED: Final = 20_130_620
_ROUNDING: Final = 1e-12


def sign_flip(differences: Floats) -> float:
    """Return the two-sided p-value of "no difference": how often random signs give a mean at least as far from 0.

    Fisher's randomisation test: if both builds are the same, each sign of the R differences is arbitrary. Tests all
    2^R signs up to 14 pairs, and 100,000 with a fixed seed above. The smallest possible p-value is 2^(1-R).
    """
    pairs = len(differences)
    observed = abs(float(differences.sum())) - _ROUNDING * float(np.abs(differences).sum())
    if pairs <= MAX_EXACT:
        return float(np.mean(np.abs(_all_signs(pairs) @ differences) >= observed))
    signs = np.random.default_rng(_SEED).integers(0, 2, (DRAWS, pairs), dtype=np.int8) * 2 - 1
    # The observed signs are one more draw: without it the p-value could be 0 (Phipson and Smyth 2010).
    return float((np.count_nonzero(np.abs(signs @ differences) >= observed) + 1) / (DRAWS + 1))


@lru_cache(maxsize=4)
def _all_signs(pairs: int) -> Floats:
    bits = (np.arange(2**pairs)[:, np.newaxis] >> np.arange(pairs)) & 1
    return np.where(bits, 1.0, -1.0)


def p_value(differences: Floats, *, anytime: bool = False) -> float:
    """Return the two-sided p-value of "no difference"."""
    return confidence_sequence.p_value(differences) if anytime else sign_flip(differences)


def t_interval(differences: Floats, level: float = LEVEL, *, anytime: bool = False) -> tuple[float, float]:
    """Return the confidence interval of the mean of R >= 2 differences: Student's, or one that holds at every look."""
    pairs = len(differences)
    middle = float(differences.mean())
    spread = float(differences.std(ddof=1))
    if spread == 0:
        return middle, middle
    half = _critical_value(pairs, 1 - level, anytime=anytime) * spread / math.sqrt(pairs)
    return middle - half, middle + half


def _critical_value(pairs: int, alpha: float, *, anytime: bool) -> float:
    if anytime:
        return confidence_sequence.critical_value(pairs, alpha)
    return t_quantile(1 - alpha / 2, pairs - 1)


def t_quantile(probability: float, degrees_of_freedom: int) -> float:
    """Return the quantile of Student's t distribution."""
    return float(special.stdtrit(degrees_of_freedom, probability))


def is_equivalent(differences: Floats, margin: float, *, anytime: bool = False) -> bool:
    """Return whether the 90 % interval of exp(mean d) - 1 lies inside (-margin, margin); `margin` is a share: 0.05.

    Equivalent to two one-sided tests at 5 % (Schuirmann 1987). `anytime` takes the 95 % interval: then all statements
    of all looks follow from one interval, and any of them is wrong with a probability of 5 % at most.
    """
    low, high = t_interval(differences, LEVEL if anytime else 1 - 2 * ALPHA, anytime=anytime)
    return -margin < math.expm1(low) and math.expm1(high) < margin


def pairs_needed(
    differences: Floats, margin: float, *, comparisons: int = 1, anytime: bool = False
) -> int | None:
    """Return the smallest R that decides a difference like this one in 80 % of all comparisons; None above 1,000.

    A difference is decided if its interval excludes 0, or if its 90 % interval lies inside the margin. The mean and the
    standard deviation so far are taken as the true ones. `comparisons` is the number of metrics tested together: the
    p-value has to be able to fall below 0.05 after Holm's correction.
    """
    middle, spread = abs(float(differences.mean())), float(differences.std(ddof=1))
    room = (math.log1p(margin) if differences.mean() > 0 else -math.log1p(-margin)) - middle
    for pairs in range(len(differences) + 1, MAX_PAIRS + 1):
        if anytime:
            alike = _detectable(spread, pairs, anytime=True) < room
            differs = _detectable(spread, pairs, anytime=True, alpha=ALPHA / comparisons) < middle
        else:
            one_sided = t_quantile(LEVEL, pairs - 1) + t_quantile(POWER, pairs - 1)
            alike = one_sided * spread / math.sqrt(pairs) < room
            differs = _detectable(spread, pairs) < middle and 2.0 ** (1 - pairs) * comparisons <= ALPHA
        if alike or differs:
            return pairs
    return None


def pairs_to_clear(differences: Floats, edge: float, *, anytime: bool = False) -> int | None:
    """Return the smallest R whose interval of a mean like this one excludes `edge` in 80 % of all comparisons.

    For a difference from 0 that is certain, but not certainly beyond the margin or within it. None above 1,000.
    """
    distance, spread = abs(float(differences.mean()) - edge), float(differences.std(ddof=1))
    for pairs in range(len(differences) + 1, MAX_PAIRS + 1):
        if _detectable(spread, pairs, anytime=anytime) < distance:
            return pairs
    return None


def _detectable(spread: float, pairs: int, *, anytime: bool = False, alpha: float = ALPHA) -> float:
    """Return the distance from 0 that 80 % of comparisons find: (t.975 + t.80) s / sqrt(R)."""
    factor = _critical_value(pairs, alpha, anytime=anytime) + t_quantile(POWER, pairs - 1)
    return factor * spread / math.sqrt(pairs)


def smallest_effect(differences: Floats, pairs: int) -> float:
    """Return the smallest change that `pairs` pairs find in 80 % of comparisons, given an A/A calibration.

    exp((t.975 + t.80) s_d / sqrt(R)) - 1, both t with R - 1 degrees of freedom.
    """
    return math.expm1(_detectable(float(differences.std(ddof=1)), pairs))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values after Holm's step-down correction (1979), in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    lowest = 0.0
    for rank, index in enumerate(order):
        lowest = max(lowest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = lowest
    return tuple(adjusted)
