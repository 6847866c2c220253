"""Metrics of a run, such as `p95(/events)`, and thresholds for them, such as `errors < 0.1%`."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from festgate.rehearsal.runs.samples import Flags, Floats, Samples
from festgate.rehearsal.stats.quantiles import harrell_davis

Kind = Literal["quantile", "mean", "max", "rate", "errors", "cpu", "turned_away"]
Sense = Literal["<", "<=", ">", ">="]

_METRIC: Final = re.compile(
    r"\s*(?P<what>mean|max|rate|errors|cpu|turned_away|p\d+(?:\.\d+)?)\s*(?:\(\s*(?P<step>\S(?:.*\S)?)\s*\))?\s*"
)
_THRESHOLD: Final = re.compile(
    r"(?P<metric>.+?)(?P<sense><=|>=|<|>)\s*(?P<limit>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|%|/s|/min)?\s*"
)
# The commas between thresholds; a comma inside parentheses belongs to the name of a step.
_BETWEEN: Final = re.compile(r",(?![^()]*\))")
_SENSES: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TIMES: Final = {"ms": 0.001, "s": 1.0}
_SHARES: Final = {"%": 0.01}
_RATES: Final = {"/s": 1.0, "/min": 1 / 60}
_UNITS: Final[Mapping[Kind, Mapping[str, float]]] = {
    "quantile": _TIMES,
    "mean": _TIMES,
    "max": _TIMES,
    "cpu": _TIMES,
    "errors": _SHARES,
    "rate": _RATES,
    "turned_away": {"": 1.0},
}
LIMITS_ONLY: Final[frozenset[Kind]] = frozenset({"max", "turned_away"})
"""Metrics that can be limits but not compared: a single request, or a count of people, decides nothing."""
WHOLE_RUN: Final[frozenset[Kind]] = frozenset({"cpu", "turned_away"})
"""Metrics that are known of the whole run only, not of a step."""
_SECOND: Final = 1.0


class BadMetric(ValueError):
    """A metric or threshold with invalid syntax; the message shows valid examples."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a run."""

    text: str
    """The form that reports show: `p95(/events)`."""
    kind: Kind
    quantile: float | None = None
    """Between 0 and 1; None if the metric is not a quantile."""
    step: str | None = None
    """The step that the metric is limited to; None for all requests."""

    @property
    def less_is_better(self) -> bool:
        """Return whether a lower value is better: true of times and errors, false of a rate."""
        return self.kind != "rate"

    def of(self, samples: Samples) -> Flags:
        """Return the mask of the requests that the metric covers."""
        if self.step is None:
            return np.ones(len(samples), np.bool_)
        if self.step not in samples.names:
            return np.zeros(len(samples), np.bool_)
        return np.asarray(samples.name == samples.names.index(self.step))

    def shown(self, value: float) -> str:
        """Format a value of the metric: `182 ms`, `1.25 s`, `0.12 %`, `51.3/s`; `-` if there is none."""
        if not np.isfinite(value):
            return "-"
        if self.kind == "errors":
            return f"{_three_digits(value * 100)} %"
        if self.kind == "rate":
            return f"{_three_digits(value)}/s"
        if self.kind == "turned_away":
            return f"{value:,.0f}"
        return f"{_three_digits(value)} s" if value >= _SECOND else f"{_three_digits(value * 1000)} ms"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit on a metric."""

    metric: Metric
    sense: Sense
    limit: float
    """In the metric's own unit: seconds, a share of 1, or per second."""
    text: str = ""
    """The threshold in its original spelling."""

    def holds(self, value: float) -> bool:
        """Return whether `value` satisfies the threshold. NaN (nothing was measured) never does."""
        return bool(_SENSES[self.sense](value, self.limit))


def parse_metric(text: str) -> Metric:
    """Parse `p95(/events)`, `p99.9`, `mean(/checkout)`, `max`, `rate`, `errors(/events)`, `cpu` or `turned_away`.

    Raises BadMetric.
    """
    match = _METRIC.fullmatch(text)
    if match is None:
        msg = (
            f"{text!r} is not a metric. Examples: p95, p99.9(/events), mean(/checkout), max, rate, errors(/events),"
            " cpu, turned_away."
        )
        raise BadMetric(msg)
    what, step = match["what"], match["step"]
    if what in WHOLE_RUN and step is not None:
        msg = f"{what} can only be measured for the whole run, not for a step. Write {what} without ({step})."
        raise BadMetric(msg)
    shown = what if step is None else f"{what}({step})"
    if not what.startswith("p"):
        kind: Kind = what  # type: ignore[assignment]  # the expression matches no other
        return Metric(shown, kind, None, step)
    quantile = float(what[1:]) / 100
    if not 0 < quantile < 1:
        msg = f"{what} is not a percentile: it has to lie between p0 and p100, such as p50, p95 or p99.9."
        raise BadMetric(msg)
    return Metric(shown, "quantile", quantile, step)


