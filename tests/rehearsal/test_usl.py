"""The Universal Scalability Law."""

import math

import numpy as np
import pytest

from festgate.rehearsal.stats.usl import DoesNotFit, fit_usl

USERS = [1, 2, 4, 8, 16, 32, 64]


def law(gain: float, contention: float, coherency: float) -> list[float]:
    return [gain * n / (1 + contention * (n - 1) + coherency * n * (n - 1)) for n in USERS]


def test_the_parameters_that_made_the_rates_are_found_and_so_is_the_best_number_of_users() -> None:
    fitted = fit_usl(USERS, law(950.0, 0.03, 0.0004))
    assert (fitted.gain, fitted.contention, fitted.coherency) == pytest.approx(
        (950.0, 0.03, 0.0004), rel=1e-3
    )
    assert fitted.fit == pytest.approx(1)
    assert fitted.best_users == pytest.approx(math.sqrt(0.97 / 0.0004), rel=1e-3)
    assert fitted.max_rate == pytest.approx(max(fitted.rate(n) for n in range(1, 200)), rel=1e-3)


def test_noise_of_a_few_percent_still_fits() -> None:
    noise = np.random.default_rng(3).normal(1, 0.03, len(USERS))
    fitted = fit_usl(
        USERS, [rate * factor for rate, factor in zip(law(100, 0.05, 0.001), noise, strict=True)]
    )
    assert fitted.fit > 0.9
    assert fitted.contention == pytest.approx(0.05, abs=0.03)


def test_without_coherency_the_rate_nears_its_limit_and_never_falls() -> None:
    fitted = fit_usl(USERS, law(100, 0.1, 0.0))
    assert fitted.max_rate >= fitted.rate(10_000)
    assert fitted.max_rate == pytest.approx(1000, rel=0.02)


def test_a_law_that_does_not_describe_what_was_measured_is_refused() -> None:
    with pytest.raises(DoesNotFit, match=r"explains \d+% of the variance"):
        fit_usl(USERS, [100, 400, 90, 500, 80, 450, 100])


@pytest.mark.parametrize(
    "users,rates",
    [
        ([1, 2, 4, 8], [10, 19, 36, 60]),
        ([1, 1, 2, 2, 4, 4], [10, 10, 19, 19, 36, 36]),
        ([0, 1, 2, 3, 4], [0, 10, 19, 27, 36]),
    ],
)
def test_too_few_loads_with_a_rate_are_refused(users: list[float], rates: list[float]) -> None:
    with pytest.raises(DoesNotFit, match="too few"):
        fit_usl(users, rates)


def test_a_rate_that_never_moves_leaves_nothing_to_explain() -> None:
    with pytest.raises(DoesNotFit, match="same at every load"):
        fit_usl([1, 2, 3, 4, 5], [7.0] * 5)
