"""Orders, their lines and refunds, as queries return them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from festgate.kit.clock import Milliseconds
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext
from festgate.portal.catalogue import facade as catalogue

BoxOfficeMethod = Literal["cash", "card-machine", "upi"]
AT_BOX_OFFICE: Final[Mapping[str, str]] = {
    "cash": N_("Cash"),
    "card-machine": N_("Card machine"),
    "upi": N_("UPI"),
}
"""The ways of payment of a sale on the spot, with their names: the seller has received the money."""
_METHOD_NAMES: Final[Mapping[str, str]] = {
    "desk": N_("Desk"),
    "sandbox": N_("Play money"),
    "stripe": N_("Stripe"),
    "transfer": N_("Transfer"),
    **AT_BOX_OFFICE,
}


def method_name(method: str) -> str:
    """Return the name of a payment method for people; that of an unknown one is as it is."""
    name = _METHOD_NAMES.get(method)
    return method if name is None else gettext(name)


OrderState = Literal["pending", "paid", "declined", "cancelled", "expired", "refunding", "refunded"]


@dataclass(frozen=True, slots=True)
class Line:
    """One seat of an order, as it was when the order was placed."""

    seat_id: int
    event_id: int
    title: str
    slug: str
    starts_at: Milliseconds
    fee: Money
    dropped_at: Milliseconds | None = None
    """When the line left the unpaid order; None while it is part of it."""
    refund_rule: str = ""
    """The refund rule that the buyer was shown, as the catalogue stores it."""
    tax_minor: int = 0
    tax_rate: int = 0
    """The rate, in hundredths of a percent."""

    @property
    def tax(self) -> Money:
        """The tax in the fee."""
        return Money(self.tax_minor, self.fee.currency)


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund, done or due."""

    id: int
    order_id: int
    seat_id: int | None
    provider_ref: str
    amount: Money
    foreign: bool
    """Whether the charge was made in another currency than the order's, so that all of it is refunded."""
    reason: str
    attempts: int = 0
    done_at: Milliseconds | None = None
    done_by: int | None = None
    """The organiser who marked the refund as done."""
    asked_by: int | None = None
    """The organiser who asked for it; None for an automatic refund."""
    created_at: Milliseconds = 0
    request_key: str | None = None
    """The key of the organiser's request for a part of the order; None for other refunds."""
    error: str | None = None
    """The error of the last attempt; None without one."""

    @property
    def is_part(self) -> bool:
        """Return whether it is a part of the order whose seats stay."""
        return self.seat_id is None and self.request_key is not None


@dataclass(frozen=True, slots=True)
class Order:
    """An order and its lines."""

    id: int
    ref: str
    person_id: int
    state: OrderState
    method: str
    total: Money
    paid: Money | None
    """The amount that the provider received: the total, or more if a line was dropped during the payment."""
    lines: tuple[Line, ...]
    created_at: Milliseconds
    expires_at: Milliseconds
    asked: int = 0
    """The number of look-ups without a response."""
    asked_at: Milliseconds = 0
    """When the payment was last looked up because somebody opened the order's page."""
    paid_at: Milliseconds | None = None
    paid_by: int | None = None
    """The organiser who marked it paid."""
    provider_ref: str | None = None
    pay_url: str | None = None
    reason: str | None = None
    revision: int = 0
    """The number of lines that were dropped before the payment."""

    @property
    def method_name(self) -> str:
        """The name of its payment method, for people."""
        return method_name(self.method)

    @property
    def kept_lines(self) -> tuple[Line, ...]:
        """The lines that make up the total."""
        return tuple(line for line in self.lines if line.dropped_at is None)

    @property
    def taxes(self) -> tuple[tuple[str, Money], ...]:
        """The tax in the total for each rate, a percentage."""
        return catalogue.taxes_by_rate((line.tax_rate, line.tax) for line in self.kept_lines)

    def dropped_within(self, amount: Money) -> tuple[Line, ...] | None:
        """Return the dropped lines that a payment of `amount` covers too; None if no revision had that total."""
        if amount.currency != self.total.currency:
            return None
        total = self.total.minor
        found: list[Line] = []
        dropped = [(line.dropped_at, line) for line in self.lines if line.dropped_at is not None]
        for _, line in sorted(dropped, key=lambda pair: pair[0], reverse=True):
            if total >= amount.minor:
                break
            found.append(line)
            total += line.fee.minor
        return tuple(found) if total == amount.minor and total > 0 else None


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that may need an organiser's attention."""

    ref: str
    username: str
    name: str
    """The person's name, or the username in its place."""
    method: str
    state: OrderState
    total: Money
    created_at: Milliseconds
    expires_at: Milliseconds
    reason: str | None

    @property
    def method_name(self) -> str:
        """The payment method for people."""
        return method_name(self.method)


@dataclass(frozen=True, slots=True)
class Stuck:
    """A payment whose outcome is unknown, or a refund that has not gone through."""

    kind: Literal["payment", "refund"]
    ref: str
    """The reference of the order."""
    username: str
    method: str
    amount: Money
    since: Milliseconds
    tries: int
    """The number of look-ups of the payment, or of attempts to send the refund."""
    error: str | None
    """The error of the last attempt; None without one."""
    next_at: Milliseconds

    @property
    def method_name(self) -> str:
        """The name of its payment method, for people."""
        return method_name(self.method)