def parse_threshold(text: str) -> Threshold:
    """Parse `p95(/events) < 200ms`, `errors < 0.1%` or `rate(/checkout) > 50/s`. Raises BadMetric."""
    match = _THRESHOLD.fullmatch(text)
    if match is None:
        msg = (
            f"{text!r} is not a threshold. Examples: 'p95(/events) < 200ms', 'errors < 0.1%', 'rate > 50/s',"
            " 'turned_away <= 10'."
        )
        raise BadMetric(msg)
    metric = parse_metric(match["metric"])
    limit, unit, units = float(match["limit"]), match["unit"], _UNITS[metric.kind]
    sense: Sense = match["sense"]  # type: ignore[assignment]  # the expression matches no other
    if sense == "<" and limit == 0:
        msg = f"{text!r} can never be met, because {metric.text} is never below 0. Write {_at_most(metric, units)!r}."
        raise BadMetric(msg)
    if (unit or "") not in units and not (unit is None and limit == 0):
        raise BadMetric(_unit_missing(text, f"{metric.text} {sense} ", metric, limit, unit or ""))
    return Threshold(metric, sense, limit * units.get(unit or "", 1.0), text.strip())


def _at_most(metric: Metric, units: Mapping[str, float]) -> str:
    return f"{metric.text} <= 0{next(iter(units))}"


def _unit_missing(text: str, begin: str, metric: Metric, limit: float, unit: str) -> str:
    """Return a sentence that asks for the unit and has a limit for each possible reading of the number."""
    units = _UNITS[metric.kind]
    if "" in units:
        return (
            f"{text!r}: the limit of {metric.text} is a number of people, without a unit: '{begin}{limit:g}'."
        )
    if unit:
        return (
            f"{text!r}: {metric.text} is not measured in {unit}. Write '{begin}{limit:g}{next(iter(units))}'."
        )
    readings = [f"'{begin}{limit:g}{name}'" for name in units]
    if metric.kind == "errors" and limit <= 1:
        readings.append(f"'{begin}{limit * 100:g}%'")
    return f"{text!r} has no unit. Write {' or '.join(readings)}."


def parse_thresholds(text: str) -> tuple[Threshold, ...]:
    """Parse thresholds that are separated by commas: `p95 < 300ms, errors < 0.1%`. Raises BadMetric."""
    return tuple(parse_threshold(part) for part in _BETWEEN.split(text))


def measure(
    metric: Metric,
    samples: Samples,
    seconds: float,
    *,
    processor: float = float("nan"),
    turned_away: float = float("nan"),
) -> float:
    """Return the metric of a run's measured samples, which took `seconds`.

    A quantile (Harrell-Davis), a mean or a maximum is in seconds of `samples.response`, an error rate is a share of 1,
    a rate is per second. `processor` is the result of `processor_time` for the run, the value of `cpu`; `turned_away`
    is the number of arrivals that were never sent.

    Failed requests count in all metrics: a visitor waited for those too, and without timeouts a slow server would
    appear fast. NaN if there are no requests; a rate is then 0.
    """
    chosen = metric.of(samples)
    count = int(np.count_nonzero(chosen))
    if metric.kind == "rate":
        return count / seconds
    if metric.kind in WHOLE_RUN:
        return processor if metric.kind == "cpu" else turned_away
    if count == 0:
        return float("nan")
    if metric.kind == "errors":
        return float(np.mean(samples.failed[chosen]))
    responses: Floats = samples.response[chosen]
    if metric.quantile is not None:
        return float(harrell_davis(responses, metric.quantile))
    return float(responses.max() if metric.kind == "max" else responses.mean())


def _three_digits(value: float) -> str:
    """Format with three significant digits: `1,234`, `12.3`, `0.123`."""
    if value == 0:
        return "0"
    decimals = max(2 - int(np.floor(np.log10(abs(value)))), 0)
    return f"{value:,.{min(decimals, 6)}f}"
