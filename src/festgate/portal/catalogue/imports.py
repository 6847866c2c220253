"""Taking in a file of events: all of it, or nothing and a list of what is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Invalid, Refused
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.entries import MAX_VALUE, Details, details_of, read_details, read_slug, written
from festgate.portal.catalogue.events import create_event, edit_event, publish_event
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.rows import Row, Sheet, Wrong
from festgate.portal.catalogue.seats import lock_seats
from festgate.portal.catalogue.tables import events

_twin = Statement(
    select(events.c.slug).where(
        events.c.starts_at == bindparam("starts"),
        events.c.title == bindparam("title"),
        events.c.place == bindparam("place"),
        events.c.state != "cancelled",
    )
)


@dataclass(slots=True)
class Report:
    """What an import did, in numbers of events."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    published: int = 0


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is taken in."""

    zone: ZoneInfo
    currency: str
    publish: bool = False
    keep: bool = True
    """False: everything is tried, and undone."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """For fields that a row lacks or leaves empty."""


class NothingImported(Exception):
    """Some lines are wrong; nothing of the file was kept."""

    def __init__(self, wrongs: list[Wrong]) -> None:
        """`wrongs` are in order of lines."""
        super().__init__(f"{len(wrongs)} wrong")
        self.wrongs = wrongs


class OnlyTried(Exception):
    """The file is good, and it was not to be kept."""

    def __init__(self, report: Report) -> None:
        """`report` says what would have happened."""
        super().__init__("only tried")
        self.report = report


def import_sheet(
    connection: Connection, sheet: Sheet, options: Options, tick: Callable[[], None] = lambda: None
) -> Report:
    """Create the events of the file, and change those whose slug is there; `tick` is called after each row.

    Raises NothingImported with all that is wrong, or OnlyTried: either way nothing is kept.
    """
    report = Report()
    wrongs = list(sheet.wrongs)
    known = _lock_known(connection, sheet)
    seen: dict[str, int] = {}
    for row in sheet.rows:
        try:
            _take(connection, row, sheet.needed, options, report, known, seen)
        except Invalid as refusal:
            wrongs += [Wrong(row.line, f"{name}: {sentence}") for name, sentence in refusal.fields.items()]
        except Refused as refusal:
            wrongs.append(Wrong(row.line, refusal.message))
        tick()
    if wrongs:
        raise NothingImported(sorted(wrongs, key=lambda wrong: wrong.line))
    if not options.keep:
        raise OnlyTried(report)
    return report


def _lock_known(connection: Connection, sheet: Sheet) -> set[str]:
    """The slugs of the file that are there already; their counts are locked in order of event id."""
    # What is too long for a slug is refused with its line, and looked up nowhere.
    slugs = {row.fields.get("slug", "")[: MAX_VALUE + 1].strip() for row in sheet.rows}
    ids = {slug: queries.id_of_slug(connection, slug) for slug in slugs if slug}
    for event_id in sorted(event_id for event_id in ids.values() if event_id is not None):
        lock_seats(connection, event_id)
    return {slug for slug, event_id in ids.items() if event_id is not None}


def _take(
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


def _slug(row: Row, seen: dict[str, int]) -> str:
    text = row.fields.get("slug", "")
    if not text.strip():
        return ""
    try:
        slug = read_slug(text)
    except ValueError as error:
        raise Invalid({"slug": str(error)}) from None
    if slug in seen:
        raise Invalid({"slug": f"{slug!r} stands in line {seen[slug]} already."})
    seen[slug] = row.line
    return slug


def _create(connection: Connection, details: Details, slug: str) -> Event:
    if not slug:
        twin = connection.value(_twin, starts=details.starts_at, title=details.title, place=details.place)
        if twin is not None:
            msg = f"This event is there already. Give its slug, {twin}, to change it."
            raise Invalid({"title": msg})
    return create_event(connection, details, slug or None)
