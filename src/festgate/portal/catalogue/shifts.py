"""Move of an event by days: all its times together, at the same time of day."""

from dataclasses import replace
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from festgate.kit.clock import Milliseconds, milliseconds, moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext
from festgate.portal.catalogue.details import YEARS, Details, details_of
from festgate.portal.catalogue.errors import EventWasCancelled
from festgate.portal.catalogue.events import edit_event, lock_event, touch_event
from festgate.portal.catalogue.holder_rules import rules_of, set_holder_rules
from festgate.portal.catalogue.queries import Event, event_by_id
from festgate.portal.catalogue.question_changes import set_answers_until
from festgate.portal.catalogue.ticket_types import types_of
from festgate.portal.catalogue.type_rows import edit_type

MAX_DAYS: Final = 10 * 366
"""Days by which an event can be moved at once."""


def move_event(
    connection: Connection,
    slug: str,
    days: int,
    zone: ZoneInfo,
    version: int | None = None,
    *,
    may_move: bool = False,
) -> Event:
    """Move the event, its sales, those of its ticket types, and its other deadlines by days of the zone.

    Sales that have opened already stay open. Attendees get the same email as after an edit. `version` and `may_move` as
    in `edit_event`. Raises NotFound, EventWasCancelled, EventEdited, Invalid or MoveUnconfirmed.
    """
    event = lock_event(connection, slug)
    if event.state == "cancelled":
        raise EventWasCancelled
    now = connection.now
    rules = rules_of(event)
    answers_until = event.answers_until
    moved = edit_event(connection, slug, shifted(event, days, zone, now), version, may_move=may_move)
    has_changed = False
    for ticket_type in types_of(connection, event.id):
        details = ticket_type.details
        details = replace(
            details,
            sales_open_at=_opening(
                details.sales_open_at, days, zone, now, is_public=event.state == "published"
            ),
            sales_close_at=shifted_time(details.sales_close_at, days, zone),
            team_changes_until=shifted_time(details.team_changes_until, days, zone),
        )
        # A quota counts the seats that are taken when it is made, and stays as it is.
        has_changed |= edit_type(connection, ticket_type, details)
    if has_changed:
        touch_event(connection, event.id)
    if rules.names_until or rules.transfers_until:
        later = replace(
            rules,
            names_until=shifted_time(rules.names_until, days, zone),
            transfers_until=shifted_time(rules.transfers_until, days, zone),
        )
        set_holder_rules(connection, slug, later)
    if answers_until:
        set_answers_until(connection, slug, shifted_time(answers_until, days, zone))
    return event_by_id(connection, moved.id)


def shifted(event: Event, days: int, zone: ZoneInfo, now: Milliseconds) -> Details:
    """Return the details of the event that many days later, at the same time of day. Raises Invalid."""
    if not days or abs(days) > MAX_DAYS:
        sentence = gettext(
            "Enter a number of days from 1 to {max}, with a minus to move it to an earlier day."
        )
        raise Invalid({"days": sentence.format(max=MAX_DAYS)})
    if not event.starts_at:
        raise Invalid({"days": gettext("This event has no start yet. Enter one in its settings.")})
    return replace(
        details_of(event),
        starts_at=shifted_time(event.starts_at, days, zone),
        ends_at=shifted_time(event.ends_at, days, zone),
        sales_open_at=_opening(event.sales_open_at, days, zone, now, is_public=event.state == "published"),
        sales_close_at=shifted_time(event.sales_close_at, days, zone),
    )


def _opening(
    at: Milliseconds, days: int, zone: ZoneInfo, now: Milliseconds, *, is_public: bool
) -> Milliseconds:
    """Return the opening of sales; one that has passed stays, because the sales would close again."""
    return at if is_public and at <= now else shifted_time(at, days, zone)


def shifted_time(at: Milliseconds, days: int, zone: ZoneInfo) -> Milliseconds:
    """Return the same time of day that many days later; 0 for 0. Raises Invalid."""
    if not at:
        return 0
    try:
        later = moment(at, zone).replace(tzinfo=None) + timedelta(days=days)
    except OverflowError:
        later = None
    if later is None or later.year not in YEARS:
        raise Invalid({"days": gettext("An event cannot be that far away.")})
    return milliseconds(later.replace(tzinfo=zone))
