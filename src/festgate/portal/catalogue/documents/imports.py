"""Import of a document: the whole document, or nothing and a list of errors.

Rooms and quotas are recognised by name, events by slug, ticket types by event and name, questions and promo codes by
their text. What the document does not have stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.text import tidy
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import imports, queries
from festgate.portal.catalogue.details import FIELDS, MAX_LENGTHS
from festgate.portal.catalogue.documents.code_imports import CodeImport
from festgate.portal.catalogue.documents.contents import (
    Document,
    EventEntry,
    Problem,
    QuestionEntry,
    TypeEntry,
)
from festgate.portal.catalogue.documents.problems import Problems
from festgate.portal.catalogue.documents.question_imports import QuestionImport
from festgate.portal.catalogue.documents.type_imports import TypeImport
from festgate.portal.catalogue.events import publish_event, refuse_other_currency, set_refund_rule
from festgate.portal.catalogue.files.rows import Row, Sheet
from festgate.portal.catalogue.holder_rules import (
    read_holder_rules,
    rules_of,
    set_holder_rules,
    written_holder_rules,
)
from festgate.portal.catalogue.proposals import Answers, Change, Outcome, changes_between
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.question_changes import read_answers_until, set_answers_until
from festgate.portal.catalogue.quotas import create_quota, read_quota, shared_quotas
from festgate.portal.catalogue.refund_rules import read_rule, stored_rule, written_fields
from festgate.portal.catalogue.room_changes import add_room, edit_room
from festgate.portal.catalogue.rooms import RoomDetails, read_room, room_named, written_room
from festgate.portal.catalogue.seats import lock_seats
from festgate.portal.catalogue.type_changes import (
    CountSeats,
    limit_per_person,
    read_limit,
    resize_quota,
)
from festgate.portal.catalogue.waiting_settings import (
    WaitingSettings,
    read_waiting_settings,
    set_waiting_list,
)

_ROW: Final = (*FIELDS, "slug")
"""The fields of an event that the import of events reads."""
_RULES: Final = (
    "room",
    "max_per_person",
    "refund_rule",
    "ticket_names",
    "names_until",
    "transfers",
    "transfers_until",
    "waiting_list",
    "offer_minutes",
    "needs_approval",
    "answers_until",
)
"""What an organiser enters about an event besides its details."""
_Seen: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class DocumentOptions:
    """The options of an import of a document."""

    zone: ZoneInfo
    currency: str
    publish: bool = False
    actor: Actor | None = None
    """For the audit log, which gets no entries without it."""
    keep: bool = True
    """False: import everything, and undo it."""
    allow_past: bool = False
    may_move: bool = False
    """Whether events at which seats are taken may move into the past or far away."""
    past_hint: str = imports.PAST_HINT
    move_hint: str = imports.MOVE_HINT


@dataclass(slots=True)
class Count:
    """The numbers of things of one kind that an import created, changed and left unchanged."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0

    def add(self, before: object, after: object) -> None:
        """Count a thing; `before` is None for a new one."""
        if before is None:
            self.created += 1
        elif before == after:
            self.unchanged += 1
        else:
            self.changed += 1


@dataclass(slots=True)
class DocumentReport:
    """The result of an import of a document."""

    rooms: Count = field(default_factory=Count)
    quotas: Count = field(default_factory=Count)
    events: Count = field(default_factory=Count)
    types: Count = field(default_factory=Count)
    questions: Count = field(default_factory=Count)
    codes: Count = field(default_factory=Count)
    published: int = 0
    outcomes: list[Outcome] = field(default_factory=list, compare=False)
    """What became of each event, in the order of the document."""


class DocumentRefused(Exception):
    """Some of the document is wrong, so nothing was imported."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Take the errors in the order of the document."""
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


class DocumentTried(Exception):
    """The document is right, and its import was undone as asked."""

    def __init__(self, report: DocumentReport) -> None:
        """Take the report of what would have been imported."""
        super().__init__("only tried")
        self.report = report


