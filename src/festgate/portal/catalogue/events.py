"""Operations of organisers on events: create, edit, publish, cancel.

Each locks the row that counts the event's seats before it reads the event, so that it and operations that take a seat
run one after the other.
"""

import hashlib
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import bindparam, delete, update

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.ids import slug_of
from festgate.kit.messaging import outbox
from festgate.kit.money import Money
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.assignments import unassign_event
from festgate.portal.catalogue.details import (
    MAX_LENGTHS,
    RESERVED_SLUGS,
    TEXTS,
    TIMES,
    Details,
    details_of,
    find_errors,
    find_gaps,
    search_text,
)
from festgate.portal.catalogue.errors import (
    CapacityTaken,
    EventEdited,
    EventInPass,
    EventWasCancelled,
    FeesSold,
    OtherCurrency,
)
from festgate.portal.catalogue.facts import EventCancelled, EventChanged
from festgate.portal.catalogue.moves import MoveUnconfirmed, find_slip
from festgate.portal.catalogue.passes import homes_of_passes
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.questions import count_fest_questions
from festgate.portal.catalogue.refund_rules import RefundRule
from festgate.portal.catalogue.rooms import place_in_room
from festgate.portal.catalogue.seats import close_to_newcomers, lock_seats, wake_homes
from festgate.portal.catalogue.tables import events, seats
from festgate.portal.catalogue.ticket_types import prices_of
from festgate.portal.catalogue.type_rows import add_first_type, drop_types, set_only_fee, set_type_currency

MAX_SUFFIX_LENGTH = len("-99999")
OFFER_MINUTES = 24 * 60
"""How long an offered seat is held, unless the organiser enters another time."""
SHOWN: Final = ("title", "place", "starts_at", "ends_at")
"""The details on tickets and in calendars; attendees get an email when one changes."""

_insert = inserting(events, returning="id")
_insert_seats = inserting(seats)

_DETAILS = (*TEXTS, *TIMES, "fee_minor", "currency", "search")
"""The columns that hold an event's details; the capacity is in the other table."""
_event = update(events).where(events.c.id == bindparam("event"))
_edit = Statement(
    _event.values(
        {
            **{name: bindparam(f"new_{name}") for name in _DETAILS},
            "room_id": bindparam("new_room"),
            "updated_at": bindparam("now"),
            "version": bindparam("new_version"),
            "sequence": bindparam("new_sequence"),
        }
    )
)
_set_state = Statement(
    _event.values(
        state=bindparam("new_state"),
        updated_at=bindparam("now"),
        version=bindparam("new_version"),
        sequence=bindparam("new_sequence"),
    )
)
_set_prices = Statement(
    _event.values(
        fee_minor=bindparam("new_fee"),
        several_prices=bindparam("has_several"),
        updated_at=bindparam("now"),
        version=bindparam("new_version"),
    )
)
_set_refund_rule = Statement(_event.values(refund_rule=bindparam("new_rule")))
_set_room = Statement(
    _event.values(
        room_id=bindparam("new_room"),
        updated_at=bindparam("now"),
        version=bindparam("new_version"),
        sequence=bindparam("new_sequence"),
    )
)
_set_max_per_person = Statement(_event.values(max_per_person=bindparam("new_max")))
_recount = Statement(
    update(seats)
    .where(seats.c.event_id == bindparam("event"), seats.c.taken <= bindparam("new_capacity"))
    .values(capacity=bindparam("new_capacity"))
)
_put_on_sale = Statement(
    update(seats).where(seats.c.event_id == bindparam("event")).values(on_sale=bindparam("open"))
)

_drop_seats = Statement(delete(seats).where(seats.c.event_id == bindparam("event")))
_drop = Statement(delete(events).where(events.c.id == bindparam("event")))


