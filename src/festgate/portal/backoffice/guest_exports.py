"""The rows of an export of guests, in portions, as lines of CSV or as input of the process that writes workbooks."""

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from decimal import Decimal
from time import sleep
from typing import Final, Literal, TypeAlias

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.backoffice.guest_columns import QUESTION, Cell, Column, cells_of, safe_text
from festgate.portal.backoffice.guest_filters import GuestFilters
from festgate.portal.backoffice.guest_list import GuestList
from festgate.portal.backoffice.guest_queries import PORTION, Scope, guest_ids, guests_by_id, successors

Format: TypeAlias = Literal["csv", "xlsx", "print"]
FORMATS: Final[tuple[Format, ...]] = ("csv", "xlsx", "print")
MAX_ROWS: Final = 200_000
"""Rows of an export: far above any fest, and a fifth of what a worksheet can have."""
UNTIL_REST: Final = 40
"""Rows after which a report on a thread pauses: about a millisecond, while Python would let it run on for five."""
REST: Final = 0.001
"""Seconds of a rest, in which the event loop has the interpreter to itself."""
MAX_PRINTED: Final = 3_000
"""Rows of a list on paper: about 80 pages, which a browser lays out in a second."""


@dataclass(frozen=True, slots=True)
class Export:
    """An export: its registrations by id, in the order of the rows, and its columns."""

    scope: Scope
    ids: Sequence[int]
    columns: Sequence[Column]
    zone: tzinfo
    since: Milliseconds
    """The time at which the ids were read."""

    def portions(self) -> Iterator[Sequence[int]]:
        """Yield the ids in portions, so that neither the memory nor a snapshot of the data is held for long."""
        for start in range(0, len(self.ids), PORTION):
            yield self.ids[start : start + PORTION]


def plan_export(
    connection: Connection,
    listed: GuestList,
    columns: Sequence[Column],
    selected: Collection[int],
    form: Format,
    zone: tzinfo,
) -> Export:
    """Return the export of the selected registrations of a list, or of all of its filter without any."""
    filters = listed.filters
    if selected:
        filters = GuestFilters(state="all", sort=filters.sort, is_descending=filters.is_descending)
    if form == "print":  # a list on paper is for looking up a name
        filters = replace(filters, sort="name", is_descending=False)
    ids = guest_ids(connection, listed.scope, filters, MAX_ROWS)
    chosen = frozenset(selected)
    planned = [seat for seat in ids if seat in chosen] if chosen else ids
    return Export(listed.scope, planned, columns, zone, connection.now)


def begin_export(connection: Connection, actor: Actor, export: Export, form: Format, subject: str) -> None:
    """Count the export against the limit of its person, and write it to the audit log.

    Raises TooMany, or Invalid if it has no column or is too long for paper.
    """
    if not export.columns:
        raise Invalid({"columns": gettext("Choose at least one column.")})
    if form == "print" and len(export.ids) > MAX_PRINTED:
        sentence = gettext("At most {count} guests fit on a printed list. Narrow the list down first.")
        raise Invalid({"format": sentence.format(count=MAX_PRINTED)})
    if actor.person is not None:
        accounts.allow_use(connection, actor.person, "export")
    audit.record(
        connection,
        actor,
        "guests.exported",
        subject,
        event_id=export.scope.event_id,
        rows=len(export.ids),
        format=form,
        columns=", ".join(column.name for column in export.columns),
    )


def csv_heading(export: Export) -> str:
    """Return the first line. The mark before it lets a spreadsheet read the letters of every script."""
    return "\ufeff" + _lines([[safe_text(column.title) for column in export.columns]])


def csv_end(sentence: str) -> str:
    """Return a last line for an export that is incomplete."""
    return _lines([[sentence]])


def csv_portion(connection: Connection, export: Export, ids: Sequence[int]) -> str:
    """Return the lines of these registrations."""
    return _lines(list(map(safe_text, cells)) for cells in export_rows(connection, export, ids))


def export_rows(connection: Connection, export: Export, ids: Sequence[int]) -> Iterator[list[Cell]]:
    """Yield the cells of these registrations, with a rest after some of them.

    One that was exchanged since the ids were read is the registration that it became, unless that is outside the
    scope, such as at another event.
    """
    has_answers = any(column.name.startswith(QUESTION) for column in export.columns)
    became = _successors(connection, export)
    present = [became[seat] for seat in ids if seat in became]
    guests = {
        guest.seat_id: guest
        for guest in guests_by_id(connection, export.scope, [*ids, *present], has_answers=has_answers)
    }
    rows = [guests.get(became.get(seat, seat)) or guests.get(seat) for seat in ids]
    for number, guest in enumerate(filter(None, rows), 1):
        yield cells_of(guest, export.columns, export.zone)
        if number % UNTIL_REST == 0:
            sleep(REST)


def _successors(connection: Connection, export: Export) -> Mapping[int, int]:
    """Return what was exchanged since the ids were read: the present registration by id."""
    became = successors(connection, export.since)
    if not became:
        return became
    # One that was exchanged in the millisecond before has its successor in the list.
    listed = frozenset(export.ids)
    return {old: present for old, present in became.items() if present not in listed}


def sheet_heading(export: Export, title: str) -> str:
    """Return the first line for workbook_process.py: the title of the worksheet, and the columns with their widths."""
    columns = [[column.title, column.width] for column in export.columns]
    return json.dumps({"title": title, "columns": columns}) + "\n"


def sheet_portion(connection: Connection, export: Export, ids: Sequence[int]) -> str:
    """Return a line of JSON for each of these registrations."""
    rows = export_rows(connection, export, ids)
    return "".join(json.dumps(list(map(_sheet_cell, cells))) + "\n" for cells in rows)


def _sheet_cell(cell: Cell) -> object:
    """Return a cell for JSON; other values than text and whole numbers are objects with one name."""
    if isinstance(cell, datetime):
        return {"time": cell.isoformat()}
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    if isinstance(cell, Decimal):
        return {"number": str(cell)}
    return cell


def _lines(rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
