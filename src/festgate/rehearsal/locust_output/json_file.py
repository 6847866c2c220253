"""The output of `locust --json` and `--json-file`: counts of rounded response times for each name, without a total."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from festgate.rehearsal.locust_output.columns import contradiction
from festgate.rehearsal.locust_output.model import TOTAL, LocustOutput, NotLocust, Row, Table, UnreadLine

SHARES: Final = (0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0)
"""The shares whose percentiles Locust prints."""
# Locust's log may stand above it, if standard error goes into the same file.
_BEGIN: Final = re.compile(r"^\[\s*(?:\{\s*\"|\]\s*\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Entry:
    """The figures of one name, or of several together."""

    requests: int
    failures: int
    without_time: int
    """Requests that were reported without a response time."""
    total_time: float
    minimum: float | None
    maximum: float
    size: int
    times: Counter[float]
    """The number of requests with each rounded response time."""


def is_json(text: str) -> bool:
    """Return whether the text is, or ends with, Locust's statistics as JSON."""
    begin = _BEGIN.search(text)
    return begin is not None and (
        '"num_requests"' in text or text[begin.start() :].split() in (["[]"], ["[", "]"])
    )


def read_json(source: str, text: str) -> LocustOutput:
    """Return the figures of the run. Raises NotLocust."""
    begin = _BEGIN.search(text)
    assert begin is not None  # noqa: S101  (as `is_json` found it)
    line = text.count("\n", 0, begin.start()) + 1
    try:
        data, _ = json.JSONDecoder().raw_decode(text, begin.start())
    except (ValueError, RecursionError):
        msg = f"{source}, line {line}: Locust's data begin here but do not end: the file is cut off."
        raise NotLocust(msg) from None
    if not data:
        msg = f"{source}, line {line}: Locust's data have no request."
        raise NotLocust(msg)
    try:
        entries = [(str(fields["method"] or ""), str(fields["name"]), _entry(fields)) for fields in data]
        seconds = max(float(fields["last_request_timestamp"] or 0) for fields in data) - min(
            float(fields["start_time"]) for fields in data
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        msg = f"{source}, line {line}: Locust's data are not in a known format ({error!r})."
        raise NotLocust(msg) from None
    rows: list[Row] = []
    problems: list[UnreadLine] = []
    for method, name, entry in entries:
        row = _row(line, method, name, entry, seconds)
        wrong = contradiction(row)
        if wrong:
            problems.append(UnreadLine(source, line, f"{row.title}: {wrong}."))
        else:
            rows.append(row)
    total = _row(line, "", TOTAL, _together([entry for _, _, entry in entries]), seconds)
    table = Table(source, line, "json", "run", tuple(rows), None if problems else total)
    return LocustOutput(source, (table,), tuple(problems))


def _entry(fields: Mapping[str, Any]) -> _Entry:
    minimum = fields["min_response_time"]
    return _Entry(
        requests=int(fields["num_requests"]),
        failures=int(fields["num_failures"]),
        without_time=int(fields["num_none_requests"]),
        total_time=float(fields["total_response_time"]),
        minimum=None if minimum is None else float(minimum),
        maximum=float(fields["max_response_time"]),
        size=int(fields["total_content_length"]),
        times=Counter({float(time): int(count) for time, count in fields["response_times"].items()}),
    )


def _together(entries: Sequence[_Entry]) -> _Entry:
    return _Entry(
        requests=sum(entry.requests for entry in entries),
        failures=sum(entry.failures for entry in entries),
        without_time=sum(entry.without_time for entry in entries),
        total_time=sum(entry.total_time for entry in entries),
        minimum=min((entry.minimum for entry in entries if entry.minimum is not None), default=None),
        maximum=max(entry.maximum for entry in entries),
        size=sum(entry.size for entry in entries),
        times=sum((entry.times for entry in entries), Counter()),
    )


def _row(line: int, method: str, name: str, entry: _Entry, seconds: float) -> Row:
    timed = entry.requests - entry.without_time
    percentiles = _percentiles(entry.times, timed) if entry.times else ()
    median = percentiles[0][1] if percentiles else None
    if median is not None:
        # As in Locust: a rounded time may be above the slowest one.
        median = max(min(median, entry.maximum), entry.minimum or 0.0)
    return Row(
        line=line,
        method=method,
        name=name,
        requests=entry.requests,
        failures=entry.failures,
        average=entry.total_time / timed if timed > 0 else None,
        minimum=entry.minimum,
        maximum=entry.maximum if timed > 0 else None,
        median=median,
        percentiles=percentiles,
        rate=entry.requests / seconds if seconds > 0 else None,
        failure_rate=entry.failures / seconds if seconds > 0 else None,
        size=entry.size / entry.requests if entry.requests > 0 else None,
    )


def _percentiles(times: Counter[float], requests: int) -> tuple[tuple[float, float], ...]:
    """Return each percentile as Locust computes it: the largest time that at most that share of requests is below."""
    values = []
    for share in SHARES:
        above = 0
        for time in sorted(times, reverse=True):
            above += times[time]
            if requests - above <= int(requests * share):
                values.append((share, time))
                break
    return tuple(values)