def create_event(
    connection: Connection,
    details: Details,
    slug: str | None = None,
    opened_at: Milliseconds | None = None,
    *,
    actor: Actor | None = None,
) -> Event:
    """Create a draft. Without a slug, a free one is made from the title; `actor` is for the audit log. Raises Invalid.

    `opened_at` is the time at which the organiser opened the form: if an event with the same details was created since,
    the form was sent twice, and that event is returned. The slug is chosen before: of two workers that create the same
    draft at once, one sees the other's, or both choose the same slug and one of them tries again.
    """
    _refuse(find_errors(details))
    details, room = place_in_room(connection, details)
    if slug is not None and queries.id_of_slug(connection, slug) is not None:
        raise Invalid({"slug": gettext("Another event has this address.")})
    slug = slug or free_slug(connection, details.title, opened_at)
    if opened_at is not None:
        for twin in queries.find_created(connection, details.title, opened_at):
            if details_of(twin) == details:
                return twin
    now = connection.now
    try:
        event_id: int = connection.value(
            _insert,
            slug=slug,
            state="draft",
            created_at=now,
            updated_at=now,
            version=_next_version(connection),
            several_prices=0,
            max_per_person=1,
            refund_rule="",
            ticket_names="off",
            names_until=0,
            transfers=1,
            transfers_until=0,
            waiting_list="off",
            offer_minutes=OFFER_MINUTES,
            needs_approval=0,
            room_id=room.id if room else None,
            asks=count_fest_questions(connection),
            answers_until=0,
            uid=str(uuid4()),
            sequence=0,
            **_columns(details),
        )
    except UniqueViolation:
        # Another process has just taken that slug or that version: the next attempt sees it.
        raise TryAgain from None
    connection.run(
        _insert_seats, event_id=event_id, capacity=details.capacity, taken=0, on_sale=0, waiting=0, to_offer=0
    )
    add_first_type(connection, event_id, details.fee)
    if actor is not None:
        audit.record(connection, actor, "event.created", slug, event_id=event_id)
    return queries.event_by_id(connection, event_id)


def edit_event(
    connection: Connection,
    slug: str,
    details: Details,
    version: int | None = None,
    *,
    may_move: bool = False,
    actor: Actor | None = None,
) -> Event:
    """Give the event other details; its slug stays. Nothing is written if nothing is different.

    `version` is the one that the organiser's form showed; None for a program. `may_move`: the organiser has confirmed
    that a sold event moves into the past or far away. `actor` is for the audit log; None if the caller records it.
    Raises NotFound, EventWasCancelled, EventEdited, Invalid, CapacityTaken if more seats are taken than there would be,
    or MoveUnconfirmed.
    """
    event = lock_event(connection, slug)
    details, room = place_in_room(connection, details)
    if details == details_of(event) and (room == event.room or event.state == "cancelled"):
        return event
    if event.state == "cancelled":
        raise EventWasCancelled
    _refuse_edited(event, version)
    gaps = find_gaps(details) if event.state == "published" else {}
    _refuse({**gaps, **find_errors(details)})
    slip = find_slip(event, details, connection.now)
    if event.taken and slip and not may_move:
        raise MoveUnconfirmed(slip, event.taken)
    if not connection.run(_recount, event=event.id, new_capacity=details.capacity):
        raise CapacityTaken(event.taken)
    close_to_newcomers(connection, [event.id] if event.waiting else [])
    wake_homes(connection, event.id)
    if details.fee != event.fee and details.fee.minor != prices_of(connection, event.id)[0]:
        set_only_fee(connection, event.id, details.fee)
    _store(connection, event, details, room.id if room else None)
    if actor is not None:
        record_edit(connection, actor, event, details_of(event), details)
    return queries.event_by_id(connection, event.id)


def record_edit(
    connection: Connection, actor: Actor, event: Event, before: audit.Record, after: audit.Record
) -> None:
    """Record in the audit log which fields of the event have changed; nothing if none has.

    `before` and `after` as `audit.differences` takes them.
    """
    changed = audit.differences(before, after)
    if changed:
        audit.record(connection, actor, "event.edited", event.slug, event_id=event.id, **changed)


def rename_place(connection: Connection, event: Event, place: str) -> None:
    """Give an event in a renamed room the new name as its place; the caller has locked its seats."""
    room_id = None if event.room is None else event.room.id
    _store(connection, event, replace(details_of(event), place=place), room_id)


def link_room(connection: Connection, event: Event, room_id: int) -> None:
    """Record that an event, whose place is the room's name, has the room, or that the room's address has changed.

    The caller has locked the event's seats. Calendars show the address, so that they need a newer entry.
    """
    _change(connection, _set_room, event=event.id, new_room=room_id, new_sequence=event.sequence + 1)


