"""Compares the row Aggregated of a table with the rows above it, and corrects its figures that contradict them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from festgate.rehearsal.locust_output import Row, Table

_TRUNCATED: Final = 1.0
"""Milliseconds that a figure can lose: Locust's console cuts the decimals off."""
_ROUNDED: Final = 0.005
"""Relative error of a figure that Locust rounded."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A figure of the row Aggregated that does not follow from the other rows."""

    field: Literal["requests", "failures", "average", "minimum", "maximum"]
    """The field of `Row`."""
    printed: float
    computed: float


def contradictions(table: Table) -> Iterator[Contradiction]:
    """Yield the figures of the row of all requests that contradict the other rows, if all of those are there."""
    total, rows = table.total, [row for row in table.rows if row.requests]
    if total is None or not rows:
        return
    requests = sum(row.requests for row in rows)
    if requests > total.requests:
        yield Contradiction("requests", total.requests, requests)
    if requests != total.requests:
        return
    failures = sum(row.failures for row in rows)
    if failures != total.failures:
        yield Contradiction("failures", total.failures, failures)
    whole = together(rows)
    times: tuple[tuple[Literal["average", "minimum", "maximum"], float | None, float | None], ...] = (
        ("average", total.average, whole.average),
        ("minimum", total.minimum, whole.minimum),
        ("maximum", total.maximum, whole.maximum),
    )
    for field, printed, computed in times:
        if printed is None or computed is None:
            continue
        if abs(printed - computed) > max(_TRUNCATED, _ROUNDED * computed) + 1e-9:
            yield Contradiction(field, printed, computed)


def missing_requests(table: Table) -> int:
    """Return how many requests of the row Aggregated are in none of the other rows."""
    if table.total is None or not table.rows:
        return 0
    return max(table.total.requests - sum(row.requests for row in table.rows), 0)


def corrected(table: Table) -> Table:
    """Return the table, with each figure of the row Aggregated that contradicts the other rows computed from them."""
    changes: dict[str, float] = {wrong.field: wrong.computed for wrong in contradictions(table)}
    if not changes or table.total is None:
        return table
    total = table.total
    return replace(
        table,
        total=replace(
            total,
            name=f"its {len(table.rows)} rows",
            requests=int(changes.get("requests", total.requests)),
            failures=int(changes.get("failures", total.failures)),
            average=changes.get("average", total.average),
            minimum=changes.get("minimum", total.minimum),
            maximum=changes.get("maximum", total.maximum),
        ),
    )


def together(rows: Sequence[Row]) -> Row:
    """Add up rows: requests, extremes and mean can be computed from several rows, a median or percentile cannot."""
    requests = sum(row.requests for row in rows)
    means = [row.average * row.requests for row in rows if row.average is not None]
    rates = [row.rate for row in rows if row.rate is not None]
    return Row(
        line=rows[0].line,
        method=rows[0].method,
        name=rows[0].name,
        requests=requests,
        failures=sum(row.failures for row in rows),
        average=sum(means) / requests if len(means) == len(rows) else None,
        minimum=min((row.minimum for row in rows if row.minimum is not None), default=None),
        maximum=max((row.maximum for row in rows if row.maximum is not None), default=None),
        rate=sum(rates) if len(rates) == len(rows) else None,
    )
