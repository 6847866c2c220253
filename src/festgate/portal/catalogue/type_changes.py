"""Operations of organisers on the ticket types of an event, and the reading of a type's form.

Each locks the count of the event's seats first. Registrations, a module above, counts the seats of a type.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from functools import partial
from typing import TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.money import Money
from festgate.kit.text import check_length, tidy
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import type_rows
from festgate.portal.catalogue.details import (
    MAX_CAPACITY,
    MAX_VALUE,
    read_fee,
    read_moment,
    read_number,
    written_time,
)
from festgate.portal.catalogue.errors import EventWasCancelled
from festgate.portal.catalogue.events import lock_event, record_edit, set_max_per_person, touch_event
from festgate.portal.catalogue.passes import set_pass_events
from festgate.portal.catalogue.prices import MAX_RATE, PERCENT, with_tax, without_tax, written_rate
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.questions import count_asks
from festgate.portal.catalogue.quotas import draw_on, edit_quota, events_of_quota, stop_drawing_on
from festgate.portal.catalogue.seats import close_to_newcomers
from festgate.portal.catalogue.ticket_types import (
    MAX_PER_ORDER,
    MAX_TEAM_SIZE,
    NO_TYPE,
    TicketType,
    TypeDetails,
    type_of,
    types_of,
)

T = TypeVar("T")
_RATE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?")

CountSeats: TypeAlias = Callable[[Connection, int, int], tuple[int, int]]
"""A query of a module above: for an event id and a type id, the seats that were ever taken, and those that are live."""
MAX_TYPE_NAME = 60
MAX_TYPE_DESCRIPTION = 300
TYPE_FIELDS = (
    "name",
    "description",
    "fee",
    "chosen_price",
    "own_quota",
    "sales_open_at",
    "sales_close_at",
    "follows_id",
    "hidden",
    "min_per_order",
    "max_per_order",
    "tax_rate",
    "tax_on_top",
    "team_min",
    "team_max",
    "team_price",
    "team_changes_until",
)
"""The fields of a type's form."""


def add_ticket_type(
    connection: Connection,
    slug: str,
    details: TypeDetails,
    shared: Collection[int] = (),
    admits: Collection[int] = (),
    *,
    actor: Actor | None = None,
) -> TicketType:
    """Add a ticket type that draws on the quotas `shared`, and also admits to the events `admits`.

    `actor` is for the audit log. Raises NotFound, EventWasCancelled or Invalid.

    The first type of an event has no name. It has to get one before there is a second.
    """
    event = _lock(connection, slug)
    types = types_of(connection, event.id)
    if any(not other.name and not other.is_withdrawn for other in types):
        raise Invalid({"name": gettext("Give the first ticket type a name before you add another.")})
    refuse_team_pass(details, admits)
    added = type_rows.add_type(connection, event.id, details)
    set_pass_events(connection, added.id, event.id, (), admits, 0)
    for quota_id in sorted(shared):
        draw_on(connection, added.id, quota_id, 0)
    touch_event(connection, event.id)
    added = type_of(types_of(connection, event.id), added.id)
    if actor is not None:
        price = f"{added.fee.plain()} {added.fee.currency}"
        audit.record(connection, actor, "type.added", added.name, event_id=event.id, fee=price)
    return added


def edit_ticket_type(
    connection: Connection,
    slug: str,
    type_id: int,
    details: TypeDetails,
    count_seats: CountSeats,
    shared: Collection[int] | None = None,
    admits: Collection[int] | None = None,
    *,
    actor: Actor | None = None,
) -> Event:
    """Give a ticket type other details and, unless None, other shared quotas and other events that it admits to.

    Nothing is written for equal ones. `actor` is for the audit log.

    Raises NotFound, EventWasCancelled or Invalid.
    """
    event = _lock(connection, slug)
    ticket_type = type_of(types_of(connection, event.id), type_id)
    ever, live = count_seats(connection, event.id, type_id)
    known = {other.id for other in ticket_type.admits}
    # An event that was cancelled is not in the form any more, and stays in the pass.
    over = {other.id for other in ticket_type.admits if other.state == "cancelled"}
    admitted = known if admits is None else set(admits) | over
    refuse_team_pass(details, admitted)
    has_changed = type_rows.edit_type(connection, ticket_type, details, live)
    before = {quota.id for quota in ticket_type.quotas if not quota.is_own}
    wanted = before if shared is None else set(shared)
    for quota_id in sorted(before ^ wanted):
        if quota_id in wanted:
            draw_on(connection, type_id, quota_id, live)
        else:
            stop_drawing_on(connection, type_id, quota_id, live)
    has_moved = set_pass_events(connection, type_id, event.id, known, admitted, ever)
    if not (has_changed or has_moved or before != wanted):
        return event
    if actor is not None:
        edited = type_of(types_of(connection, event.id), type_id)
        changed = audit.differences(_entered(ticket_type), _entered(edited))
        audit.record(connection, actor, "type.edited", ticket_type.name, event_id=event.id, **changed)
    return touch_event(connection, event.id)