def set_max_per_person(connection: Connection, event_id: int, most: int) -> None:
    """Set the number of live seats that one person can have at the event, whose seats the caller has locked.

    Seats that somebody has already stay.
    """
    connection.run(_set_max_per_person, event=event_id, new_max=most)


def set_refund_rule(
    connection: Connection, slug: str, rule: RefundRule, *, actor: Actor | None = None
) -> Event:
    """Set the refund rule for later orders; `actor` is for the audit log. Raises NotFound."""
    event = lock_event(connection, slug)
    connection.run(_set_refund_rule, event=event.id, new_rule=rule.written())
    if actor is not None:
        record_edit(connection, actor, event, {"refunds": event.refund_rule}, {"refunds": rule.written()})
    return touch_event(connection, event.id)


def refuse_other_currency(connection: Connection, currency: str) -> None:
    """Raise OtherCurrency if the fest's events have fees, and none of them is in that currency."""
    used = queries.count_by_currency(connection)
    if used and currency not in used:
        raise OtherCurrency(currency, sorted(used))


def set_currency(connection: Connection, currency: str, actor: Actor) -> int:
    """Put the fees of all events into that currency without converting them (450 stays 450); return how many changed.

    `actor` is for the audit log. Raises FeesSold if a seat at one of them is taken, and Invalid if a fee has more
    decimals than the currency.
    """
    changed = 0
    for event in queries.all_events(connection):
        if event.fee.minor == 0 or event.state == "cancelled" or event.fee.currency == currency:
            continue
        if event.taken:
            raise FeesSold(event.title)
        lock_seats(connection, event.id)
        try:
            set_type_currency(connection, event.id, currency)
        except ValueError as error:
            raise Invalid({event.slug: f"{error}."}) from None
        least = Money(prices_of(connection, event.id)[0], currency)
        edit_event(connection, event.slug, replace(details_of(event), fee=least))
        changed += 1
    if changed:
        audit.record(connection, actor, "currency.changed", currency, events=changed)
    return changed


def publish_event(
    connection: Connection, slug: str, version: int | None = None, *, actor: Actor | None = None
) -> Event:
    """Show the event to everyone, who can register once sales open. Idempotent.

    `version` as in `edit_event`; `actor` is for the audit log. Raises NotFound, EventWasCancelled, EventEdited, or
    Invalid with a sentence for each field that is missing.
    """
    event = lock_event(connection, slug)
    if event.state == "published":
        return event
    if event.state == "cancelled":
        raise EventWasCancelled
    _refuse_edited(event, version)
    _refuse(find_gaps(details_of(event)))
    _change(connection, _set_state, event=event.id, new_state="published", new_sequence=event.sequence)
    connection.run(_put_on_sale, event=event.id, open=1)
    if actor is not None:
        audit.record(connection, actor, "event.published", event.slug, event_id=event.id)
    return queries.event_by_id(connection, event.id)


def withdraw_event(connection: Connection, event: Event) -> Event:
    """Make a published event a draft; the caller has locked its seats, and nobody ever took one."""
    _change(connection, _set_state, event=event.id, new_state="draft", new_sequence=event.sequence)
    connection.run(_put_on_sale, event=event.id, open=0)
    return queries.event_by_id(connection, event.id)


def cancel_event(connection: Connection, slug: str, *, actor: Actor | None = None) -> Event:
    """Cancel the event for good; the fact EventCancelled releases its seats. Idempotent.

    A draft is deleted instead, because nobody can have seen it or taken a seat. `actor` is for the audit log. Raises
    NotFound, or EventInPass or EventAssigned for a draft that a pass admits to, or that is somebody's only event.
    """
    event = lock_event(connection, slug)
    if event.state == "cancelled":
        return event
    if event.state == "draft":
        if homes_of_passes(connection, event.id):
            raise EventInPass
        unassign_event(connection, event.id)
        drop_types(connection, event.id)
        connection.run(_drop_seats, event=event.id)
        connection.run(_drop, event=event.id)
        if actor is not None:
            audit.record(connection, actor, "event.deleted", event.slug, event_id=event.id)
        return replace(event, state="cancelled", updated_at=connection.now)
    _change(connection, _set_state, event=event.id, new_state="cancelled", new_sequence=event.sequence + 1)
    connection.run(_put_on_sale, event=event.id, open=0)
    outbox.record(connection, EventCancelled(event.id))
    if actor is not None:
        audit.record(
            connection, actor, "event.cancelled", event.slug, event_id=event.id, registrations=event.taken
        )
    return queries.event_by_id(connection, event.id)


