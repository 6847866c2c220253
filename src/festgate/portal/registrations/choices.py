"""The ticket types that a registration chooses, checked against their rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from festgate.kit.amounts import read_amount
from festgate.kit.clock import Milliseconds
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.kit.shown import FIELD
from festgate.kit.translation import gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.errors import (
    ChooseTicket,
    CodeNotForTickets,
    PriceChanged,
    PriceTooLow,
    SalesClosed,
    SalesNotOpen,
)

MAX_DIGITS = 3
"""Digits of a number of tickets."""
MAX_ID_LENGTH = 16
MAX_CHOSEN_PRICE = 10**9
"""The largest price that a buyer can choose, in minor units."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The tickets that somebody wants."""

    counts: Mapping[int, int] | None
    """The number of tickets by type id; None: one of the only type on sale."""
    prices: Mapping[int, str] = field(default_factory=dict)
    """The price as it was entered, by type id, for types whose price the buyer chooses."""
    access_key: str = ""
    """The key of the link to a hidden type."""
    code: str = ""
    """The promo code as it was entered; empty without one."""
    shown: Mapping[int, int] = field(default_factory=dict)
    """The price of each type that the form showed, in minor units, by type id."""
    team: str | None = None
    """The name of the team that takes the tickets; None for single people."""


@dataclass(frozen=True, slots=True)
class Item:
    """Tickets of one type at one price, which contains the tax."""

    type: catalogue.TicketType
    count: int
    price: Money
    has_code: bool = False
    """Whether each of the tickets is a use of the promo code."""


def read_choice(fields: Mapping[str, str]) -> Choice | None:
    """Return the choice of a form on an event's page; None if the form has neither ticket types nor a promo code."""
    code = fields.get("code", "").strip()
    if not any(name == "ticket" or name.startswith("count-") for name in fields):
        return Choice(None, code=code) if code else None
    counts = {
        type_id: int(text)
        for type_id, text in _numbered("count-", fields).items()
        if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS
    }
    single = fields.get("ticket", "")
    if _is_id(single):
        counts[int(single)] = 1
    return Choice(
        counts,
        _numbered("price-", fields),
        fields.get("access", ""),
        code,
        _read_shown(fields.get(FIELD, "")),
    )


