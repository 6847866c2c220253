"""Reactions of seats to the cancellation of their event, to free seats, and to corrected addresses of guests."""

from festgate.kit.db.statements import Connection
from festgate.kit.messaging import outbox
from festgate.kit.messaging.outbox import Subscription
from festgate.portal.accounts.facts import AddressCorrected
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facts import EventCancelled, SeatsFreed
from festgate.portal.registrations import queries, waiting_list
from festgate.portal.registrations.cancellations import release_seat
from festgate.portal.registrations.endings import EVENT
from festgate.portal.registrations.holds import SWEPT_AT_ONCE, insert_held_seat, sweep_event
from festgate.portal.registrations.offers import offer_free_seats
from festgate.portal.registrations.seat_moves import follow_address


def release_all(connection: Connection, fact: EventCancelled) -> None:
    """Release every seat of the event, some at a time; the fact is recorded again while there are more."""
    # A hold that ended before the event was cancelled ended unpaid: its holder gets no email about the event.
    sweep_event(connection, fact.event_id)
    live = queries.live_seats_of_event(connection, fact.event_id, SWEPT_AT_ONCE)
    for seat in live:
        # Locked and read again: if its payment has confirmed it since, its ticket and money have to follow.
        locked = queries.lock_seat(connection, seat.id)
        if locked is not None:
            release_seat(connection, locked, EVENT)
    if len(live) == SWEPT_AT_ONCE:
        outbox.record(connection, fact)

    if waiting_list.end_lines(connection, fact.event_id) and len(live) < SWEPT_AT_ONCE:
        outbox.record(connection, fact)


def offer_freed(connection: Connection, fact: SeatsFreed) -> None:
    """Offer the free seats of the event to its waiting list."""
    catalogue.lock_seats(connection, fact.event_id)
    sweep_event(connection, fact.event_id)
    offer_free_seats(connection, fact.event_id, insert_held_seat)


# The name is stored in the data, so it stays the same when code moves.
SUBSCRIPTIONS = (
    Subscription(
        EventCancelled, release_all, "festgate.registrations.handlers.release_all", "outbox.registrations"
    ),
    Subscription(
        SeatsFreed, offer_freed, "festgate.registrations.handlers.offer_freed", "outbox.registrations"
    ),
    Subscription(
        AddressCorrected,
        follow_address,
        "festgate.registrations.handlers.follow_address",
        "outbox.registrations",
    ),
)