def remove_ticket_type(
    connection: Connection,
    slug: str,
    type_id: int,
    count_seats: CountSeats,
    *,
    actor: Actor | None = None,
) -> Event:
    """Remove a ticket type, or withdraw it if seats of it exist or existed. Idempotent.

    `actor` is for the audit log. Raises NotFound, EventWasCancelled, or Invalid for the last type.
    """
    event = _lock(connection, slug)
    ticket_type = type_of(types_of(connection, event.id), type_id)
    if ticket_type.is_withdrawn:
        return event
    ever, _ = count_seats(connection, event.id, type_id)
    type_rows.remove_type(connection, ticket_type, is_used=ever > 0)
    count_asks(connection, event.id)
    if actor is not None:
        action: audit.Action = "type.withdrawn" if ever else "type.removed"
        audit.record(connection, actor, action, ticket_type.name, event_id=event.id)
    return touch_event(connection, event.id)


def offer_ticket_type(
    connection: Connection, slug: str, type_id: int, *, actor: Actor | None = None
) -> Event:
    """Offer a withdrawn ticket type again. Idempotent; `actor` is for the audit log.

    Raises NotFound or EventWasCancelled.
    """
    event = _lock(connection, slug)
    ticket_type = type_of(types_of(connection, event.id), type_id)
    if not ticket_type.is_withdrawn:
        return event
    type_rows.offer_again(connection, ticket_type)
    if actor is not None:
        audit.record(connection, actor, "type.offered", ticket_type.name, event_id=event.id)
    return touch_event(connection, event.id)


def order_ticket_types(
    connection: Connection, slug: str, ids: Sequence[int], *, actor: Actor | None = None
) -> Event:
    """Show all ticket types of the event, also withdrawn ones, in that order; `actor` is for the audit log.

    Raises NotFound, EventWasCancelled, or Invalid if `ids` does not name each of them once.
    """
    event = _lock(connection, slug)
    types = {ticket_type.id: ticket_type for ticket_type in types_of(connection, event.id)}
    if sorted(ids) != sorted(types):
        raise Invalid({"order": gettext("Name each of them once.")})
    if list(ids) == list(types):
        return event
    type_rows.order_types(connection, [types[type_id] for type_id in ids])
    if actor is not None:
        audit.record(connection, actor, "types.ordered", event.slug, event_id=event.id)
    return touch_event(connection, event.id)


def move_ticket_type(
    connection: Connection, slug: str, type_id: int, by: int, *, actor: Actor | None = None
) -> Event:
    """Show a ticket type that many places later, or earlier for a negative number. Raises NotFound."""
    ids = [ticket_type.id for ticket_type in types_of(connection, lock_event(connection, slug).id)]
    if type_id not in ids:
        raise NotFound(gettext(NO_TYPE))
    place = ids.index(type_id)
    ids.insert(max(0, min(len(ids) - 1, place + by)), ids.pop(place))
    return order_ticket_types(connection, slug, ids, actor=actor)


def limit_per_person(connection: Connection, slug: str, most: int, *, actor: Actor | None = None) -> Event:
    """Set the number of live seats that one person can have at the event; `actor` is for the audit log.

    Raises NotFound or EventWasCancelled.
    """
    event = _lock(connection, slug)
    if actor is not None:
        before, after = {"max_per_person": event.max_per_person}, {"max_per_person": most}
        record_edit(connection, actor, event, before, after)
    set_max_per_person(connection, event.id, most)
    return touch_event(connection, event.id)


def resize_quota(
    connection: Connection, quota_id: int, name: str, capacity: int, *, actor: Actor | None = None
) -> None:
    """Give a shared quota another name or capacity; what comes free is offered to the waiting list first.

    `actor` is for the audit log. Raises NotFound, or Invalid if more tickets are taken.
    """
    close_to_newcomers(connection, events_of_quota(connection, quota_id))
    edit_quota(connection, quota_id, name, capacity, actor=actor)