def _read_shown(text: str) -> dict[int, int]:
    """Return the prices that the form showed, from the hidden field `12=45000;13=70000`."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {int(number): int(minor) for number, _, minor in pairs if _is_id(number) and _is_id(minor)}


def read_team(fields: Mapping[str, str]) -> Choice:
    """Return the choice of the form of a team: its ticket type, size and name as they were entered."""
    type_id, size = fields.get("ticket", ""), fields.get("size", "")
    is_size = size.isascii() and size.isdecimal() and len(size) <= MAX_DIGITS
    counts = {int(type_id): int(size)} if _is_id(type_id) and is_size else {}
    return Choice(
        counts,
        access_key=fields.get("access", ""),
        code=fields.get("code", "").strip(),
        team=fields.get("name", ""),
    )


def _numbered(prefix: str, fields: Mapping[str, str]) -> dict[int, str]:
    names = {name: name.removeprefix(prefix) for name in fields if name.startswith(prefix)}
    return {int(number): fields[name].strip() for name, number in names.items() if _is_id(number)}


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MAX_ID_LENGTH


def choose(
    types: Sequence[catalogue.TicketType],
    choice: Choice | None,
    now: Milliseconds,
    code: catalogue.PromoCode | None = None,
) -> tuple[Item, ...]:
    """Return the chosen tickets, at their prices with the promo code; for None one ticket of the only type on sale.

    Raises NotFound for a type of another event, ChooseTicket, PriceTooLow, PriceChanged, CodeNotForTickets,
    SalesNotOpen or SalesClosed.
    """
    items = _chosen(types, choice, now, code)
    if choice is None:
        return items
    if code is not None:
        items = tuple(_with_code(item, code, choice.access_key) for item in items)
        if not any(item.has_code for item in items):
            raise CodeNotForTickets
    if choice.shown:
        _refuse_changed(items, choice.shown)
    return items if choice.team is None else split_price(items[0])


def _with_code(item: Item, code: catalogue.PromoCode, access_key: str) -> Item:
    """Return the tickets at their price with the code: uses of it if it changes the price, or opens the type."""
    price = code.price(item.type, item.price)
    opens = not catalogue.is_open_to(item.type, access_key)
    return Item(item.type, item.count, price, has_code=opens or price != item.price)


def _refuse_changed(items: Sequence[Item], shown: Mapping[int, int]) -> None:
    for item in items:
        is_fixed = not item.type.details.has_chosen_price
        if is_fixed and shown.get(item.type.id, item.price.minor) != item.price.minor:
            raise PriceChanged


def _chosen(
    types: Sequence[catalogue.TicketType],
    choice: Choice | None,
    now: Milliseconds,
    code: catalogue.PromoCode | None,
) -> tuple[Item, ...]:
    """Return the chosen tickets at their prices without the code."""
    unlocked = () if code is None else code.unlocked(types)
    if choice is None or choice.counts is None:
        offered = [
            kind
            for kind in types
            if catalogue.is_offered(kind, types, now, unlocked=unlocked) and not kind.details.is_for_teams
        ]
        if len(offered) > 1:  # an early bird that is sold out, and the type after it
            offered = [kind for kind in offered if all(quota.left > 0 for quota in kind.quotas)] or offered
        if len(offered) != 1:
            raise ChooseTicket if offered else SalesClosed
        only = offered[0]
        return (Item(only, only.details.min_per_order, only.fee),)
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
        _check(item, types, choice.access_key, unlocked, now)
    if choice.team is None:
        if any(item.type.details.is_for_teams for item in items):
            raise ChooseTicket(gettext("This ticket is for teams. Enter the name and the size of the team."))
        return items
    if len(items) > 1 or not items[0].type.details.is_for_teams:
        raise ChooseTicket(gettext("Register one team at a time."))
    return items


def split_price(item: Item) -> tuple[Item, ...]:
    """Return the seats of a team with their prices: the price of a whole team is split over them.

    The first seats get one minor unit more where it cannot be split evenly, so that the sum is the price.
    """
    if item.type.details.team_price == "member":
        return (item,)
    base, more = divmod(item.price.minor, item.count)
    parts = ((more, base + 1), (item.count - more, base))
    currency = item.price.currency
    return tuple(replace(item, count=count, price=Money(minor, currency)) for count, minor in parts if count)


def _price(kind: catalogue.TicketType, entered: str | None) -> Money:
    if not kind.details.has_chosen_price or entered is None:
        return kind.fee
    try:
        price = read_amount(entered, kind.fee.currency)
    except ValueError:
        raise PriceTooLow(kind.fee.plain()) from None
    if not kind.fee.minor <= price.minor <= MAX_CHOSEN_PRICE:
        raise PriceTooLow(kind.fee.plain())
    return price


def _check(
    item: Item,
    types: Sequence[catalogue.TicketType],
    access_key: str,
    unlocked: Collection[int],
    now: Milliseconds,
) -> None:
    details = item.type.details
    if not catalogue.is_offered(item.type, types, now, access_key, unlocked):
        raise SalesNotOpen if details.sales_open_at > now else SalesClosed
    if details.is_for_teams:
        if not details.team_min <= item.count <= details.team_max:
            sentence = gettext("A team has {min} to {max} members.")
            raise ChooseTicket(sentence.format(min=details.team_min, max=details.team_max))
        return
    if not details.min_per_order <= item.count <= details.max_per_order:
        if details.max_per_order == 1:
            raise ChooseTicket(gettext("You can have one ticket of this type."))
        sentence = gettext("Choose {min} to {max} tickets of this type.")
        raise ChooseTicket(sentence.format(min=details.min_per_order, max=details.max_per_order))
