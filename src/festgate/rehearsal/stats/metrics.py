"""What is measured of a run, and the thresholds it has to keep: `p95(/events)`, `errors < 0.1%`."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from festgate.rehearsal.runs.samples import Flags, Floats, Samples
from festgate.rehearsal.stats.quantiles import harrell_davis

Kind = Literal["quantile", "mean", "rate", "errors", "cpu"]
Sense = Literal["<", "<=", ">", ">="]

_METRIC: Final = re.compile(
    r"\s*(?P<what>mean|rate|errors|cpu|p\d+(?:\.\d+)?)\s*(?:\(\s*(?P<step>\S(?:.*\S)?)\s*\))?\s*"
)
_THRESHOLD: Final = re.compile(
    r"(?P<metric>.+?)(?P<sense><=|>=|<|>)\s*(?P<limit>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|%|/s|/min)?\s*"
)
# Commas between thresholds; one inside the parentheses belongs to the name of a step.
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
    "cpu": _TIMES,
    "errors": _SHARES,
    "rate": _RATES,
}
_SECOND: Final = 1.0


class BadMetric(ValueError):
    """A metric or a threshold that cannot be read; the sentence shows how one is written."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a run."""

    text: str
    """As it is shown: `p95(/events)`."""
    kind: Kind
    quantile: float | None = None
    """Between 0 and 1, of a quantile."""
    step: str | None = None
    """Of one step only; None: of all requests."""

    @property
    def less_is_better(self) -> bool:
        """So it is of waiting, of errors and of the processor's time; more is better of a rate."""
        return self.kind != "rate"

    def of(self, samples: Samples) -> Flags:
        """Which requests it is about."""
        if self.step is None:
            return np.ones(len(samples), np.bool_)
        if self.step not in samples.names:
            return np.zeros(len(samples), np.bool_)
        return np.asarray(samples.name == samples.names.index(self.step))

    def shown(self, value: float) -> str:
        """What `measure` gave, for a reader: `182 ms`, `1.25 s`, `0.12 %`, `51.3/s`; `-` where there is none."""
        if not np.isfinite(value):
            return "-"
        if self.kind == "errors":
            return f"{_three_digits(value * 100)} %"
        if self.kind == "rate":
            return f"{_three_digits(value)}/s"
        return f"{_three_digits(value)} s" if value >= _SECOND else f"{_three_digits(value * 1000)} ms"


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a metric has to keep to."""

    metric: Metric
    sense: Sense
    limit: float
    """In the metric's own unit: seconds, a share of 1, or per second."""
    text: str = ""
    """As it was written."""

    def holds(self, value: float) -> bool:
        """Whether `value` keeps to it. Not-a-number (nothing was measured) never does."""
        return bool(_SENSES[self.sense](value, self.limit))


def parse_metric(text: str) -> Metric:
    """`p95(/events)`, `p99.9`, `mean(/checkout)`, `rate`, `errors(/events)`, `cpu`. Raises BadMetric."""
    found = _METRIC.fullmatch(text)
    if found is None:
        msg = f"{text!r} is no metric. Write p95, p99.9(/events), mean(/checkout), rate, errors(/events) or cpu."
        raise BadMetric(msg)
    what, step = found["what"], found["step"]
    if what == "cpu" and step is not None:
        msg = f"cpu is of the whole run: no target tells for which step its processor worked. Write cpu without {step}."
        raise BadMetric(msg)
    shown = what if step is None else f"{what}({step})"
    if not what.startswith("p"):
        kind: Kind = what  # type: ignore[assignment]  # the expression takes no other
        return Metric(shown, kind, None, step)
    quantile = float(what[1:]) / 100
    if not 0 < quantile < 1:
        msg = f"{what} is no percentile: p50, p95 or p99.9 lie between p0 and p100. The slowest says little."
        raise BadMetric(msg)
    return Metric(shown, "quantile", quantile, step)


def parse_threshold(text: str) -> Threshold:
    """`p95(/events) < 200ms`, `errors < 0.1%`, `rate(/checkout) > 50/s`. Raises BadMetric."""
    found = _THRESHOLD.fullmatch(text)
    if found is None:
        msg = f"{text!r} is no threshold. Write 'p95(/events) < 200ms', 'errors < 0.1%' or 'rate > 50/s'."
        raise BadMetric(msg)
    metric = parse_metric(found["metric"])
    limit, unit, units = float(found["limit"]), found["unit"], _UNITS[metric.kind]
    if unit not in units and not (unit is None and limit == 0):
        msg = f"{text!r}: the limit of {metric.text} is given in {' or '.join(units)}: {limit:g}{next(iter(units))}."
        raise BadMetric(msg)
    sense: Sense = found["sense"]  # type: ignore[assignment]  # the expression takes no other
    return Threshold(metric, sense, limit * units.get(unit or "", 1.0), text.strip())


def parse_thresholds(text: str) -> tuple[Threshold, ...]:
    """Several, with commas between them: `p95 < 300ms, errors < 0.1%`. Raises BadMetric."""
    return tuple(parse_threshold(part) for part in _BETWEEN.split(text))


def measure(metric: Metric, samples: Samples, seconds: float, processor: float = float("nan")) -> float:
    """The metric of a run's measured samples, which took `seconds`.

    `processor` is what `processor_time` gave for the run, and is what `cpu` comes to; without it not-a-number.

    A quantile (Harrell-Davis) or a mean in seconds of `samples.response`; a share of 1 for errors; a rate per second.
    Requests that failed count in all of them: a visitor waited for those too, and a timeout that was left out would
    make a slow server look quick. Not-a-number where no request was made; a rate is then 0.
    """
    chosen = metric.of(samples)
    count = int(np.count_nonzero(chosen))
    if metric.kind == "rate":
        return count / seconds
    if metric.kind == "cpu":
        return processor
    if count == 0:
        return float("nan")
    if metric.kind == "errors":
        return float(np.mean(samples.failed[chosen]))
    waited: Floats = samples.response[chosen]
    return float(waited.mean() if metric.quantile is None else harrell_davis(waited, metric.quantile))


def _three_digits(value: float) -> str:
    """`1,234`, `12.3`, `0.123`: as many digits as a reader compares."""
    if value == 0:
        return "0"
    decimals = max(2 - int(np.floor(np.log10(abs(value)))), 0)
    return f"{value:,.{min(decimals, 6)}f}"
