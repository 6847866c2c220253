"""What seats do when an event is called off."""

from festgate.catalogue.facts import EventCancelled
from festgate.kit import outbox
from festgate.kit.outbox import Subscription
from festgate.kit.statements import Connection
from festgate.registrations import queries
from festgate.registrations.holds import SWEPT_AT_ONCE, release_seat


def release_all(connection: Connection, fact: EventCancelled) -> None:
    """Give back every seat of the event, some at a time; the fact is told again while there are more."""
    live = queries.live_seats_of_event(connection, fact.event_id, SWEPT_AT_ONCE)
    for seat in live:
        release_seat(connection, seat)
    if len(live) == SWEPT_AT_ONCE:
        outbox.record(connection, fact)


# The name is in the data: it stays as it is wherever the code goes.
SUBSCRIPTIONS = (
    Subscription(
        EventCancelled, release_all, "festgate.registrations.handlers.release_all", "outbox.registrations"
    ),
)
