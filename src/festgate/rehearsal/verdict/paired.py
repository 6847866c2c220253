"""Statistics of paired runs: one difference a pair, d = ln(after) - ln(before).

The run is the unit, because requests of one run depend on each other: of identical builds, tests on single requests
called three pairs in four different.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from scipy import special  # type: ignore[import-untyped]

from festgate.rehearsal.runs.samples import Floats, Integers

LEVEL: Final = 0.95
"""Of the intervals that are shown."""
ALPHA: Final = 1 - LEVEL
POWER: Final = 0.80
"""How often an effect of the size that is called resolvable is found."""
MAX_EXACT: Final = 14
"""Pairs up to which all 2^R signs are tried: 16,384, a few milliseconds."""
DRAWS: Final = 100_000
"""Signs drawn above that; a p of 0.05 is then known to 0.0007 (one standard error)."""
MAX_PAIRS: Final = 1_000
"""No more are proposed: who needs more has to make the machine quieter instead."""
_SEED: Final = 20_130_620
_ROUNDING: Final = 1e-12
_PLACES: Final = 2_000_000


def sign_flip(differences: Floats) -> float:
    """Two-sided p of "no difference" for R paired differences: how often signs by chance give a mean as far from 0.

    Fisher's randomisation test: which of a pair ran under which build was arbitrary if both are the same, so each
    sign was. All 2^R of them up to 14 pairs, 100,000 with a fixed seed above; the least p is then 2^(1-R).
    """
    pairs = len(differences)
    seen = abs(float(differences.sum())) - _ROUNDING * float(np.abs(differences).sum())
    if pairs <= MAX_EXACT:
        return float(np.mean(np.abs(_every_sign(pairs) @ differences) >= seen))
    signs = np.random.default_rng(_SEED).integers(0, 2, (DRAWS, pairs), dtype=np.int8) * 2 - 1
    # The signs that were seen are one more draw: without it p could be 0 (Phipson and Smyth 2010).
    return float((np.count_nonzero(np.abs(signs @ differences) >= seen) + 1) / (DRAWS + 1))


@lru_cache(maxsize=4)
def _every_sign(pairs: int) -> Floats:
    bits = (np.arange(2**pairs)[:, np.newaxis] >> np.arange(pairs)) & 1
    return np.where(bits, 1.0, -1.0)


def t_interval(differences: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Student's interval of the mean of R >= 2 differences."""
    pairs = len(differences)
    middle = float(differences.mean())
    half = t_quantile((1 + level) / 2, pairs - 1) * float(differences.std(ddof=1)) / math.sqrt(pairs)
    return middle - half, middle + half


def t_quantile(probability: float, degrees_of_freedom: int) -> float:
    """Of Student's t."""
    return float(special.stdtrit(degrees_of_freedom, probability))


def is_equivalent(differences: Floats, margin: float) -> bool:
    """Two one-sided tests at 5 %: the 90 % interval of exp(mean d) - 1 lies inside (-margin, margin).

    Schuirmann 1987. `margin` is a share: 0.05.
    """
    low, high = t_interval(differences, 1 - 2 * ALPHA)
    return -margin < math.expm1(low) and math.expm1(high) < margin


def pairs_needed(differences: Floats, margin: float, *, comparisons: int = 1) -> int | None:
    """The least R at which a difference like this one is decided in 80 % of all comparisons; None above 1,000.

    Decided is: either the interval leaves out 0, or the 90 % interval lies inside the margin. Supposes that the mean
    and the spread seen so far are the true ones. `comparisons`: how many are tested together; the sign-flip test has
    to be able to fall below 0.05 after Holm's correction.
    """
    middle, spread = abs(float(differences.mean())), float(differences.std(ddof=1))
    room = (math.log1p(margin) if differences.mean() > 0 else -math.log1p(-margin)) - middle
    for pairs in range(len(differences) + 1, MAX_PAIRS + 1):
        one_sided = t_quantile(LEVEL, pairs - 1) + t_quantile(POWER, pairs - 1)
        differs = _resolved(spread, pairs) < middle
        alike = one_sided * spread / math.sqrt(pairs) < room
        if alike or (differs and 2.0 ** (1 - pairs) * comparisons <= ALPHA):
            return pairs
    return None


def pairs_to_clear(differences: Floats, edge: float) -> int | None:
    """The least R at which the interval of a mean like this one leaves out `edge` in 80 % of all comparisons.

    For a difference that is known and not yet known to be beyond the margin, or within it; None above 1,000.
    """
    distance, spread = abs(float(differences.mean()) - edge), float(differences.std(ddof=1))
    for pairs in range(len(differences) + 1, MAX_PAIRS + 1):
        if _resolved(spread, pairs) < distance:
            return pairs
    return None


def _resolved(spread: float, pairs: int) -> float:
    """The distance from 0 that is found in 80 % of comparisons: (t.975 + t.80) s / sqrt(R)."""
    factor = t_quantile((1 + LEVEL) / 2, pairs - 1) + t_quantile(POWER, pairs - 1)
    return factor * spread / math.sqrt(pairs)


def smallest_effect(differences: Floats, pairs: int) -> float:
    """The smallest change that `pairs` pairs find in 80 % of comparisons, from the differences of an A/A calibration.

    exp((t.975 + t.80) s_d / sqrt(R)) - 1, both t with R - 1 degrees of freedom.
    """
    return math.expm1(_resolved(float(differences.std(ddof=1)), pairs))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down correction (1979), in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = least
    return tuple(adjusted)


def stationary_bootstrap(
    values: Floats, statistic: Callable[[Floats], Floats], *, block: float, draws: int = 1_000, seed: int = 0
) -> Floats:
    """`statistic` of `draws` series made of blocks of `values`; shape (draws,).

    Blocks begin anywhere, are geometrically long with mean `block` >= 1, and go round at the end (Politis and Romano,
    "The Stationary Bootstrap", JASA 1994), so that what follows on another in a run does so in most of each series.
    `statistic` takes rows of shape (draws, n) and gives one figure a row. For one run's own interval; what two builds
    differ by is told by pairs of runs.
    """
    rng = np.random.default_rng(seed)
    # A few series at a time: 1,000 of 100,000 places at once would be 800 MB.
    most = max(1, _PLACES // len(values))
    parts = [min(most, draws - begin) for begin in range(0, draws, most)]
    return np.concatenate([statistic(values[_blocks(len(values), block, part, rng)]) for part in parts])


def _blocks(count: int, block: float, draws: int, rng: np.random.Generator) -> Integers:
    """Places in a series of `count`, shape (draws, count)."""
    begins = rng.random((draws, count)) < 1 / block
    begins[:, 0] = True
    place = np.broadcast_to(np.arange(count), (draws, count))
    # For each place, the place where its block began, and where in the series that block was taken from.
    began = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    source = np.take_along_axis(rng.integers(0, count, (draws, count)), began, axis=1)
    return np.asarray((source + place - began) % count)
