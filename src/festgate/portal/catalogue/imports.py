"""Import of a file of events: the whole file, or nothing and a list of errors.

An event that was imported from a calendar is recognised by its UID. The same version again changes nothing, nor does an
older one. A newer one changes only what the calendar has changed since, so that organisers' edits of the rest stay.
A person has to agree if seats are taken, if the calendar cancels the event, or if nothing shows which version is newer:
SEQUENCE is the same, and LAST-MODIFIED (or DTSTAMP) is no later. Events that are not in the file stay as they are.

The reading of a file, the proposals and the answers are data, so that a command and a page can ask the same questions.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Literal
from zoneinfo import ZoneInfo

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, Refused
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.details import MAX_VALUE, Details, details_of, read_details, read_slug, written
from festgate.portal.catalogue.events import cancel_event, create_event, edit_event, publish_event
from festgate.portal.catalogue.files.rows import LineError, Notice, Row, Sheet
from festgate.portal.catalogue.matches import Match, Matches, match_rows
from festgate.portal.catalogue.moves import MoveUnconfirmed
from festgate.portal.catalogue.origins import (
    Known,
    dates_of,
    digests_of,
    known_of_event,
    known_with_uid,
    remember,
)
from festgate.portal.catalogue.proposals import (
    NO_ANSWERS,
    Answers,
    Outcome,
    Proposal,
    cancellation_of,
    changes_between,
    update_of,
)
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.rooms import place_in_room, with_room
from festgate.portal.catalogue.seats import lock_seats

PAST_HINT = "Correct the date, or import it with --allow-past."
MOVE_HINT = "Add --update to move it."
MAX_NAMED = 10
"""Slugs that a notice names."""


@dataclass(slots=True)
class Report:
    """The numbers of events that an import created, changed, left unchanged, published and cancelled."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    published: int = 0
    cancelled: int = 0
    notices: list[Notice] = field(default_factory=list)
    """The events that were left as they are, and why."""
    proposals: list[Proposal] = field(default_factory=list)
    """The updates and cancellations of events that were imported from a calendar before."""
    unanswered: list[Proposal] = field(default_factory=list)
    """The proposals that a person has to agree to first."""
    outcomes: list[Outcome] = field(default_factory=list, compare=False)
    """What became of the row of each event, in the order of the import."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of an import."""

    zone: ZoneInfo
    currency: str
    publish: bool = False
    actor: Actor | None = None
    """For the audit log, which gets no entries without it."""
    keep: bool = True
    """False: import everything, and undo it."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Values for fields that a row lacks or leaves empty."""
    allow_past: bool = False
    """Whether events may be over after the import; otherwise they are errors, since a wrong year is a usual mistake."""
    answers: Answers = NO_ANSWERS
    past_hint: str = PAST_HINT
    """What to do about an event that is over."""
    move_hint: str = MOVE_HINT
    """What to do about a sold event that would move into the past or far away."""


class NothingImported(Exception):
    """Some lines of the file are wrong, so nothing was imported."""

    def __init__(self, errors: list[LineError], wrong: AbstractSet[int] = frozenset()) -> None:
        """Take the errors in order of lines, and the indexes of the rows that they are about."""
        super().__init__(f"{len(errors)} errors")
        self.errors = errors
        self.wrong = wrong


class AnswersNeeded(Exception):
    """The file is right, but a person has to agree to some of its changes, so nothing was imported."""

    def __init__(self, proposals: list[Proposal]) -> None:
        """Take the proposals that have no answer."""
        super().__init__(f"{len(proposals)} proposals")
        self.proposals = proposals


class OnlyTried(Exception):
    """The file is right, and its import was undone as asked."""

    def __init__(self, report: Report) -> None:
        """Take the report of what would have been imported if all proposals were agreed to."""
        super().__init__("only tried")
        self.report = report


