"""Reads of the organisers' pages: events with their seats, and orders with the people behind them."""

from collections.abc import Mapping
from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.ids import read_code
from festgate.portal.accounts import facade as accounts
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


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order that was looked for by its reference."""

    order: checkout.Order
    username: str
    refunds: tuple[checkout.Refund, ...]
    stuck: bool
    """Its payment or a refund of it hangs."""
    names: Mapping[int, str]
    """The user names of the organisers who marked it paid or paid back, by person id."""
    forms: checkout.DeskForms
    """What can be marked at the desk."""


def list_organised(connection: Connection) -> list[Organised]:
    """Every event; those without a time come first."""
    freed = registrations.find_lapses(connection).seats
    return [_organised(event, freed, connection.now) for event in catalogue.all_events(connection)]


def find_organised(connection: Connection, slug: str) -> Organised:
    """One event, whatever its state. Raises NotFound."""
    event = catalogue.any_event_by_slug(connection, slug)
    return _organised(event, registrations.find_lapses(connection).seats, connection.now)


def find_order(connection: Connection, words: str) -> FoundOrder | None:
    """The order of a reference as somebody typed it; None when there is none."""
    try:
        order = checkout.order_by_ref(connection, read_code(words))
    except NotFound:
        return None
    person = accounts.person_by_id(connection, order.person_id)
    refunds = tuple(checkout.refunds_of(connection, order.id))
    stuck = any(stuck.ref == order.ref for stuck in checkout.stuck_payments(connection))
    marked_by = {order.paid_by, *(refund.done_by for refund in refunds)} - {None}
    names = {each: accounts.person_by_id(connection, each).username for each in marked_by if each is not None}
    forms = checkout.desk_forms_of(connection, order.ref)
    return FoundOrder(order, person.username, refunds, stuck, names, forms)


def _organised(event: Event, freed: Mapping[int, int], now: int) -> Organised:
    return Organised(
        event, catalogue.offer_of(event, freed, now), max(0, event.taken - freed.get(event.id, 0))
    )