def import_document(
    connection: Connection, document: Document, options: DocumentOptions, count_seats: CountSeats
) -> DocumentReport:
    """Create what the document has, and change what exists. Raises DocumentRefused or DocumentTried; each undoes it."""
    refuse_other_currency(connection, options.currency)
    return import_own_document(connection, document, options, count_seats)


def import_own_document(
    connection: Connection, document: Document, options: DocumentOptions, count_seats: CountSeats
) -> DocumentReport:
    """Import a document that was made of this fest's own events, whose currencies are right. Raises as above."""
    importing = _Import(connection, document, options, count_seats)
    importing.run()
    if importing.problems.found:
        raise DocumentRefused(sorted(importing.problems.found, key=_line))
    if not options.keep:
        raise DocumentTried(importing.report)
    _record(connection, options.actor, importing.report)
    return importing.report


def _record(connection: Connection, actor: Actor | None, report: DocumentReport) -> None:
    """Add the import to the audit log, unless it changed nothing."""
    others = {
        "rooms": report.rooms,
        "quotas": report.quotas,
        "types": report.types,
        "questions": report.questions,
        "codes": report.codes,
    }
    changed = {
        name: count.created + count.changed for name, count in others.items() if count.created + count.changed
    }
    events = report.events
    if actor is not None and (events.created or events.changed or changed):
        audit.record(
            connection,
            actor,
            "events.imported",
            "",
            created=events.created,
            changed=events.changed,
            **changed,
        )