def import_sheet(
    connection: Connection, sheet: Sheet, options: Options, tick: Callable[[], None] = lambda: None
) -> Report:
    """Create the events of the file, and change those that exist; `tick` is called after each row.

    Raises NothingImported with all errors, AnswersNeeded or OnlyTried; each undoes the import.
    """
    errors = list(sheet.errors)
    importing = _Import(connection, sheet, options)
    wrong = set()
    for row in sheet.cancelled:
        importing.cancel(row)
    for index in importing.order():
        row = sheet.rows[index]
        try:
            importing.take(index)
        except Invalid as refusal:
            wrong.add(index)
            errors += [
                LineError(row.line, f"{name}: {sentence}", row.name)
                for name, sentence in refusal.fields.items()
            ]
        except MoveUnconfirmed as refusal:
            wrong.add(index)
            errors.append(LineError(row.line, f"{refusal.message} {options.move_hint}", row.name))
        except Refused as refusal:
            wrong.add(index)
            errors.append(LineError(row.line, refusal.message, row.name))
        tick()
    if errors:
        raise NothingImported(sorted(errors, key=lambda error: error.line), wrong)
    report = importing.report
    report.notices.sort(key=lambda notice: notice.line)
    if not options.keep:
        raise OnlyTried(report)
    if report.unanswered:
        raise AnswersNeeded(report.unanswered)
    if options.actor is not None and report.created + report.changed + report.cancelled:
        audit.record(
            connection,
            options.actor,
            "events.imported",
            "",
            created=report.created,
            changed=report.changed,
            cancelled=report.cancelled,
        )
    return report


def without_errors(sheet: Sheet, refusal: NothingImported) -> Sheet:
    """Return the file without what was wrong with it. More may be wrong with the rest, such as a slug that is taken."""
    rows = [row for index, row in enumerate(sheet.rows) if index not in refusal.wrong]
    return replace(sheet, rows=rows, errors=())


