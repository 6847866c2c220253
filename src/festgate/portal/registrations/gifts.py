"""Giving a seat to a person without asking for a payment, for an organiser."""

from collections import Counter

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.messaging import outbox
from festgate.kit.money import Money
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import guest_queries
from festgate.portal.registrations.errors import AlreadyRegistered, NotExchangeable, TooManyTickets
from festgate.portal.registrations.exchanges import insert_confirmed_seat
from festgate.portal.registrations.facts import SeatConfirmed
from festgate.portal.registrations.holds import insert_held_seat, sweep_together
from festgate.portal.registrations.offers import offer_free_seats


def give_seat(connection: Connection, guest_id: int, slug: str, type_id: int) -> int:
    """Confirm a free seat for a guest, counted in the capacity and the quotas, also while sales are closed.

    Return its id. Raises NotFound, NotExchangeable for a pass or a team's type, AlreadyRegistered, TooManyTickets, or
    catalogue's SoldOut or NotOnSale.
    """
    event = catalogue.any_event_by_slug(connection, slug)
    kind = next((kind for kind in catalogue.types_of(connection, event.id) if kind.id == type_id), None)
    if kind is None:
        raise NotFound
    if kind.is_pass or kind.details.is_for_teams or kind.is_withdrawn:
        raise NotExchangeable(
            gettext("A complimentary ticket is one ticket for one person: not a pass, and not one of a team.")
        )
    quotas = Counter(quota.id for quota in kind.quotas)
    others = {other for quota in quotas for other in catalogue.events_of_quota(connection, quota)}
    sweep_together(connection, {event.id} | others)
    key = accounts.lock_guest(connection, guest_id)
    event = catalogue.event_by_id(connection, event.id)
    if event.to_offer:  # the waiting list comes first
        offer_free_seats(connection, event.id, insert_held_seat)
    catalogue.take_seats(connection, event.id, 1, quotas)
    used = guest_queries.slots_of_guest(connection, key, event.id)
    free = next((slot for slot in range(event.max_per_person) if slot not in used), None)
    if free is None:
        raise (
            AlreadyRegistered
            if event.max_per_person == 1
            else TooManyTickets(event.max_per_person, len(used))
        )
    nothing = Money(0, kind.fee.currency)
    seat_id = insert_confirmed_seat(connection, event, kind, guest_id, free, nothing, guest_key=key)
    outbox.record(connection, SeatConfirmed(seat_id))
    return seat_id
