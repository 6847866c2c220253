"""The list of seats that a form showed, compared with the seats that the visitor holds.

An order is placed for exactly the seats of a cart, at exactly its amounts, or not at all. Other held seats stay held.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from festgate.kit import shown
from festgate.kit.db.statements import Connection
from festgate.kit.ids import keyed_hash
from festgate.kit.money import Money, total
from festgate.kit.translation import N_, gettext, ngettext
from festgate.portal.checkout.errors import ListChanged
from festgate.portal.registrations import facade as registrations

MAX_SHOWN = 10_000
"""Characters of the hidden field: about 500 seats, which is more than any fest has paid events."""
MAX_NAMED = 3
"""Seats that the sentence about a changed list names."""
_FORMAT = re.compile(r"(\d{1,18});([A-Z]{3});(\d{1,18}=\d{1,18}(?:,\d{1,18}=\d{1,18})*)", re.ASCII)

_OTHER_PERSON = N_("another account is signed in now, and this is its list")
_OTHER_TOTAL = N_("the seats cost another total")


@dataclass(frozen=True, slots=True)
class Cart:
    """The person, seats and amounts that a form showed."""

    person_id: int
    seats: tuple[int, ...]
    """Ids, in ascending order."""
    total: Money
    fees: tuple[Money, ...] | None = None
    """The fee of each seat; None where a program gives only the total."""

    @property
    def shown(self) -> str:
        """The hidden field of the form: `7;INR;12=45000,13=70000`."""
        lines = (f"{seat}={fee.minor}" for seat, fee in zip(self.seats, self.fees or (), strict=True))
        return shown.facts(self.person_id, self.total.currency, ",".join(lines))


def in_one_currency(payable: Sequence[registrations.Seat], preferred: str) -> tuple[registrations.Seat, ...]:
    """Return the seats that one order can have: those in the preferred currency, or else in the first one's.

    Only the data of an older version have seats in several currencies.
    """
    currencies = [seat.fee.currency for seat in payable]
    chosen = preferred if preferred in currencies or not currencies else currencies[0]
    return tuple(seat for seat in payable if seat.fee.currency == chosen)


def cart_of(person_id: int, seats: Iterable[registrations.Seat], currency: str) -> Cart:
    """Return the cart of the person's `seats`; `currency` is that of an empty one."""
    return _cart(person_id, [(seat.id, seat.fee) for seat in seats], currency)


def read_cart(text: str) -> Cart | None:
    """Return the cart of a hidden field; None where it is not one."""
    fields = _FORMAT.fullmatch(text) if len(text) <= MAX_SHOWN else None
    if fields is None:
        return None
    person, currency, listed = fields.groups()
    lines = (line.split("=") for line in listed.split(","))
    return _cart(int(person), [(int(seat), Money(int(fee), currency)) for seat, fee in lines], currency)


def _cart(person_id: int, lines: list[tuple[int, Money]], currency: str) -> Cart:
    ordered = sorted(lines, key=lambda line: line[0])
    fees = tuple(fee for _, fee in ordered)
    amount = total(list(fees), fees[0].currency if fees else currency)
    return Cart(person_id, tuple(seat for seat, _ in ordered), amount, fees)


def pick_seats(
    connection: Connection, cart: Cart, person_id: int, payable: Sequence[registrations.Seat]
) -> list[registrations.Seat]:
    """Return the `payable` seats that the cart names. Raises ListChanged where the cart is out of date."""
    if cart.person_id != person_id:
        raise ListChanged(_OTHER_PERSON)
    held = {seat.id: seat for seat in payable}
    missing = [seat for seat in cart.seats if seat not in held]
    if missing:
        raise ListChanged(_why_missing(connection, person_id, missing))
    chosen = [seat for seat in payable if seat.id in set(cart.seats)]
    fees = tuple(held[seat].fee for seat in cart.seats)
    if cart.fees is not None and cart.fees != fees:
        changed = [
            held[seat].label
            for seat, shown_fee, fee in zip(cart.seats, cart.fees, fees, strict=True)
            if shown_fee != fee
        ]
        reason = ngettext("{events} has another fee", "{events} have another fee", len(changed))
        raise ListChanged(reason.format(events=_named(changed)))
    currencies = {fee.currency for fee in fees}
    if currencies != {cart.total.currency} or sum(fee.minor for fee in fees) != cart.total.minor:
        raise ListChanged(_OTHER_TOTAL)
    return chosen


def hash_request(
    secret: bytes,
    method: str,
    cart: Cart,
    card_number: str,
    holders: Mapping[int, registrations.Holder] = MappingProxyType({}),
) -> str:
    """Return the fingerprint of a call's content. It is keyed, since a card number is easily guessed."""
    content: list[object] = [method, cart.seats, cart.total.minor, cart.total.currency, card_number]
    if holders:  # without them the fingerprint is that of calls from before there were names
        content.append(sorted((seat, holder.name, holder.email) for seat, holder in holders.items()))
    text = json.dumps(content)
    return keyed_hash(secret, "the content of an order", text)


def _why_missing(connection: Connection, person_id: int, missing: Sequence[int]) -> str:
    own = {seat.id: seat for seat in registrations.seats_of(connection, person_id)}
    ordered = [
        own[seat].label
        for seat in missing
        if seat in own and own[seat].order_id is not None and own[seat].state in ("held", "confirmed")
    ]
    gone = [own[seat].label for seat in missing if seat in own and own[seat].label not in ordered]
    reasons = []
    if gone:
        reason = ngettext(
            "{events} is not held for you any more", "{events} are not held for you any more", len(gone)
        )
        reasons.append(reason.format(events=_named(gone)))
    if ordered:
        reason = ngettext("{events} is already in an order", "{events} are already in an order", len(ordered))
        reasons.append(reason.format(events=_named(ordered)))
    return "; ".join(reasons) or gettext("a seat in it is not held for you")


def _named(titles: Sequence[str]) -> str:
    names = list(titles[:MAX_NAMED])
    if len(titles) > MAX_NAMED:
        names.append(gettext("{count} more").format(count=len(titles) - MAX_NAMED))
    return gettext(" and ").join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
