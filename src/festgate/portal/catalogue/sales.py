"""Operations of organisers on a single event: open and close its sales, withdraw it, and change its number of seats."""

from dataclasses import replace

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict
from festgate.kit.translation import N_
from festgate.portal.catalogue.details import details_of
from festgate.portal.catalogue.errors import EventEdited, EventWasCancelled
from festgate.portal.catalogue.events import edit_event, lock_event, withdraw_event
from festgate.portal.catalogue.queries import Event


class NotPublished(Conflict):
    """An operation on the sales of a draft."""

    code = "not-published"
    title = N_("This event is not published")
    message = N_(
        "This event is a draft. Publish it first: its sales open then, or at the time that it has for that."
    )
    actions = ((N_("All events"), "/organise"),)


class EventOver(Conflict):
    """An operation on the sales of an event that has ended."""

    code = "event-over"
    title = N_("This event is over")
    message = N_("This event is over, so nothing can be sold for it. Move it first if it takes place again.")
    actions = ((N_("All events"), "/organise"),)


class WasRegisteredFor(Conflict):
    """Somebody has registered for the event, so it cannot become a draft again."""

    code = "was-registered-for"
    title = N_("Somebody has registered for this event")
    message = N_(
        "Somebody has registered for this event, or is on its waiting list, so it cannot become a draft again. Close "
        "its sales instead, or cancel it: then everybody gets an email and a refund."
    )
    actions = ((N_("All events"), "/organise"),)


def open_sales(connection: Connection, slug: str, version: int | None = None) -> Event:
    """Open the sales of a published event now. Nothing is written if they are open.

    A closing time that has passed is replaced by the start, or by the end where the event has begun. Ticket types with
    times of their own keep them. `version` as in `edit_event`. Raises NotFound, NotPublished, EventWasCancelled,
    EventOver or EventEdited.
    """
    event = _lock_published(connection, slug, version)
    now = connection.now
    if now >= event.ends_at:
        raise EventOver
    closes = event.sales_close_at
    if closes <= now:
        closes = event.starts_at if event.starts_at > now else event.ends_at
    opens = min(event.sales_open_at, now)
    return edit_event(
        connection, slug, replace(details_of(event), sales_open_at=opens, sales_close_at=closes)
    )


def close_sales(connection: Connection, slug: str, version: int | None = None) -> Event:
    """Close the sales of a published event now. Nothing is written if they are closed.

    Held seats can still be paid. Sales that have not opened yet do not open any more. `version` as in `edit_event`.
    Raises NotFound, NotPublished, EventWasCancelled, EventOver or EventEdited.
    """
    event = _lock_published(connection, slug, version)
    now = connection.now
    if event.sales_close_at <= now:
        return event
    # Sales have to open before they close.
    opens = event.sales_open_at if event.sales_open_at < now else 0
    return edit_event(connection, slug, replace(details_of(event), sales_open_at=opens, sales_close_at=now))


def unpublish_event(
    connection: Connection, slug: str, version: int | None = None, *, was_registered_for: bool
) -> Event:
    """Make a published event a draft again, which nobody sees. Idempotent.

    `was_registered_for`: whether anybody ever took a seat or waited for one, which the caller knows; a draft can be
    deleted, and their registrations could not be. Raises NotFound, EventWasCancelled, EventEdited or WasRegisteredFor.
    """
    event = lock_event(connection, slug)
    if event.state == "draft":
        return event
    if event.state == "cancelled":
        raise EventWasCancelled
    _refuse_edited(event, version)
    if was_registered_for or event.taken or event.waiting:
        raise WasRegisteredFor
    return withdraw_event(connection, event)


def resize_event(connection: Connection, slug: str, capacity: int, version: int | None = None) -> Event:
    """Give the event another number of seats. Nothing is written for the same one.

    Raises NotFound, EventWasCancelled, EventEdited, Invalid, or CapacityTaken if more are taken.
    """
    event = lock_event(connection, slug)
    return edit_event(connection, slug, replace(details_of(event), capacity=capacity), version)


def _lock_published(connection: Connection, slug: str, version: int | None) -> Event:
    event = lock_event(connection, slug)
    if event.state == "cancelled":
        raise EventWasCancelled
    if event.state == "draft":
        raise NotPublished
    _refuse_edited(event, version)
    return event


def _refuse_edited(event: Event, version: int | None) -> None:
    if version is not None and version != event.version:
        raise EventEdited