class _Import:
    """The state of an import after some of its parts."""

    def __init__(
        self, connection: Connection, document: Document, options: DocumentOptions, count_seats: CountSeats
    ) -> None:
        """Begin with the errors of the reader."""
        self.problems = Problems(document.problems)
        self.report = DocumentReport()
        self._connection = connection
        self._document = document
        self._options = options
        self._count_seats = count_seats
        self._slugs_by_title: dict[str, list[str]] | None = None

    def run(self) -> None:
        """Import all parts: rooms and quotas before the events that name them, questions and codes after them."""
        # In order of event id, as every operation that locks several, and before rooms and quotas.
        for event in sorted(queries.all_events(self._connection), key=lambda event: event.id):
            lock_seats(self._connection, event.id)
        self._import_rooms()
        lower = self._import_quotas()
        before = self._import_events()
        for event, entries in self._types_by_event().values():
            self._import_types(event, entries)
        self._import_questions(None, self._document.questions)
        for entry in self._document.events:
            event_with_questions = self._event(entry.event) if entry.questions else None
            if event_with_questions is not None:
                self._import_questions(event_with_questions, entry.questions)
        for entry in self._document.events:
            with self.problems.at(entry.where):
                self._finish_event(entry, before)
        for where, quota_id, name, capacity in lower:
            with self.problems.at(where):
                resize_quota(self._connection, quota_id, name, capacity)
        self._import_codes()

    def _import_rooms(self) -> None:
        for entry in self._document.rooms:
            with self.problems.at(entry.where):
                known = room_named(self._connection, entry.fields.get("name", ""))
                details = read_room({**(written_room(known) if known else {}), **entry.fields})
                old = known and RoomDetails(known.name, known.capacity, known.address, known.map_url)
                if known is None:
                    add_room(self._connection, details)
                elif details != old:
                    edit_room(self._connection, known.id, details)
                self.report.rooms.add(old, details)

    def _import_quotas(self) -> list[tuple[str, int, str, int]]:
        """Create and raise quotas; return those to lower once types have left them."""
        lower = []
        known = {quota.name: quota for quota in shared_quotas(self._connection)}
        for entry in self._document.quotas:
            with self.problems.at(entry.where):
                name, capacity = read_quota(entry.fields)
                old = known.get(name)
                if old is None:
                    known[name] = create_quota(self._connection, name, capacity)
                elif capacity > old.capacity:
                    resize_quota(self._connection, old.id, name, capacity)
                elif capacity < old.capacity:
                    lower.append((entry.where, old.id, name, capacity))
                self.report.quotas.add(old and old.capacity, capacity)
        return lower

    def _import_events(self) -> dict[str, Event | None]:
        """Create events and change their details; return by slug what they had before, None for new ones."""
        entries = [entry for entry in self._document.events if entry.fields]
        before: dict[str, Event | None] = {}
        rows = []
        for index, entry in enumerate(entries):
            event = self._event(entry.event)
            before.setdefault(entry.event, event)
            row = {key: value for key, value in entry.fields.items() if key in _ROW}
            if event is None and entry.types:
                row["fee"] = "0"  # until its ticket types are there
            rows.append(Row(index, row))
        options = imports.Options(
            self._options.zone,
            self._options.currency,
            allow_past=self._options.allow_past,
            answers=Answers(update=self._options.may_move),
            past_hint=self._options.past_hint,
            move_hint=self._options.move_hint,
        )
        try:
            imports.import_sheet(self._connection, Sheet(rows), options)
        except imports.NothingImported as refusal:
            for error in refusal.errors:
                self.problems.add(entries[error.line].where, error.sentence)
        return before

    def _event(self, slug: str) -> Event | None:
        if queries.id_of_slug(self._connection, slug[: MAX_LENGTHS["slug"] + 1]) is None:
            return None
        return queries.any_event_by_slug(self._connection, slug)

    def _types_by_event(self) -> dict[int, tuple[Event, list[TypeEntry]]]:
        by_event: dict[int, tuple[Event, list[TypeEntry]]] = {}
        for entry in self._document.events:
            with self.problems.at(entry.where):
                event = self._event(entry.event) if entry.fields else self._named(entry.event)
                if event is not None and entry.types:
                    by_event.setdefault(event.id, (event, []))[1].extend(entry.types)
        return by_event

    def _named(self, name: str) -> Event:
        """Return the event of that slug or title. Raises Invalid."""
        event = self._event(name.strip())
        if event is not None:
            return event
        try:
            title = tidy(name, max_length=MAX_LENGTHS["title"]).casefold()
        except ValueError as error:
            raise Invalid({"event": str(error)}) from None
        same = self._titles().get(title, [])
        if len(same) == 1:
            return queries.any_event_by_slug(self._connection, same[0])
        if same:
            listed = ", ".join(same[: imports.MAX_NAMED])
            raise Invalid({"event": f"Several events have this title. Write the slug of one: {listed}."})
        raise Invalid({"event": "There is no such event. Write its slug, or import the event first."})

    def _titles(self) -> dict[str, list[str]]:
        """Return the slugs of the events that are not cancelled by title."""
        if self._slugs_by_title is None:
            self._slugs_by_title = {}
            for event in queries.all_events(self._connection):
                if event.state != "cancelled":
                    self._slugs_by_title.setdefault(event.title.casefold(), []).append(event.slug)
        return self._slugs_by_title

    def _import_types(self, event: Event, entries: Sequence[TypeEntry]) -> None:
        if event.state == "cancelled":
            self.problems.add(entries[0].where, "The event is cancelled.")
            return
        quotas = {quota.name: quota.id for quota in shared_quotas(self._connection)}
        importing = TypeImport(
            self._connection, event, self._options.zone, quotas, self._count_seats, self.problems
        )
        importing.run(entries)
        count = self.report.types
        count.created += importing.created
        count.changed += importing.changed
        count.unchanged += importing.unchanged

    def _import_questions(self, event: Event | None, entries: Sequence[QuestionEntry]) -> None:
        if event is not None and event.state == "cancelled":
            self.problems.add(entries[0].where, "The event is cancelled.")
            return
        importing = QuestionImport(self._connection, event, self.problems)
        importing.run(entries)
        for before, after in importing.seen:
            self.report.questions.add(before, after)

    def _finish_event(self, entry: EventEntry, before: Mapping[str, Event | None]) -> None:
        """Set the rules of an event, and publish it if that is asked for."""
        event = self._event(entry.event) if entry.fields else None
        if event is None:
            return
        event = self._set_rules(event, entry.fields)
        old = before[entry.event]
        self.report.events.add(None if old is None else _seen(old), _seen(event))
        self.report.outcomes.append(_outcome(len(self.report.outcomes) + 1, old, event, self._options.zone))
        if self._options.publish and event.state == "draft":
            publish_event(self._connection, event.slug, actor=self._options.actor)
            self.report.published += 1

    def _set_rules(self, event: Event, fields: Mapping[str, str]) -> Event:
        errors: dict[str, str] = {}
        for setting in (
            self._set_limit,
            self._set_refunds,
            self._set_holder_rules,
            self._set_waiting,
            self._set_answers_until,
        ):
            try:
                event = setting(event, fields)
            except Invalid as refusal:
                errors |= refusal.fields
        if errors:
            raise Invalid(errors)
        return event

    def _set_limit(self, event: Event, fields: Mapping[str, str]) -> Event:
        if "max_per_person" not in fields:
            return event
        try:
            most = read_limit(fields["max_per_person"])
        except ValueError as error:
            raise Invalid({"max_per_person": str(error)}) from None
        if most == event.max_per_person:
            return event
        return limit_per_person(self._connection, event.slug, most)

    def _set_refunds(self, event: Event, fields: Mapping[str, str]) -> Event:
        old = stored_rule(event.refund_rule)
        known = written_fields(old)
        rule = read_rule({**known, **{key: fields[key] for key in known if key in fields}})
        return event if rule == old else set_refund_rule(self._connection, event.slug, rule)

    def _set_holder_rules(self, event: Event, fields: Mapping[str, str]) -> Event:
        old = rules_of(event)
        wanted = {**written_holder_rules(old, self._options.zone), **fields}
        if "ticket_names" in fields:
            wanted["names"] = fields["ticket_names"]
        rules = read_holder_rules(wanted, self._options.zone)
        return event if rules == old else set_holder_rules(self._connection, event.slug, rules)

    def _set_waiting(self, event: Event, fields: Mapping[str, str]) -> Event:
        old = WaitingSettings(event.waiting_list, event.offer_minutes, bool(event.needs_approval))
        hours = str(max(1, event.offer_minutes // 60))
        written = {
            "waiting_list": old.waiting_list,
            "offer_hours": hours,
            "needs_approval": "yes" if old.needs_approval else "",
        }
        entered = {**written, **fields}
        wanted = read_waiting_settings(entered)
        if entered["offer_hours"] == hours:
            wanted = replace(wanted, offer_minutes=old.offer_minutes)
        return event if wanted == old else set_waiting_list(self._connection, event.slug, wanted)

    def _set_answers_until(self, event: Event, fields: Mapping[str, str]) -> Event:
        if "answers_until" not in fields:
            return event
        until = read_answers_until(fields["answers_until"], self._options.zone)
        return (
            event if until == event.answers_until else set_answers_until(self._connection, event.slug, until)
        )

    def _import_codes(self) -> None:
        importing = CodeImport(self._connection, self._options.zone, self._options.currency)
        for entry in self._document.codes:
            with self.problems.at(entry.where):
                self.report.codes.add(*importing.take(entry))


def _line(problem: Problem) -> int:
    """Return the line or row of an error in a sheet; 0 in a document, whose errors are in the order of the import."""
    unit, _, number = problem.where.partition(" ")
    return int(number) if unit in ("line", "row") else 0


def _seen(event: Event) -> _Seen:
    """Return what an organiser has entered about an event, without the lowest price of its ticket types."""
    return tuple(getattr(event, name) for name in (*FIELDS, *_RULES) if name != "fee")


def _outcome(position: int, before: Event | None, after: Event, zone: ZoneInfo) -> Outcome:
    if before is None:
        return Outcome("new", position, after.slug, after.title)
    changes = tuple(change for change in changes_between(before, after, zone) if change.field != "fee")
    rules = tuple(
        Change(name, str(getattr(before, name)), str(getattr(after, name)))
        for name in _RULES
        if name != "room" and getattr(before, name) != getattr(after, name)
    )
    kind: Literal["changed", "unchanged"] = "unchanged" if _seen(before) == _seen(after) else "changed"
    return Outcome(kind, position, after.slug, after.title, (*changes, *rules))
