"""Previews of imports in the browser: what a file would do to each event, tried in the database and undone."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import (
    Change,
    DocumentOptions,
    LineError,
    Options,
    Proposal,
    Sheet,
    Unreadable,
)
from festgate.portal.registrations import facade as registrations
from festgate.settings import Settings

MAX_IMPORT: Final = 2 * 1024 * 1024
"""Bytes of a file that is imported in the browser; the command takes larger ones."""
MAX_CONTENT: Final = MAX_IMPORT * 4 // 3 + 4
"""Characters of such a file in base 64, as a preview's form and the API send it."""
MAX_EVENTS: Final = 2_000
"""Events of such a file. The preview tries them all in the database, and registrations wait meanwhile."""
MAX_ENTRIES: Final = 5_000
"""Events, rooms, quotas, ticket types, questions and promo codes of a programme together, for the same reason."""
MAX_SHOWN: Final = 200
"""Characters of a value that a preview shows."""
MAX_LISTED: Final = 200
"""Problems that a preview shows, and notices: a wrong column makes one for each of 20,000 lines."""
_MOVED: Final = ("_at", "_until")
"""Endings of the keys of a document whose values are times."""
Kind: TypeAlias = Literal["new", "changed", "unchanged", "cancelled", "problem"]
KINDS: Final[Mapping[Kind, tuple[str, str]]] = {
    "problem": ("failed", N_("Problem")),
    "new": ("confirmed", N_("New")),
    "changed": ("held", N_("Changed")),
    "cancelled": ("cancelled", N_("Cancelled")),
    "unchanged": ("closed", N_("Unchanged")),
}
"""The badge of each kind of row, in the order of a preview."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of an organiser for an import."""

    publishes: bool = False
    allows_past: bool = False
    moves: bool = False
    """Whether events with seats taken may move into the past or far away."""
    fee: str = ""
    """The fee of events whose row has none."""
    capacity: str = ""
    """The seats of events whose row has none."""
    month_first: str = ""
    """`day-first` or `month-first` for dates such as 03/04/2031; empty: such dates are refused."""
    days: int = 0
    """Days by which the events of a programme are moved."""