class _Import:
    """The state of an import after some of the rows."""

    def __init__(self, connection: Connection, sheet: Sheet, options: Options) -> None:
        """Lock the events of the file that exist."""
        self.report = Report()
        self._connection = connection
        self._sheet = sheet
        self._options = options
        self._slugs = _lock_events(connection, sheet)
        self._matches = Matches()
        self._seen: dict[str, int] = {}
        self._created: set[int] = set()

    def order(self) -> list[int]:
        """Match the rows with events, and return their indexes: events that exist may make room, so they come first."""
        self._matches = match_rows(self._connection, self._sheet.rows)
        known = self._matches.events
        return sorted(range(len(self._sheet.rows)), key=lambda index: index not in known)

    def take(self, index: int) -> None:
        """Create the event of a row, or change it. Raises Invalid or another Refused."""
        row = self._sheet.rows[index]
        slug = _slug(row, self._seen)
        match = self._matches.events.get(index)
        if slug in self._slugs:
            event = self._edit(row, queries.any_event_by_slug(self._connection, slug))
        elif match is not None:
            event = self._update(row, match)
        else:
            event = self._adopt(row) or self._create(row, slug)
            self._note_gone(index)
        if self._options.publish and event.state == "draft":
            publish_event(self._connection, event.slug, actor=self._options.actor)
            self.report.published += 1

    def cancel(self, row: Row) -> None:
        """Cancel the event that a row of the calendar cancels, or all dates of a repeating one."""
        events = self._cancelled_events(row)
        if not events:
            self._note(row, "the calendar has cancelled this event, which was never imported: left out.")
        for event, known in events:
            is_newer = known is None or known.is_older_than(row.origin)
            if is_newer is False:
                self._note(row, _OLDER)
            elif event.state != "cancelled" and self._agree(row, cancellation_of(event, row.line)):
                cancel_event(self._connection, event.slug, actor=self._options.actor)
                self.report.cancelled += 1
                self.report.outcomes.append(Outcome("cancelled", row.line, event.slug, event.title))
                if known is not None and event.state != "draft":  # a draft is deleted
                    origin = replace(row.origin, recurrence=known.recurrence)
                    remember(self._connection, event.id, origin, known.digests)
                continue
            self.report.unchanged += 1

    def _cancelled_events(self, row: Row) -> list[tuple[Event, Known | None]]:
        slug, origin = row.fields.get("slug", "").strip(), row.origin
        if slug:
            exists = slug in self._slugs
            return [(queries.any_event_by_slug(self._connection, slug), None)] if exists else []
        every = known_with_uid(self._connection, origin.uid) if origin.uid else []
        dates = dates_of(origin)
        return [
            (queries.event_by_id(self._connection, known.event_id), known)
            for known in every
            if not origin.recurrence or known.recurrence == origin.recurrence or dates & known.dates
        ]

    def _edit(self, row: Row, event: Event) -> Event:
        """Change an event that the row names by its slug."""
        details = self._details({**written(event, self._options.zone), **row.fields}, event)
        may_move = self._options.answers.update is True
        return self._count(row, event, edit_event(self._connection, event.slug, details, may_move=may_move))

    def _update(self, row: Row, match: Match) -> Event:
        """Change an event if this version of it is newer than the one that was imported last."""
        known = match.known
        event = queries.event_by_id(self._connection, known.event_id)
        changed = known.changed_fields(row.fields)
        is_newer = known.is_older_than(row.origin)
        if is_newer is False:
            if changed or row.origin.sequence < known.sequence:
                self._note(row, _OLDER)
            changed = set()
        elif changed and event.state == "cancelled":
            self._note(
                row, "the calendar has changed this event, but it is cancelled here, which cannot be undone."
            )
            changed = set()
        details = self._merged(row, event, changed)
        if details != details_of(event):
            is_sure = not changed or (is_newer is True and match.is_sure)
            proposal = update_of(event, details, self._options.zone, row.line, is_sure=is_sure)
            if not self._agree(row, proposal):
                return self._count(row, event, event)
            if not self._is_over(event):
                self._refuse_past(details)
        # An event with seats taken moves only after an answer that saw its new times.
        after = self._count(row, event, edit_event(self._connection, event.slug, details, may_move=True))
        if is_newer is not False and (is_newer or changed or row.origin.recurrence != known.recurrence):
            remember(self._connection, event.id, row.origin, digests_of(row.fields))
        return after

    def _merged(self, row: Row, event: Event, changed: AbstractSet[str]) -> Details:
        """Return the details of an event with those fields from the row."""
        fields = written(event, self._options.zone)
        if event.state == "cancelled" or not (changed or self._missing(fields)):
            return details_of(event)
        return self._details({**fields, **{name: row.fields[name] for name in changed}}, event)

    def _adopt(self, row: Row) -> Event | None:
        """Link an event that was typed, or imported from another kind of file, with the equal one of a calendar."""
        if not row.origin.uid or row.fields.get("slug", "").strip():
            return None
        try:
            # A fee is not what makes two events the same, and calendars have none.
            details = self._read({**row.fields, "fee": "0"})
        except Invalid:
            return None
        slug = queries.slug_of_twin(self._connection, details.title, details.place, details.starts_at)
        event = queries.any_event_by_slug(self._connection, slug) if slug else None
        if event is None or event.id in self._created or known_of_event(self._connection, event.id):
            return None
        remember(self._connection, event.id, row.origin, digests_of(row.fields))
        self._note(
            row, f"this is the event {event.slug}, which exists already: it was linked and not changed."
        )
        return self._count(row, event, event)

    def _create(self, row: Row, slug: str) -> Event:
        fields = self._filled(row.fields)
        lacking = {
            name: sentence
            for name, sentence in self._sheet.needed.items()
            if not fields.get(name, "").strip()
        }
        if lacking:
            raise Invalid(lacking)
        details = self._read(fields)
        self._refuse_past(details)
        if not slug:
            self._refuse_twin(details)
        event = create_event(self._connection, details, slug or None)
        self._created.add(event.id)
        if row.origin.uid and not slug:
            remember(self._connection, event.id, row.origin, digests_of(row.fields))
        self.report.created += 1
        self.report.outcomes.append(Outcome("new", row.line, event.slug, event.title))
        return event

    def _refuse_twin(self, details: Details) -> None:
        twin = queries.slug_of_twin(self._connection, details.title, details.place, details.starts_at)
        if twin is not None:
            msg = f"This event exists already. Give its slug, {twin}, to change it."
            raise Invalid({"title": msg})

    def _details(self, fields: Mapping[str, str], event: Event | None) -> Details:
        return self._read(self._filled(fields), event)

    def _filled(self, fields: Mapping[str, str]) -> dict[str, str]:
        return {**fields, **self._missing(fields)}

    def _missing(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Return the values that the options have for fields without one."""
        defaults = self._options.defaults
        return {name: value for name, value in defaults.items() if not fields.get(name, "").strip()}

    def _read(self, fields: Mapping[str, str], event: Event | None = None) -> Details:
        options = self._options
        details = read_details(
            with_room(self._connection, fields, event),
            options.zone,
            queries.fee_currency(event, options.currency),
        )
        # So that a place is compared as it will be stored.
        return place_in_room(self._connection, details)[0]

    def _count(self, row: Row, before: Event, after: Event) -> Event:
        if before == after:
            self.report.unchanged += 1
        else:
            self.report.changed += 1
        changes = changes_between(before, after, self._options.zone)
        kind: Literal["changed", "unchanged"] = "unchanged" if before == after else "changed"
        self.report.outcomes.append(Outcome(kind, row.line, after.slug, after.title, changes))
        return after

    def _agree(self, row: Row, proposal: Proposal) -> bool:
        """Return whether to carry a proposal out. One without an answer is tried, so that its errors are reported."""
        answer = self._options.answers.to(proposal)
        if answer is False:
            done = "updated" if proposal.kind == "update" else "cancelled"
            self._note(row, f"“{proposal.title}” ({proposal.slug}) was not {done}.")
            return False
        self.report.proposals.append(proposal)
        if answer is None:
            self.report.unanswered.append(proposal)
        return True

    def _note(self, row: Row, sentence: str) -> None:
        self.report.notices.append(Notice(row.line, sentence))

    def _note_gone(self, index: int) -> None:
        """Name the dates of a series that a new date may have replaced."""
        gone = self._matches.gone.get(index, [])
        events = [queries.event_by_id(self._connection, known.event_id) for known in gone[:MAX_NAMED]]
        slugs = [event.slug for event in events if event.state != "cancelled"]
        if slugs:
            listed = ", ".join(slugs) + (", ..." if len(gone) > MAX_NAMED else "")
            self._note(
                self._sheet.rows[index],
                f"the event has new dates, and some are no longer in the file. They were left as they are: {listed}.",
            )

    def _is_over(self, details: Details) -> bool:
        return 0 < (details.ends_at or details.starts_at) < self._connection.now

    def _refuse_past(self, details: Details) -> None:
        if self._is_over(details) and not self._options.allow_past:
            name = "ends_at" if details.ends_at else "starts_at"
            raise Invalid({name: f"The event is over. {self._options.past_hint}"})


_OLDER = "this is an older version of the event than the one that was imported before: nothing was changed."


def _lock_events(connection: Connection, sheet: Sheet) -> set[str]:
    """Lock the counts of the seats of all events of the file in order of event id; return the slugs that exist."""
    rows = (*sheet.rows, *sheet.cancelled)
    # A text that is too long for a slug is refused with its line later, and never looked up.
    slugs = {row.fields.get("slug", "")[: MAX_VALUE + 1].strip() for row in rows}
    by_slug = {slug: queries.id_of_slug(connection, slug) for slug in slugs if slug}
    uids = {row.origin.uid for row in rows if row.origin.uid and not row.fields.get("slug", "").strip()}
    ids = {known.event_id for uid in uids for known in known_with_uid(connection, uid)}
    for event_id in sorted(ids.union(event_id for event_id in by_slug.values() if event_id is not None)):
        lock_seats(connection, event_id)
    return {slug for slug, event_id in by_slug.items() if event_id is not None}


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