def read_type(fields: Mapping[str, str], zone: ZoneInfo, currency: str) -> TypeDetails:
    """Read a ticket type that was entered as text. Raises Invalid with a sentence for every wrong field."""
    errors: dict[str, str] = {}

    def read(name: str, parse: Callable[[str], T], default: T) -> T:
        try:
            return parse(fields.get(name, ""))
        except ValueError as error:
            errors[name] = str(error)
            return default

    number = partial(read_number, least=1)
    team = partial(read_number, least=2, most=MAX_TEAM_SIZE, empty=None)
    largest = read("team_max", team, None) or 0
    details = TypeDetails(
        name=read("name", partial(tidy, lines=False, max_length=MAX_TYPE_NAME), ""),
        fee=read("fee", partial(read_fee, currency), Money(0, currency)),
        description=read("description", partial(tidy, lines=False, max_length=MAX_TYPE_DESCRIPTION), ""),
        has_chosen_price=fields.get("chosen_price") == "yes",
        sales_open_at=read("sales_open_at", partial(read_moment, zone), 0),
        sales_close_at=read("sales_close_at", partial(read_moment, zone), 0),
        follows_id=read("follows_id", partial(read_number, least=1, most=2**53, empty=None), None),
        is_hidden=fields.get("hidden") == "yes",
        min_per_order=read("min_per_order", partial(number, most=MAX_PER_ORDER, empty=1), None) or 1,
        max_per_order=read("max_per_order", partial(number, most=MAX_PER_ORDER, empty=1), None) or 1,
        own_quota=read("own_quota", partial(number, most=MAX_CAPACITY, empty=None), None),
        tax_rate=read("tax_rate", read_rate, 0),
        has_tax_on_top=fields.get("tax_on_top") == "yes",
        team_min=(read("team_min", team, None) or 2) if largest else 0,
        team_max=largest,
        team_price="member" if largest and fields.get("team_price") == "member" else "team",
        team_changes_until=read("team_changes_until", partial(read_moment, zone), 0) if largest else 0,
    )
    if details.has_tax_on_top:
        details = replace(details, fee=with_tax(details.fee, details.tax_rate))
    if not errors and details.min_per_order > details.max_per_order:
        errors["min_per_order"] = gettext("The minimum per order is above the maximum.")
    if errors:
        raise Invalid(errors)
    return details


def written_type(details: TypeDetails, zone: ZoneInfo) -> dict[str, str]:
    """Return the details as text, from which `read_type` reads the same details."""
    return {
        "name": details.name,
        "description": details.description,
        "fee": (
            without_tax(details.fee, details.tax_rate) if details.has_tax_on_top else details.fee
        ).plain(),
        "chosen_price": "yes" if details.has_chosen_price else "",
        "own_quota": "" if details.own_quota is None else str(details.own_quota),
        "sales_open_at": written_time(details.sales_open_at, zone),
        "sales_close_at": written_time(details.sales_close_at, zone),
        "follows_id": "" if details.follows_id is None else str(details.follows_id),
        "hidden": "yes" if details.is_hidden else "",
        "min_per_order": str(details.min_per_order),
        "max_per_order": str(details.max_per_order),
        "tax_rate": written_rate(details.tax_rate) if details.tax_rate else "",
        "tax_on_top": "yes" if details.has_tax_on_top else "",
        "team_min": str(details.team_min or ""),
        "team_max": str(details.team_max or ""),
        "team_price": details.team_price,
        "team_changes_until": written_time(details.team_changes_until, zone),
    }


def read_limit(text: str) -> int:
    """Return the number of seats that one person can have, as it was entered. Raises ValueError with a sentence."""
    return read_number(text, least=1, most=MAX_PER_ORDER, empty=1) or 1


def read_rate(text: str, most: int = MAX_RATE) -> int:
    """Return a percentage as it was entered, such as `18` or `5,5 %`, in hundredths of a percent; 0 for an empty text.

    Raises ValueError with a sentence.
    """
    check_length(text, MAX_VALUE)
    entered = text.strip().removesuffix("%").strip().replace(",", ".") or "0"
    if not _RATE.fullmatch(entered) or (rate := int(Decimal(entered) * PERCENT)) > most:
        sentence = gettext("Enter a percentage from 0 to {max}, with at most two decimals.")
        raise ValueError(sentence.format(max=written_rate(most)))
    return rate


def refuse_team_pass(details: TypeDetails, admits: Collection[int]) -> None:
    """Raise Invalid if a ticket for teams is to admit to other events."""
    if admits and details.is_for_teams:
        raise Invalid({"admits_to": gettext("A ticket for teams cannot admit to other events.")})


def _entered(ticket_type: TicketType) -> dict[str, object]:
    """Return the details, the shared quotas and the other events of a type, for the audit log."""
    details = ticket_type.details
    return {
        **{field.name: getattr(details, field.name) for field in fields(details)},
        "tax_rate": written_rate(details.tax_rate),
        "quotas": [quota.name for quota in ticket_type.quotas if not quota.is_own],
        "admits_to": [event.slug for event in ticket_type.admits],
    }


def _lock(connection: Connection, slug: str) -> Event:
    event = lock_event(connection, slug)
    if event.state == "cancelled":
        raise EventWasCancelled
    return event