@dataclass(frozen=True, slots=True)
class RowShown:
    """One event, or one problem, of a preview."""

    kind: Kind
    place: str
    """Its place in the file, such as `line 3`."""
    title: str
    slug: str = ""
    changes: tuple[Change, ...] = ()
    sentence: str = ""
    asks: str = ""
    """The name of the box to tick where a person has to agree; empty if it needs none."""
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """The view model of a preview."""

    rows: tuple[RowShown, ...]
    counts: tuple[tuple[Kind, int], ...]
    notices: tuple[str, ...]
    """What else changes, and what was left out."""
    is_whole: bool
    """Whether a problem stops the whole file, as in a programme."""

    @property
    def imported(self) -> int:
        """Return the number of events that the import creates, changes or cancels."""
        return sum(count for kind, count in self.counts if kind in ("new", "changed", "cancelled"))

    @property
    def problems(self) -> int:
        """Return the number of problems."""
        return dict(self.counts).get("problem", 0)

    @property
    def problems_stop(self) -> bool:
        """Return whether nothing can be imported because of a problem."""
        return self.is_whole and self.problems > 0

    @property
    def can_import(self) -> bool:
        """Return whether there is anything to import."""
        return self.imported > 0 and not self.problems_stop

    def is_done(self, agreed: Collection[str]) -> bool:
        """Return whether the import would change nothing, with consent to these changes only."""
        return not self.problems_stop and all(
            row.kind in ("unchanged", "problem") or (row.asks and row.asks not in agreed) for row in self.rows
        )

    @property
    def seen(self) -> str:
        """Return a fingerprint of all that the preview shows, for the form that confirms it."""
        return sha256(repr((self.rows, self.notices)).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Tried:
    """A preview, and what importing it needs."""

    preview: Preview
    save: Callable[[Mapping[str, str], Actor], Callable[[Connection], int]]
    """Return the operation for the boxes that were ticked; it returns the number of events."""


async def try_import(
    database: Database, settings: Settings, name: str, content: bytes, choices: Choices
) -> Tried:
    """Try the import of a file in the database and undo it. Raises Unreadable."""
    if len(content) > MAX_IMPORT:
        sentence = gettext(
            "The file has more than {size} MB. Split it, or import it with `festgate events import`."
        )
        raise Unreadable(sentence.format(size=MAX_IMPORT // 1024**2))
    if name.casefold().endswith(".json"):
        return await _try_document(database, settings, content, choices)
    order: catalogue.DateOrder | None = None
    if choices.month_first in ("day-first", "month-first"):
        order = "day-first" if choices.month_first == "day-first" else "month-first"
    conventions = catalogue.Conventions(settings.zone, settings.currency, date_order=order)
    sheet = await catalogue.read_events_apart(name, content, conventions)
    _check_count(len(sheet.rows))
    return await _try_sheet(database, settings, sheet, choices)


def _check_count(count: int) -> None:
    if count > MAX_EVENTS:
        sentence = gettext("The file has more than {max} events. Split it, or import it with the command.")
        raise Unreadable(sentence.format(max=MAX_EVENTS))


def _check_entries(document: catalogue.Document) -> None:
    listed = (document.rooms, document.quotas, document.events, document.questions, document.codes)
    of_events = sum(len(event.types) + len(event.questions) for event in document.events)
    if sum(map(len, listed)) + of_events > MAX_ENTRIES:
        sentence = gettext(
            "The file has more than {max} events, ticket types, promo codes and other parts. "
            "Split it, or import it with the command."
        )
        raise Unreadable(sentence.format(max=MAX_ENTRIES))


async def _try_sheet(database: Database, settings: Settings, sheet: Sheet, choices: Choices) -> Tried:
    defaults = {
        name: value for name, value in (("fee", choices.fee), ("capacity", choices.capacity)) if value
    }
    options = Options(
        settings.zone,
        settings.currency,
        publish=choices.publishes,
        keep=False,
        defaults=defaults,
        allow_past=choices.allows_past,
        answers=catalogue.Answers(update=True if choices.moves else None),
        past_hint=gettext("Correct the date, or allow events that are over."),
        move_hint=gettext("Allow moving events with seats taken, to move it."),
    )
    errors: list[LineError] = []
    rest = sheet
    while True:
        try:
            await database.write(_import_sheet, rest, options)
        except catalogue.OnlyTried as tried:
            report = tried.report
            break
        except catalogue.NothingImported as refusal:
            errors += refusal.errors
            rest = catalogue.without_errors(rest, refusal)
    asked = {(proposal.kind, proposal.slug): proposal for proposal in report.unanswered}
    rows = [
        RowShown("problem", f"{sheet.unit} {error.line}", error.name, sentence=error.sentence)
        for error in errors
    ]
    for outcome in report.outcomes:
        proposal = asked.get(("cancel" if outcome.kind == "cancelled" else "update", outcome.slug))
        rows.append(
            RowShown(
                outcome.kind,
                f"{sheet.unit} {outcome.line}",
                outcome.title,
                # That of a new event may be chosen at random.
                "" if outcome.kind == "new" else outcome.slug,
                _cut(outcome.changes),
                asks=_box(proposal) if proposal else "",
                taken=proposal.taken if proposal else 0,
            )
        )
    notices = [
        f"{sheet.unit} {notice.line}: {notice.sentence}" for notice in (*sheet.notices, *report.notices)
    ]
    preview = _preview(rows, notices, is_whole=False)

    def save(ticked: Mapping[str, str], actor: Actor) -> Callable[[Connection], int]:
        single = {proposal: _box(proposal) in ticked for proposal in report.unanswered}
        answers = replace(options.answers, single=single)
        kept = replace(options, keep=True, answers=answers, actor=actor)

        def operation(connection: Connection) -> int:
            done = _import_sheet(connection, rest, kept)
            return done.created + done.changed + done.cancelled

        return operation

    return Tried(preview, save)


def _import_sheet(connection: Connection, sheet: Sheet, options: Options) -> catalogue.Report:
    catalogue.refuse_other_currency(connection, options.currency)
    return catalogue.import_sheet(connection, sheet, options)


def _box(proposal: Proposal) -> str:
    return f"agree-{proposal.kind}-{proposal.slug}"


async def _try_document(database: Database, settings: Settings, content: bytes, choices: Choices) -> Tried:
    document = await asyncio.to_thread(_read_document, content, settings, choices.days)
    _check_count(len(document.events))
    _check_entries(document)
    options = DocumentOptions(
        settings.zone,
        settings.currency,
        publish=choices.publishes,
        keep=False,
        allow_past=choices.allows_past,
        may_move=choices.moves,
        past_hint=gettext("Move all events by days, or allow events that are over."),
        move_hint=gettext("Allow moving events with seats taken, to move it."),
    )
    rows: list[RowShown] = []
    notices: list[str] = list(document.notices)
    try:
        await database.write(catalogue.import_document, document, options, registrations.count_of_type)
    except catalogue.DocumentTried as tried:
        report = tried.report
        rows = [
            RowShown(
                outcome.kind,
                gettext("event {number}").format(number=outcome.line),
                outcome.title,
                outcome.slug,
                _cut(outcome.changes),
            )
            for outcome in report.outcomes
        ]
        for sentence, count in (
            (gettext("Rooms: {created} new, {changed} changed."), report.rooms),
            (gettext("Shared quotas: {created} new, {changed} changed."), report.quotas),
            (gettext("Ticket types: {created} new, {changed} changed."), report.types),
            (gettext("Questions: {created} new, {changed} changed."), report.questions),
            (gettext("Promo codes: {created} new, {changed} changed."), report.codes),
        ):
            if count.created or count.changed:
                notices.append(sentence.format(created=count.created, changed=count.changed))
    except catalogue.DocumentRefused as refusal:
        rows = [
            RowShown("problem", problem.where, "", sentence=problem.sentence) for problem in refusal.problems
        ]
    preview = _preview(rows, notices, is_whole=True)

    def save(_ticked: Mapping[str, str], actor: Actor) -> Callable[[Connection], int]:
        kept = replace(options, keep=True, actor=actor)

        def operation(connection: Connection) -> int:
            done = catalogue.import_document(connection, document, kept, registrations.count_of_type)
            return done.events.created + done.events.changed

        return operation

    return Tried(preview, save)


def _read_document(content: bytes, settings: Settings, days: int) -> catalogue.Document:
    """Read a programme, whose times are moved by days. Raises Unreadable."""
    document = catalogue.read_document(content, settings.currency)
    if not days:
        return document
    # Only what its reader accepts is moved: of a key that appears twice, moving would keep one.
    return catalogue.read_document(moved_document(content, days, settings.zone), settings.currency)


def moved_document(content: bytes, days: int, zone: ZoneInfo) -> bytes:
    """Return a programme whose times are that many days later, at the same time of day of the zone.

    A file that is no programme is returned as it is: its reader states what is wrong.
    """
    try:
        loaded = json.loads(content)
        if isinstance(loaded, dict) and isinstance(loaded.get("events"), list):
            loaded["events"] = [_moved(event, days, zone) for event in loaded["events"]]
            if isinstance(loaded.get("promo_codes"), list):
                loaded["promo_codes"] = [_moved(code, days, zone) for code in loaded["promo_codes"]]
        return json.dumps(loaded).encode()
    except (ValueError, RecursionError):
        return content


def _moved(item: Any, days: int, zone: ZoneInfo) -> Any:  # noqa: ANN401  (JSON)
    if isinstance(item, list):
        return [_moved(part, days, zone) for part in item]
    if not isinstance(item, dict):
        return item
    return {
        key: _later(value, days, zone)
        if isinstance(value, str) and key.endswith(_MOVED)
        else _moved(value, days, zone)
        if key == "types"
        else value
        for key, value in item.items()
    }


def _later(text: str, days: int, zone: ZoneInfo) -> str:
    try:
        at = datetime.fromisoformat(text)
        local = at.astimezone(zone).replace(tzinfo=None) if at.tzinfo else at
        return (local + timedelta(days=days)).replace(tzinfo=zone).isoformat()
    except (ValueError, OverflowError):
        return text


def _preview(rows: Sequence[RowShown], notices: Sequence[str], *, is_whole: bool) -> Preview:
    kinds = list(KINDS)
    problems = [row for row in rows if row.kind == "problem"]
    others = sorted((row for row in rows if row.kind != "problem"), key=lambda row: kinds.index(row.kind))
    counts = [(kind, sum(row.kind == kind for row in rows)) for kind in kinds]
    shown = list(notices[:MAX_LISTED])
    for sentence, count in (
        (gettext("{count} more problems are not shown."), len(problems) - MAX_LISTED),
        (gettext("{count} more notices are not shown."), len(notices) - MAX_LISTED),
    ):
        if count > 0:
            shown.append(sentence.format(count=count))
    return Preview(
        (*problems[:MAX_LISTED], *others),
        tuple((kind, count) for kind, count in counts if count),
        tuple(shown),
        is_whole,
    )


def _cut(changes: Sequence[Change]) -> tuple[Change, ...]:
    return tuple(Change(change.field, _short(change.before), _short(change.after)) for change in changes)


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