def free_slug(connection: Connection, title: str, opened_at: Milliseconds | None = None) -> str:
    """Return a free slug for the title: `robo-race`, or `robo-race-2` if that is taken, and so on.

    A title without Latin letters and digits gets a random one, or the same for one title and one form.
    """
    mark = "" if opened_at is None else hashlib.sha256(f"{opened_at} {title}".encode()).hexdigest()
    slug = slug_of(title, MAX_LENGTHS["slug"], mark and f"event-{mark[:6]}")
    if slug not in RESERVED_SLUGS and queries.id_of_slug(connection, slug) is None:
        return slug
    # A long slug is cut to make room for its number, so the taken slugs begin with the part that stays.
    stem = slug[: MAX_LENGTHS["slug"] - MAX_SUFFIX_LENGTH].rstrip("-")
    taken = queries.slugs_like(connection, stem)
    number = 2
    while (candidate := f"{stem}-{number}") in taken:
        number += 1
    return candidate


def _columns(details: Details) -> dict[str, object]:
    """Return the values of the columns _DETAILS."""
    return {
        **{name: getattr(details, name) for name in (*TEXTS, *TIMES)},
        "fee_minor": details.fee.minor,
        "currency": details.fee.currency,
        "search": search_text(details),
    }


def lock_event(connection: Connection, slug: str) -> Event:
    """Return the event in any state, with the count of its seats locked. Raises NotFound."""
    event_id = queries.id_of_slug(connection, slug)
    if event_id is None:
        raise NotFound(gettext(queries.NO_EVENT))
    lock_seats(connection, event_id)
    return queries.event_by_id(connection, event_id)


def touch_event(connection: Connection, event_id: int) -> Event:
    """Record that the ticket types of the event have changed, and return it."""
    least, most = prices_of(connection, event_id)
    _change(connection, _set_prices, event=event_id, new_fee=least, has_several=int(least != most))
    close_to_newcomers(connection, [event_id])
    return queries.event_by_id(connection, event_id)


def _change(connection: Connection, statement: Statement, **values: object) -> None:
    try:
        connection.run(statement, now=connection.now, new_version=_next_version(connection), **values)
    except UniqueViolation:
        # Another process has just changed the programme.
        raise TryAgain from None


def _next_version(connection: Connection) -> int:
    # The time, so that no number is used twice: a deleted draft may have had the highest one.
    return max(connection.now, queries.programme_version(connection) + 1)


def _store(connection: Connection, event: Event, details: Details, room_id: int | None) -> None:
    """Store the details and the room of an event, and record it for the attendees if they see a difference."""
    columns = {f"new_{name}": value for name, value in _columns(details).items()}
    is_seen = _shown(details) != _shown(event)
    sequence = event.sequence + (is_seen or room_id != (event.room.id if event.room else None))
    _change(connection, _edit, event=event.id, new_sequence=sequence, new_room=room_id, **columns)
    if event.state == "published" and is_seen:
        _record_changed(connection, event)


def _shown(event: Details) -> dict[str, Any]:
    """Return what tickets and calendars show of the event."""
    return {name: getattr(event, name) for name in SHOWN}


def _record_changed(connection: Connection, before: Event) -> None:
    """Record that the event has changed, with the values that its attendees know.

    They are those of `before`, unless the emails about an earlier change are still to be queued.
    """
    known = _shown(before)
    for earlier in outbox.lock_waiting(connection, EventChanged, before.id):
        if "title" in earlier:
            known = {name: earlier[name] for name in SHOWN}
            break
    outbox.record(connection, EventChanged(before.id, **known))


def _refuse_edited(event: Event, version: int | None) -> None:
    if version is not None and version != event.version:
        raise EventEdited


def _refuse(errors: dict[str, str]) -> None:
    if errors:
        raise Invalid(errors)
