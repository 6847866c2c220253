"""The ticket types that a registration chooses, checked against their rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from festgate.kit.clock import Milliseconds
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.kit.translation import gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.errors import ChooseTicket, PriceTooLow, SalesClosed, SalesNotOpen

MAX_CHOSEN_PRICE = 10**9
"""The largest price that a buyer can choose, in minor units."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The tickets that somebody wants."""

    counts: Mapping[int, int]
    """The number of tickets by type id."""
    prices: Mapping[int, Money] = field(default_factory=dict)
    """The chosen price by type id, for types whose price the buyer chooses."""
    access_key: str = ""
    """The key of the link to a hidden type."""


@dataclass(frozen=True, slots=True)
class Item:
    """Tickets of one type at one price."""

    type: catalogue.TicketType
    count: int
    price: Money


def choose(
    types: Sequence[catalogue.TicketType], choice: Choice | None, now: Milliseconds
) -> tuple[Item, ...]:
    """Return the chosen tickets; for None one ticket of the only type on sale.

    Raises NotFound for a type of another event, ChooseTicket, PriceTooLow, SalesNotOpen or SalesClosed.
    """
    if choice is None:
        offered = [kind for kind in types if catalogue.is_offered(kind, types, now)]
        if len(offered) > 1:  # an early bird that is sold out, and the type after it
            offered = [kind for kind in offered if all(quota.left > 0 for quota in kind.quotas)] or offered
        if len(offered) != 1:
            raise ChooseTicket if offered else SalesClosed
        choice = Choice({offered[0].id: offered[0].details.min_per_order})
    by_id = {kind.id: kind for kind in types}
    if not choice.counts.keys() <= by_id.keys():
        raise NotFound
    items = tuple(
        Item(by_id[type_id], count, _price(by_id[type_id], choice.prices.get(type_id)))
        for type_id, count in choice.counts.items()
        if count
    )
    if not items:
        raise ChooseTicket(gettext("Choose at least one ticket."))
    for item in items:
        _check(item, types, choice.access_key, now)
    return items


def _price(kind: catalogue.TicketType, chosen: Money | None) -> Money:
    if not kind.details.has_chosen_price or chosen is None:
        return kind.fee
    if chosen.currency != kind.fee.currency or not kind.fee.minor <= chosen.minor <= MAX_CHOSEN_PRICE:
        raise PriceTooLow(kind.fee.plain())
    return chosen


def _check(item: Item, types: Sequence[catalogue.TicketType], access_key: str, now: Milliseconds) -> None:
    details = item.type.details
    if not catalogue.is_offered(item.type, types, now, access_key):
        raise SalesNotOpen if details.sales_open_at > now else SalesClosed
    if not details.min_per_order <= item.count <= details.max_per_order:
        if details.max_per_order == 1:
            raise ChooseTicket(gettext("You can have one ticket of this type."))
        sentence = gettext("Choose {min} to {max} tickets of this type.")
        raise ChooseTicket(sentence.format(min=details.min_per_order, max=details.max_per_order))
