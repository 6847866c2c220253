"""Sheets of ticket types, one row for each, beside the sheet of events: read from CSV or a workbook, written as CSV."""

import csv
import io
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from festgate.kit.amounts import plain_amount, plain_number
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.documents.contents import Document, Entry, EventEntry, Problem, TypeEntry
from festgate.portal.catalogue.documents.json_files import admitted_slugs, followed_name
from festgate.portal.catalogue.files.rows import Conventions, Row, Sheet, Unreadable
from festgate.portal.catalogue.files.separated import read_sheet
from festgate.portal.catalogue.files.tables import Columns
from festgate.portal.catalogue.files.times import plain_times
from festgate.portal.catalogue.files.workbooks import read_workbook
from festgate.portal.catalogue.quotas import Quota
from festgate.portal.catalogue.sheets import write_rows
from festgate.portal.catalogue.ticket_types import TicketType, types_of
from festgate.portal.catalogue.type_changes import written_type

TIMES: Final = ("sales_open_at", "sales_close_at", "team_changes_until")
NUMBERS: Final = ("own_quota", "min_per_order", "max_per_order", "team_min", "team_max")
FLAGS: Final = ("chosen_price", "hidden", "tax_on_top", "withdrawn")
TYPE_COLUMNS: Final = (
    "event",
    "name",
    "description",
    "fee",
    "own_quota",
    "quotas",
    "sales_open_at",
    "sales_close_at",
    "follows",
    "hidden",
    "min_per_order",
    "max_per_order",
    "chosen_price",
    "tax_rate",
    "tax_on_top",
    "team_min",
    "team_max",
    "team_price",
    "team_changes_until",
    "admits_to",
    "withdrawn",
)
_YES: Final = frozenset({"yes", "y", "true", "1", "x"})
_NO: Final = frozenset({"", "no", "n", "false", "0"})
_BREAKS: Final = re.compile(r"[ \t]*[\r\n\t]\s*")
_WITH_CAPACITY: Final = re.compile(r"(.*\S)\s*=\s*([0-9]{1,9})", re.DOTALL)
_ENDINGS: Final = {".csv": read_sheet, ".xlsx": read_workbook}


def read_type_sheet(name: str, data: bytes, conventions: Conventions) -> Document:
    """Read a sheet of ticket types from a file with that name. Raises Unreadable."""
    reader = _ENDINGS.get(name[name.rfind(".") :].casefold())
    if reader is None:
        msg = f"the name has to end in {', '.join(_ENDINGS)}."
        raise Unreadable(msg)
    sheet = reader(data, conventions, Columns(TYPE_COLUMNS, ("event",), _normalise))
    problems = [Problem(f"{sheet.unit} {error.line}", error.sentence) for error in sheet.errors]
    notices = [f"{sheet.unit} {notice.line}: {notice.sentence}" for notice in sheet.notices]
    quotas: dict[str, Entry] = {}
    events = [_entry(sheet, row, quotas, problems) for row in sheet.rows]
    return Document(quotas=[*quotas.values()], events=events, problems=problems, notices=notices)


def write_type_sheet(connection: Connection, zone: ZoneInfo) -> str:
    """Return a header and a line for each ticket type of events that are not cancelled."""
    rows = []
    for event in queries.all_events(connection):
        types = types_of(connection, event.id) if event.state != "cancelled" else ()
        rows += [_written(event.slug, kind, types, zone) for kind in types]
    return write_rows(rows, TYPE_COLUMNS)


def _entry(sheet: Sheet, row: Row, quotas: dict[str, Entry], problems: list[Problem]) -> EventEntry:
    """Return the ticket type of a row as that of an event, and add the quotas whose numbers it states."""
    where = f"{sheet.unit} {row.line}"
    fields = dict(row.fields)
    event = fields.pop("event", "")
    cell = fields.pop("quotas", None)
    admits = fields.pop("admits_to", None)
    slugs = None if admits is None else tuple(filter(None, map(str.strip, admits.split(";"))))
    names: list[str] | None = None
    if cell is not None:
        names = []
        for name, capacity in _read_quotas(cell):
            names.append(name)
            stated = {"name": name, "capacity": capacity}
            if capacity and quotas.setdefault(name, Entry(where, stated)).fields != stated:
                sentence = f"quotas: {name} has another number of tickets at {quotas[name].where}."
                problems.append(Problem(where, sentence))
    drawn = None if names is None else tuple(names)
    return EventEntry(where, {}, event, [TypeEntry(where, fields, drawn, slugs)])


def _read_quotas(cell: str) -> Iterable[tuple[str, str]]:
    """Yield the name and the number of tickets, empty if it is not stated, of each quota: `Hall = 300; Passes`."""
    for row in csv.reader(io.StringIO(cell, newline=""), delimiter=";", skipinitialspace=True):
        for part in row:
            stated = _WITH_CAPACITY.fullmatch(part.strip())
            name, capacity = (stated[1], stated[2]) if stated else (part.strip(), "")
            if name:
                yield name, capacity


def _written_quotas(quotas: Iterable[Quota]) -> str:
    target = io.StringIO(newline="")
    named = sorted((quota.name, quota.capacity) for quota in quotas if not quota.is_own)
    writer = csv.writer(target, delimiter=";", lineterminator="")
    writer.writerow([f"{name} = {capacity}" for name, capacity in named])
    return target.getvalue()


def _written(slug: str, kind: TicketType, types: tuple[TicketType, ...], zone: ZoneInfo) -> dict[str, str]:
    texts = written_type(kind.details, zone)
    texts |= {"team_price": texts["team_price"] if kind.details.is_for_teams else ""}
    return {
        **texts,
        "event": slug,
        "quotas": _written_quotas(kind.quotas),
        "follows": followed_name(kind, types),
        "admits_to": "; ".join(admitted_slugs(kind)),
        "withdrawn": "yes" if kind.is_withdrawn else "",
    }


def _normalise(fields: dict[str, str], conventions: Conventions, notes: list[str]) -> list[str]:
    """Write amounts, numbers, times and answers as the form of a ticket type has them; return the errors."""
    converts: dict[str, Callable[[str], str]] = {
        "fee": partial(plain_amount, currency=conventions.currency),
        **dict.fromkeys(NUMBERS, plain_number),
        **dict.fromkeys(FLAGS, _flag),
    }
    errors = []
    for name in sorted(fields.keys() & converts):
        try:
            fields[name] = converts[name](fields[name])
        except ValueError as error:
            errors.append(f"{name}: {error}")
    for name in ("name", "description", "follows"):
        if name in fields:
            fields[name] = _BREAKS.sub(" ", fields[name])
    price = fields.get("team_price", "").strip().casefold()
    if price not in {"", "team", "member"}:
        errors.append("team_price: write team or member.")
    elif "team_price" in fields:
        fields["team_price"] = price or "team"
    if not fields.get("event", "").strip():
        errors.append("event: write the slug or the title of the event.")
    return errors + plain_times(fields, conventions, notes.append, TIMES)


def _flag(text: str) -> str:
    answer = text.strip().casefold()
    if answer not in _YES | _NO:
        msg = f"{text[:20]!r} is not an answer; write yes, or leave it empty."
        raise ValueError(msg)
    return "yes" if answer in _YES else ""
