"""Import of a file of events: the whole file, or nothing and a list of errors."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, Refused
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.details import MAX_VALUE, Details, details_of, read_details, read_slug, written
from festgate.portal.catalogue.events import create_event, edit_event, publish_event
from festgate.portal.catalogue.files.rows import LineError, Row, Sheet
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.seats import lock_seats


@dataclass(slots=True)
class Report:
    """The numbers of events that an import created, changed, left unchanged and published."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    published: int = 0


@dataclass(frozen=True, slots=True)
class Options:
    """The options of an import."""

    zone: ZoneInfo
    currency: str
    publish: bool = False
    keep: bool = True
    """False: import everything, and undo it."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Values for fields that a row lacks or leaves empty."""
    allow_past: bool = False
    """Whether new events may be over already; otherwise they are errors, since a wrong year is a usual mistake."""


class NothingImported(Exception):
    """Some lines of the file are wrong, so nothing was imported."""

    def __init__(self, errors: list[LineError], wrong: AbstractSet[int] = frozenset()) -> None:
        """Take the errors in order of lines, and the indexes of the rows that they are about."""
        super().__init__(f"{len(errors)} errors")
        self.errors = errors
        self.wrong = wrong


class OnlyTried(Exception):
    """The file is right, and its import was undone as asked."""

    def __init__(self, report: Report) -> None:
        """Take the report of what would have been imported."""
        super().__init__("only tried")
        self.report = report


def import_sheet(
    connection: Connection, sheet: Sheet, options: Options, tick: Callable[[], None] = lambda: None
) -> Report:
    """Create the events of the file, and change those whose slug exists; `tick` is called after each row.

    Raises NothingImported with all errors, or OnlyTried; either undoes the import.
    """
    report = Report()
    errors = list(sheet.errors)
    known = _lock_known(connection, sheet)
    seen: dict[str, int] = {}
    wrong = set()
    for index, row in enumerate(sheet.rows):
        try:
            _import_row(connection, row, sheet.needed, options, report, known, seen)
        except Invalid as refusal:
            wrong.add(index)
            errors += [
                LineError(row.line, f"{name}: {sentence}", row.name)
                for name, sentence in refusal.fields.items()
            ]
        except Refused as refusal:
            wrong.add(index)
            errors.append(LineError(row.line, refusal.message, row.name))
        tick()
    if errors:
        raise NothingImported(sorted(errors, key=lambda error: error.line), wrong)
    if not options.keep:
        raise OnlyTried(report)
    return report


def without_errors(sheet: Sheet, refusal: NothingImported) -> Sheet:
    """Return the file without what was wrong with it. More may be wrong with the rest, such as a slug that is taken."""
    rows = [row for index, row in enumerate(sheet.rows) if index not in refusal.wrong]
    return replace(sheet, rows=rows, errors=())


def _lock_known(connection: Connection, sheet: Sheet) -> set[str]:
    """Return the slugs of the file that exist, and lock the counts of their seats in order of event id."""
    # A text that is too long for a slug is refused with its line later, and never looked up.
    slugs = {row.fields.get("slug", "")[: MAX_VALUE + 1].strip() for row in sheet.rows}
    ids = {slug: queries.id_of_slug(connection, slug) for slug in slugs if slug}
    for event_id in sorted(event_id for event_id in ids.values() if event_id is not None):
        lock_seats(connection, event_id)
    return {slug for slug, event_id in ids.items() if event_id is not None}


def _import_row(
    connection: Connection,
    row: Row,
    needed: Mapping[str, str],
    options: Options,
    report: Report,
    known: set[str],
    seen: dict[str, int],
) -> None:
    slug = _slug(row, seen)
    existing = queries.any_event_by_slug(connection, slug) if slug in known else None
    fields = {**(written(details_of(existing), options.zone) if existing else {}), **row.fields}
    fields |= {name: value for name, value in options.defaults.items() if not fields.get(name, "").strip()}
    if existing is None:
        lacking = {name: sentence for name, sentence in needed.items() if not fields.get(name, "").strip()}
        if lacking:
            raise Invalid(lacking)
    details = read_details(fields, options.zone, queries.fee_currency(existing, options.currency))
    if existing is None:
        if not options.allow_past:
            _refuse_past(details, connection.now)
        event = _create(connection, details, slug)
        report.created += 1
    else:
        event = edit_event(connection, slug, details)
        if event == existing:
            report.unchanged += 1
        else:
            report.changed += 1
    if options.publish and event.state == "draft":
        publish_event(connection, event.slug)
        report.published += 1


def _refuse_past(details: Details, now: Milliseconds) -> None:
    if 0 < (details.ends_at or details.starts_at) < now:
        name = "ends_at" if details.ends_at else "starts_at"
        raise Invalid({name: "The event is over. Correct the date, or import it with --allow-past."})


def _slug(row: Row, seen: dict[str, int]) -> str:
    text = row.fields.get("slug", "")
    if not text.strip():
        return ""
    try:
        slug = read_slug(text)
    except ValueError as error:
        raise Invalid({"slug": str(error)}) from None
    if slug in seen:
        raise Invalid({"slug": f"{slug!r} is in line {seen[slug]} already."})
    seen[slug] = row.line
    return slug


def _create(connection: Connection, details: Details, slug: str) -> Event:
    if not slug:
        twin = queries.slug_of_twin(connection, details.title, details.place, details.starts_at)
        if twin is not None:
            msg = f"This event exists already. Give its slug, {twin}, to change it."
            raise Invalid({"title": msg})
    return create_event(connection, details, slug or None)
