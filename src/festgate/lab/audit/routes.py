"""Groups the tables of a report by route and by side, the build before or the build after."""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from festgate.lab.audit.documents import Document
from festgate.lab.audit.totals import corrected, together
from festgate.lab.audit.words import Metric, Side, route_of, routes_in, side_of
from festgate.lab.description.starter import BUILT_IN
from festgate.rehearsal.locust_output import Row, Table

T = TypeVar("T")
_LABEL: Final = 80
"""Characters of the longest line that can be a label of the tables below it."""
_TITLE: Final = re.compile(r"\s*#{1,6}\s")
_CAPTION: Final = re.compile(r"(?:fig(?:ure)?|table|screen\s?shot)\b", re.IGNORECASE)
"""The beginning of a caption, which belongs to the figure above it."""
_MAX_TABLES: Final = 200
"""Tables up to which each is compared with the others; a report has about ten."""


@dataclass(frozen=True, slots=True)
class Group:
    """All requests for one route in one table."""

    table: Table
    side: Side | None
    route: str
    rows: tuple[Row, ...]
    whole: Row
    """All of `rows` together: the only row, the row of all requests, or the sum as far as it can be computed."""

    @property
    def title(self) -> str:
        """The route and the side: `/events before`."""
        return f"{self.route or 'all requests'} {self.side or ''}".strip()


@dataclass(frozen=True, slots=True)
class Pair:
    """The groups of one route on both sides."""

    route: str
    before: tuple[Group, ...]
    after: tuple[Group, ...]


def groups_of(document: Document) -> tuple[Group, ...]:
    """Return a group for each route of each table, in the order of the report."""
    sides = _sides(document)
    groups: list[Group] = []
    known = _routes_by_letters(document.tables)
    for table in _complete_tables(document.tables, sides):
        keys: dict[tuple[str, str], list[Row]] = {}
        for row in table.rows:
            if row.requests:
                route = route_of(row.name)
                if not route.startswith("/"):
                    route = known.get(_letters(route), route)
                keys.setdefault((row.method, route), []).append(row)
        for (_, route), rows in keys.items():
            whole = table.total if len(keys) == 1 and table.total is not None else None
            groups.append(Group(table, sides[table.line], route, tuple(rows), whole or _together(rows)))
        if not keys and table.total is not None and table.total.requests:
            groups.append(Group(table, sides[table.line], "", (table.total,), table.total))
    return tuple(_sides_by_order(groups))


def _routes_by_letters(tables: Sequence[Table]) -> dict[str, str]:
    """Return the routes by their letters: a locustfile can give `/my-events` the name "My events"."""
    routes = {route_of(row.name) for table in tables for row in table.rows}
    return {
        _letters(route): route for route in (*sorted(routes), *BUILT_IN.paths.values()) if route[0] == "/"
    }


def _letters(route: str) -> str:
    return "".join(character for character in route.lower() if character.isalnum())


def pairs_of(groups: Sequence[Group]) -> tuple[Pair, ...]:
    """Return a pair for each route that has groups on both sides."""
    pairs = []
    for route, same in by_route(groups).items():
        before, after = (tuple(group for group in same if group.side == side) for side in ("before", "after"))
        if before and after:
            pairs.append(Pair(route, before, after))
    return tuple(pairs)


def by_route(groups: Sequence[Group]) -> dict[str, list[Group]]:
    """Return the groups by their routes, in the order of first appearance; there may be 80,000 routes."""
    routes: dict[str, list[Group]] = {}
    for group in groups:
        routes.setdefault(group.route, []).append(group)
    return routes


def figure_of(row: Row, metric: Metric) -> float | None:
    """Return the cell of that column, in milliseconds or requests per second."""
    if metric == "rate":
        return row.rate
    if metric in ("p90", "p95", "p99"):
        return row.percentile(float(metric[1:]) / 100)
    if metric == "median":
        return row.percentile(0.5)
    return {"average": row.average, "max": row.maximum, "min": row.minimum}[metric]


def _together(rows: Sequence[Row]) -> Row:
    return rows[0] if len(rows) == 1 else replace(together(rows), name=route_of(rows[0].name))


def _complete_tables(tables: Sequence[Table], sides: Mapping[int, Side | None]) -> list[Table]:
    """Return the tables without those that end early while another table of the same run is complete."""
    complete: dict[Side | None, list[Table]] = {}
    for table in tables:
        side = sides[table.line]
        if side is not None and table.total is not None and len(tables) <= _MAX_TABLES:
            complete.setdefault(side, []).append(table)
    return [
        corrected(table)
        for table in tables
        if table.total is not None
        or not any(_is_part(table, whole) for whole in complete.get(sides[table.line], ()))
    ]


def _is_part(cut: Table, whole: Table) -> bool:
    """Return whether a table that ends early shows the run of a complete one.

    The same names of users in two tables show one run. If the names contain no users, the figures decide.
    """
    if not cut.rows or cut.requests > whole.requests:
        return False
    known = {row.key: row for row in whole.rows}
    if any(row.key not in known for row in cut.rows):
        return False
    if len(cut.rows) > 1 and all("?" in row.name for row in cut.rows):
        return True
    return all(
        (row.requests, row.maximum) == (known[row.key].requests, known[row.key].maximum) for row in cut.rows
    )


def _sides(document: Document) -> dict[int, Side | None]:
    """Return the side of each table by its line: that of the nearest label above it that names a side."""
    labels = [(number, side) for number, text in _labels(document) if (side := side_of(text)) is not None]
    above = _nearest(labels, document)
    return {table.line: above.get(table.line) for table in document.tables}


def headed_routes(document: Document, known: Collection[str]) -> dict[int, str]:
    """Return the route that the nearest label above a table names, by the line of the table."""
    labels = []
    for number, text in _labels(document):
        if _CAPTION.match(text) is None:
            named = {route for _, route in routes_in(text, ())} & set(known)
            labels += [(number, route) for route in named if len(named) == 1]
    return _nearest(labels, document)


def _nearest(labels: Sequence[tuple[int, T]], document: Document) -> dict[int, T]:
    """Return the last label above each table in the same file, by the line of the table."""
    nearest = {}
    for table in document.tables:
        above = bisect_left(labels, table.line, key=lambda label: label[0])
        if above and document.place(labels[above - 1][0]).file == document.place(table.line).file:
            nearest[table.line] = labels[above - 1][1]
    return nearest


def _labels(document: Document) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each heading, and of each short line that can be one."""
    for line in document.prose:
        bare = line.text.strip().strip("*_`: ")
        if not bare or len(bare) > _LABEL or "\t" in bare or bare.startswith("|"):
            continue
        is_label = _TITLE.match(line.text) or line.text.rstrip(" *_").endswith(":")
        if is_label or not re.search(r"[.!?;]$|\d\s?m?s\b|%", bare):
            yield line.number, bare


def _sides_by_order(groups: list[Group]) -> list[Group]:
    """Take the first of a route's two tables as the one before, if their labels do not name both sides."""
    order: tuple[Side, Side] = ("before", "after")
    changed: dict[int, Group] = {}
    for same in by_route(groups).values():
        if len(same) == len(order) and {group.side for group in same} != set(order):
            changed |= {id(group): replace(group, side=side) for group, side in zip(same, order, strict=True)}
    return [changed.get(id(group), group) for group in groups]
