"""The statistics of paired runs, compared with scipy."""

import math

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from festgate.rehearsal.verdict import paired

# Ten differences of ln p95, as ten pairs of runs might have given them.
FIXED = np.array([0.062, 0.011, 0.094, -0.020, 0.118, 0.051, 0.033, 0.087, -0.004, 0.070])


@pytest.mark.parametrize("pairs", [2, 6, 10])
def test_the_exact_sign_flip_test_is_scipys_permutation_test(pairs: int) -> None:
    differences = FIXED[:pairs]
    expected = stats.permutation_test(
        (differences,),
        lambda d, axis: d.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert paired.sign_flip(differences) == pytest.approx(expected.pvalue)


def test_above_fourteen_pairs_the_sign_flip_test_is_drawn_and_comes_near_the_t_test() -> None:
    differences = np.random.default_rng(5).normal(0.02, 0.05, 20)
    p_value = paired.sign_flip(differences)
    assert p_value == paired.sign_flip(differences)
    assert p_value == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.01)


def test_the_largest_difference_there_can_be_has_the_smallest_p_there_can_be() -> None:
    assert paired.sign_flip(np.full(6, 0.3)) == pytest.approx(2 / 64)
    assert paired.sign_flip(np.zeros(6)) == 1
    assert 0 < paired.sign_flip(np.full(40, 0.3)) < 1e-4


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_is_that_of_scipys_t_test(level: float) -> None:
    expected = stats.ttest_1samp(FIXED, 0).confidence_interval(level)
    assert paired.t_interval(FIXED, level) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("shift", [-0.05, -0.03, 0.0, 0.015, 0.03, 0.05])
def test_equivalence_is_two_one_sided_t_tests(shift: float) -> None:
    differences = FIXED - FIXED.mean() + shift
    low, high = math.log1p(-0.05), math.log1p(0.05)
    above = stats.ttest_1samp(differences, low, alternative="greater").pvalue
    below = stats.ttest_1samp(differences, high, alternative="less").pvalue
    assert paired.is_equivalent(differences, 0.05) == (max(above, below) < 0.05)


def test_holms_correction_is_step_down_and_never_above_one() -> None:
    # Holm's own rule: the smallest times 3, the next times 2, and none below the one before it.
    assert paired.holm([0.04, 0.01, 0.03]) == pytest.approx((0.06, 0.03, 0.06))
    assert paired.holm([0.9, 0.8]) == (1.0, 1.0)
    assert paired.holm([]) == ()


def test_the_smallest_effect_is_found_by_a_t_test_in_four_of_five_comparisons() -> None:
    rng = np.random.default_rng(11)
    pilot = rng.normal(0, 1, 10)
    pilot = pilot / pilot.std(ddof=1) * 0.06
    effect = math.log1p(paired.smallest_effect(pilot, 10))
    runs = rng.normal(effect, 0.06, (20_000, 10))
    significant = stats.ttest_1samp(runs, 0, axis=1).pvalue < 0.05
    # The sum of two t quantiles is a little more than what the noncentral t asks for, so it is never too few.
    assert 0.79 < significant.mean() < 0.85


def test_the_smallest_effect_shrinks_with_pairs_and_grows_with_noise() -> None:
    effects = [paired.smallest_effect(FIXED, pairs) for pairs in (6, 10, 20)]
    assert effects == sorted(effects, reverse=True)
    assert paired.smallest_effect(2 * FIXED, 10) > paired.smallest_effect(FIXED, 10)


@pytest.mark.parametrize("middle", [0.0, 0.02, 0.045, 0.09])
def test_the_pairs_that_would_decide_do_decide_in_four_of_five(middle: float) -> None:
    pilot = FIXED[:6] - FIXED[:6].mean()
    differences = pilot / pilot.std(ddof=1) * 0.06 + middle
    pairs = paired.pairs_needed(differences, 0.05)
    assert pairs is not None
    runs = np.random.default_rng(2).normal(middle, 0.06, (1_000, pairs))
    decided = [
        paired.is_equivalent(run, 0.05) or stats.ttest_1samp(run, 0).pvalue < 0.05 for run in runs[:400]
    ]
    # At 0 either bound may be crossed by chance, so the figure is a little lower there.
    assert np.mean(decided) > 0.65


def test_no_number_of_pairs_is_named_where_a_thousand_would_not_do() -> None:
    noisy = (FIXED - FIXED.mean()) * 1_000
    assert paired.pairs_needed(noisy, 0.05) is None
    assert paired.pairs_to_clear(noisy, 0.05) is None


def test_many_comparisons_at_once_take_as_many_pairs_as_their_smallest_p_needs() -> None:
    sure = np.array([0.50, 0.51, 0.49, 0.50, 0.52, 0.48])
    assert paired.pairs_needed(sure, 0.05) == 7
    assert paired.pairs_needed(sure, 0.05, comparisons=20) == 10


def test_the_pairs_that_would_clear_the_margin_leave_it_out() -> None:
    differences = FIXED[:6] - FIXED[:6].mean() + 0.10
    pairs = paired.pairs_to_clear(differences, math.log1p(0.05))
    assert pairs is not None
    runs = np.random.default_rng(3).normal(0.10, differences.std(ddof=1), (1_000, pairs))
    clears = [paired.t_interval(run)[0] > math.log1p(0.05) for run in runs]
    assert np.mean(clears) > 0.75
