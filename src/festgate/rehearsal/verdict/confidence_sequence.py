"""A confidence sequence: an interval that holds after every pair, so that a comparison may stop once it is decided.

A t interval holds at one number of pairs that was fixed beforehand. With a look after every pair from the sixth to the
sixtieth, it excludes the truth at some look in 28 of 100 comparisons. Instead, E(n) below is the likelihood of the t
statistic of n differences if their mean in standard deviations is drawn from N(0, 1 / PRIOR), divided by its likelihood
if the mean is 0. If the differences are independent and normal with mean 0, whatever their variance, E is a
non-negative martingale that begins at 1. By Ville's inequality it ever reaches 1 / alpha with probability alpha at
most. So the interval of all means that E(n) does not reject contains the true mean at all looks together with
probability 1 - alpha, for every rule of stopping.

Lindon, Ham, Tingley and Bojinov (Netflix), "Anytime-Valid Linear Models and Regression Adjusted Causal Inference in
Randomized Experiments", arXiv 2210.08589, with the mean as the only coefficient; the same test martingale is in Wang
and Ramdas, "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance", arXiv 2310.03722.
Netflix's arXiv 2205.14762 needs independent single measurements, which the requests of a run are not.
"""

import math
from typing import Final

import numpy as np

from festgate.rehearsal.runs.samples import Floats

PRIOR: Final = 1.0
"""Precision of the assumed effect: about one standard deviation of the differences. Any value holds the error rate.
With the measured variation, this one takes 24 pairs on average for identical builds and 6 for a change of 28 %, as few
as any from 1 to 5."""


def critical_value(pairs: int, alpha: float) -> float:
    """Return the t statistic of R >= 2 differences at which E reaches 1 / alpha; infinite if none is enough."""
    ratio = PRIOR / (PRIOR + pairs)
    bound = (alpha * alpha * ratio) ** (-1 / pairs)
    if bound * ratio >= 1:
        return math.inf
    return math.sqrt((pairs - 1) * (bound - 1) / (1 - bound * ratio))


def p_value(differences: Floats) -> float:
    """Return 1 / E, at most 1: a p-value of "no difference" that holds at whatever pair the comparison stopped."""
    pairs = len(differences)
    ratio = PRIOR / (PRIOR + pairs)
    of_mean = pairs * float(differences.mean()) ** 2
    around = float(np.square(differences - differences.mean()).sum())
    if of_mean + around == 0:
        return 1.0
    shrunk = (around + ratio * of_mean) / (around + of_mean)
    return min(1.0, math.pow(shrunk, pairs / 2) / math.sqrt(ratio))
