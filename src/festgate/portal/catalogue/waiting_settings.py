"""An organiser's settings of an event's waiting list, and of its applications."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, get_args

from sqlalchemy import bindparam, update

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.catalogue.errors import EventWasCancelled
from festgate.portal.catalogue.events import lock_event, record_edit, touch_event
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.seats import close_to_newcomers
from festgate.portal.catalogue.tables import ListState, events

MIN_OFFER_HOURS, MAX_OFFER_HOURS = 1, 14 * 24
MAX_ENTERED = 4
"""Digits of a number of hours."""


@dataclass(frozen=True, slots=True)
class WaitingSettings:
    """The settings of an event's waiting list."""

    waiting_list: ListState
    offer_minutes: int
    """How long an offered seat is held for its person."""
    needs_approval: bool
    """Whether visitors apply, and organisers accept them."""


_save = Statement(
    update(events)
    .where(events.c.id == bindparam("event"))
    .values(
        waiting_list=bindparam("new_state"),
        offer_minutes=bindparam("new_minutes"),
        needs_approval=bindparam("asks"),
    )
)


def settings_of(event: Event) -> WaitingSettings:
    """Return the settings of the event's waiting list."""
    return WaitingSettings(event.waiting_list, event.offer_minutes, bool(event.needs_approval))


def set_waiting_list(
    connection: Connection, slug: str, settings: WaitingSettings, *, actor: Actor | None = None
) -> Event:
    """Save the settings of the event's waiting list. Raises NotFound, EventWasCancelled, or Invalid.

    A list on which somebody waits cannot be switched off. `actor` is for the audit log.
    """
    event = lock_event(connection, slug)
    if event.state == "cancelled":
        raise EventWasCancelled
    if settings.waiting_list == "off" and event.waiting:
        raise Invalid({"waiting_list": gettext("Somebody is on the list. Close it, or remove them first.")})
    connection.run(
        _save,
        event=event.id,
        new_state=settings.waiting_list,
        new_minutes=settings.offer_minutes,
        asks=int(settings.needs_approval),
    )
    if actor is not None:
        record_edit(connection, actor, event, settings_of(event), settings)
    close_to_newcomers(connection, [event.id])
    return touch_event(connection, event.id)


def read_waiting_settings(fields: Mapping[str, str]) -> WaitingSettings:
    """Return the settings that were entered. Raises Invalid."""
    state, entered = fields.get("waiting_list", "off"), fields.get("offer_hours", "").strip()
    errors = {}
    if state not in get_args(ListState):
        errors["waiting_list"] = gettext("Choose one of the options.")
    is_number = entered.isascii() and entered.isdecimal() and len(entered) <= MAX_ENTERED
    if not is_number or not MIN_OFFER_HOURS <= int(entered) <= MAX_OFFER_HOURS:
        sentence = gettext("Enter a whole number from {min} to {max}.")
        errors["offer_hours"] = sentence.format(min=MIN_OFFER_HOURS, max=MAX_OFFER_HOURS)
    if errors:
        raise Invalid(errors)
    return WaitingSettings(cast("ListState", state), int(entered) * 60, fields.get("needs_approval") == "yes")
