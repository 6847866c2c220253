"""Percentiles from raw samples."""

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats.mstats import hdquantiles  # type: ignore[import-untyped]

from festgate.rehearsal.stats.quantiles import corrected, harrell_davis


@pytest.mark.parametrize("quantile", [0.001, 0.5, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("count", [2, 19, 700, 100_000])
def test_the_quantile_is_scipys_harrell_davis(count: int, quantile: float) -> None:
    values = np.random.default_rng(count).lognormal(size=count)
    assert float(harrell_davis(values, quantile)) == pytest.approx(
        hdquantiles(values, [quantile])[0], rel=1e-12
    )


def test_each_row_has_a_quantile_of_its_own() -> None:
    rows = np.random.default_rng(1).lognormal(size=(3, 4, 50))
    result = harrell_davis(rows, 0.9)
    assert result.shape == (3, 4)
    assert result[1, 2] == pytest.approx(hdquantiles(rows[1, 2], [0.9])[0])


def test_one_sample_is_every_quantile_and_none_has_none() -> None:
    assert float(harrell_davis(np.array([3.0]), 0.99)) == 3.0
    assert np.isnan(harrell_davis(np.zeros(0), 0.5))


@given(st.lists(st.floats(0.001, 60), min_size=1, max_size=80), st.floats(0.01, 0.99))
def test_a_quantile_lies_among_the_samples_in_whatever_order_they_come(
    values: list[float], quantile: float
) -> None:
    value = float(harrell_davis(np.array(values), quantile))
    assert min(values) * (1 - 1e-9) <= value <= max(values) * (1 + 1e-9)
    assert float(harrell_davis(np.array(values[::-1]), quantile)) == pytest.approx(value)


def test_the_samples_that_a_closed_loop_left_out_are_those_that_hdrhistogram_adds() -> None:
    # One user sends every 100 ms, and the tenth response took two seconds.
    latencies = np.concatenate([np.full(9, 0.010), [2.0], np.full(9, 0.010)])
    recorded = HdrHistogram(1, 10_000_000, 5)
    for latency in latencies:
        recorded.record_corrected_value(round(latency * 1e6), 100_000)
    result = corrected(latencies, 0.1)
    assert len(result) == recorded.get_total_count() == 38
    for percentile in (10, 50, 75, 99):
        expected = recorded.get_value_at_percentile(percentile) / 1e6
        assert np.quantile(result, percentile / 100, method="inverted_cdf") == pytest.approx(
            expected, rel=1e-4
        )


def test_nothing_is_added_where_no_request_took_longer_than_the_interval() -> None:
    latencies = np.array([0.05, 0.1, 0.199])
    assert corrected(latencies, 0.1).tolist() == latencies.tolist()
    assert corrected(latencies, 0.0).tolist() == latencies.tolist()
