"""Reads of the organisers' pages: events with their seats, and orders with their people."""

from collections.abc import Mapping
from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.ids import read_code
from festgate.kit.visitors import Visitor
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.badges import Badge, badge_of_event, badge_of_order
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event, Offer
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations


@dataclass(frozen=True, slots=True)
class Organised:
    """An event as its organisers see it."""

    event: Event
    offer: Offer
    taken: int
    """Seats that are held or confirmed at this moment."""

    @property
    def badge(self) -> Badge:
        """The state of the event."""
        return badge_of_event(self.event, self.offer, self.taken)


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """The order that a search by its reference found."""

    order: checkout.Order
    person: accounts.Person
    refunds: tuple[checkout.Refund, ...]
    stuck: bool
    """Whether its payment or a refund needs attention."""
    names: Mapping[int, str]
    """The usernames of the organisers who marked it paid or refunded, by person id."""
    forms: checkout.DeskForms
    """The steps at the desk that the order allows."""

    @property
    def badge(self) -> Badge:
        """The state of the order."""
        return badge_of_order(self.order.state)


def list_organised(connection: Connection, visitor: Visitor) -> list[Organised]:
    """Return every event at which the visitor acts; those without a time come first."""
    freed = registrations.find_lapses(connection).seats
    return [_organised(event, freed, connection.now) for event in own_events(connection, visitor)]


def own_events(connection: Connection, visitor: Visitor) -> list[Event]:
    """Return every event at which the visitor acts: all, or the assigned ones."""
    reachable = catalogue.reachable_events(connection, visitor.person, visitor.role)
    events = catalogue.all_events(connection)
    return [event for event in events if reachable is None or event.id in reachable]


def find_organised(connection: Connection, slug: str) -> Organised:
    """Return one event, whatever its state. Raises NotFound."""
    event = catalogue.any_event_by_slug(connection, slug)
    return _organised(event, registrations.find_lapses(connection).seats, connection.now)


def find_order(connection: Connection, words: str) -> FoundOrder | None:
    """Return the order of a typed reference; None when there is none."""
    try:
        order = checkout.order_by_ref(connection, read_code(words))
    except NotFound:
        return None
    person = accounts.person_by_id(connection, order.person_id)
    refunds = tuple(checkout.refunds_of(connection, order.id))
    stuck = any(stuck.ref == order.ref for stuck in checkout.stuck_payments(connection))
    marked_by = {order.paid_by, *(refund.done_by for refund in refunds)} - {None}
    names = {
        person: accounts.person_by_id(connection, person).username
        for person in marked_by
        if person is not None
    }
    forms = checkout.desk_forms_of(connection, order.ref)
    return FoundOrder(order, person, refunds, stuck, names, forms)


def _organised(event: Event, freed: Mapping[int, int], now: int) -> Organised:
    return Organised(
        event, catalogue.offer_of(event, freed, now), max(0, event.taken - freed.get(event.id, 0))
    )
