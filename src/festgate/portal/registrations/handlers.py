"""What seats do when an event is called off."""

from festgate.kit.db.statements import Connection
from festgate.kit.messaging import outbox
from festgate.kit.messaging.outbox import Subscription
from festgate.portal.catalogue.facts import EventCancelled
from festgate.portal.registrations import queries
from festgate.portal.registrations.endings import EVENT
from festgate.portal.registrations.holds import SWEPT_AT_ONCE, release_seat, sweep_event


def release_all(connection: Connection, fact: EventCancelled) -> None:
    """Give back every seat of the event, some at a time; the fact is told again while there are more."""
    # A hold that ended before the event was cancelled ended unpaid; its holder need not hear of the event.
    sweep_event(connection, fact.event_id)
    live = queries.live_seats_of_event(connection, fact.event_id, SWEPT_AT_ONCE)
    for found in live:
        # Locked and read again: its payment may have confirmed it since, and then its ticket and money have to follow.
        seat = queries.lock_seat(connection, found.id)
        if seat is not None:
            release_seat(connection, seat, EVENT)
    if len(live) == SWEPT_AT_ONCE:
        outbox.record(connection, fact)


# The name is in the data: it stays as it is wherever the code goes.
SUBSCRIPTIONS = (
    Subscription(
        EventCancelled, release_all, "festgate.registrations.handlers.release_all", "outbox.registrations"
    ),
)
