"""Reads the author's own tables of figures before and after as claims."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from festgate.lab.audit.claims import Claim
from festgate.lab.audit.prose import Grid, Prose
from festgate.lab.audit.quantities import Quantity, mask, quantities_in
from festgate.lab.audit.words import Metric, metric_of, routes_in, side_of


@dataclass(frozen=True, slots=True)
class _Cell:
    line: int
    label: str
    """First cell of the row."""
    head: str
    """Heading of the column."""
    text: str


def claims_of_tables(prose: Prose, routes: tuple[str, ...]) -> list[Claim]:
    """Return a claim for each cell before that has a matching cell after."""
    return [claim for grid in prose.grids for claim in _of_grid(grid, routes)]


def _of_grid(grid: Grid, routes: tuple[str, ...]) -> Iterator[Claim]:
    (_, head), *rows = grid.rows
    sides = [side_of(cell) for cell in head]
    for line, cells in rows:
        if len(cells) != len(head):
            continue
        for before, after in _couples(head, sides):
            first = _Cell(line, cells[0], head[before], cells[before])
            second = _Cell(line, cells[0], head[after], cells[after])
            yield from _claim(grid.title, first, second, routes)
    if not any(sides):
        yield from _of_rows(grid.title, head, rows, routes)


def _couples(head: Sequence[str], sides: Sequence[str | None]) -> Iterator[tuple[int, int]]:
    """Yield each column before with the next column after that names the same Locust column."""
    remaining = [place for place, side in enumerate(sides) if side == "after"]
    for before in (place for place, side in enumerate(sides) if side == "before"):
        same = [after for after in remaining if metric_of(head[after]) == metric_of(head[before])]
        if same:
            remaining.remove(same[0])
            yield before, same[0]


def _of_rows(
    title: str, head: Sequence[str], rows: Sequence[tuple[int, tuple[str, ...]]], routes: tuple[str, ...]
) -> Iterator[Claim]:
    """Read a table with a row for each build: each row before is paired with the next row after."""
    for (line, before), (second, after) in pairwise(rows):
        if side_of(" ".join(before)) != "before" or side_of(" ".join(after)) != "after":
            continue
        if len(before) != len(head) or len(after) != len(head):
            continue
        for place in range(1, len(head)):
            yield from _claim(
                title,
                _Cell(line, before[0], head[place], before[place]),
                _Cell(second, after[0], head[place], after[place]),
                routes,
            )


def _claim(title: str, before: _Cell, after: _Cell, routes: tuple[str, ...]) -> Iterator[Claim]:
    about = f"{before.label} {before.head}"
    metric = metric_of(before.head) or metric_of(before.label) or metric_of(title)
    first, second = (_figure(cell, metric) for cell in (before, after))
    if first is None or second is None or first.unit != second.unit:
        return
    named = routes_in(f"{title} {about}", routes) or [
        (0, route) for route in routes if route.strip("/") == before.label.strip("/ ").lower()
    ]
    yield Claim(
        kind="pair",
        text=" | ".join(dict.fromkeys((before.label, before.text, after.text))),
        line=before.line,
        route=named[-1][1] if named else "",
        metric="rate" if first.unit == "rate" else metric,
        before=first,
        after=second,
    )


def _figure(cell: _Cell, metric: Metric | None) -> Quantity | None:
    """Return the number of a cell with the unit of the cell, its column or its row."""
    quantities = quantities_in(mask(cell.text))
    if len(quantities) != 1 or quantities[0].unit in ("percent", "times"):
        return None
    figure = quantities[0]
    if figure.unit:
        return figure
    about = f"{cell.head} {cell.label}".lower()
    if metric == "rate":
        return figure.as_unit("rate")
    if metric is None and "ms" not in about and "latency" not in about and "response" not in about:
        return None
    if any(word in about for word in ("(s)", "seconds", "[s]")) and "millisecond" not in about:
        return Quantity(figure.value * 1000, "ms", figure.step * 1000, figure.start, figure.end)
    return figure.as_unit("ms")
