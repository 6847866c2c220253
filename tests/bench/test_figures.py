"""The calculations behind the table of the benchmarks."""

import asyncio
import json
from pathlib import Path

import pytest

from bench.buyers import Connection, Finished, Response, per_part, quantiles
from bench.figures import Figure, Target, formatted, keep, missed, ratios, spread, turns
from bench.programme import EVENTS, FREE_EVERY, LATER_EVERY, programme
from festgate.kit.clock import DAY

NOW = 1_800_000_000_000


def test_each_side_goes_first_in_every_second_pair() -> None:
    assert list(turns(3)) == [("portal", "bare"), ("bare", "portal"), ("portal", "bare")]


def test_each_ratio_compares_the_two_windows_of_a_pair() -> None:
    assert ratios([10, 30], [20, 20]) == [0.5, 1.5]


def test_windows_without_a_partner_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([10], [20, 20])


def test_a_figure_is_the_median_of_its_samples_with_the_lowest_and_the_highest() -> None:
    assert (spread([3, 1, 8]).median, spread([3, 1, 8]).low, spread([3, 1, 8]).high) == (3, 1, 8)


@pytest.mark.parametrize(
    "target, value, reached",
    [
        (Target("at least", 0.5), 0.5, True),
        (Target("at least", 0.5), 0.49, False),
        (Target("at most", 130), 130, True),
        (Target("at most", 130), 131, False),
    ],
)
def test_a_target_is_a_minimum_or_a_maximum(target: Target, value: float, reached: bool) -> None:
    figure = Figure("figure", "ratio", (value,), target)
    assert figure.reached is reached
    assert missed([figure]) == ([] if reached else [figure])


def test_a_figure_without_a_target_cannot_miss_it() -> None:
    assert missed([Figure("figure", "/s", (1,))]) == []


@pytest.mark.parametrize(
    "value, unit, text",
    [(0.534, "ratio", "0.53"), (1870.4, "/s", "1,870 /s"), (8.25, "/s", "8.2 /s"), (97.4, "MB", "97 MB")],
)
def test_a_figure_is_formatted_with_the_precision_of_its_unit(value: float, unit: str, text: str) -> None:
    assert formatted(value, unit) == text


def test_the_stored_run_has_every_sample_and_the_result(tmp_path: Path) -> None:
    keep(
        tmp_path / "run.json",
        {"cores": 2},
        [Figure("orders", "/s", (210, 190, 200), Target("at least", 205))],
    )
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["machine"] == {"cores": 2}
    (figure,) = run["figures"]
    assert (figure["samples"], figure["median"], figure["reached"]) == ([210, 190, 200], 200, False)


def test_orders_are_counted_in_the_part_of_the_window_in_which_they_end() -> None:
    ended = [10.0, 10.9, 11.0, 13.99]
    orders = [Finished(began=0, paid=0, ticketed=0, ended=at, requests=8) for at in ended]
    assert per_part(orders, begins=10.0, seconds=4, parts=2) == [1.5, 0.5]


def test_quantiles_are_measured_values() -> None:
    assert quantiles([0.1 * number for number in range(100)])["p99"] == pytest.approx(9.9)
    assert quantiles([]) == {"p50": 0, "p95": 0, "p99": 0}


def test_a_response_is_parsed_wherever_the_network_splits_it() -> None:
    sent = b"HTTP/1.1 303 See Other\r\nLocation: /my-events\r\nContent-Length: 3\r\n\r\nabc"

    async def receive(cut: int) -> Response:
        connection = Connection()
        awaited = connection.expect()
        connection.data_received(sent[:cut])
        connection.data_received(sent[cut:])
        return await awaited

    for cut in range(len(sent)):
        assert asyncio.run(receive(cut)) == Response(303, "/my-events", b"abc")


def test_the_generated_events_are_the_same_in_every_run() -> None:
    events = list(programme(NOW))
    assert events == list(programme(NOW))
    assert len({event.title for event in events}) == len(events) == EVENTS
    assert sum(event.fee.minor == 0 for event in events) == EVENTS // FREE_EVERY
    assert sum(event.sales_open_at > NOW for event in events) == EVENTS // LATER_EVERY
    assert all(NOW + DAY <= event.starts_at < NOW + 13 * DAY for event in events)
