"""Orders, their lines and refunds as they are read."""

from dataclasses import dataclass
from typing import Literal

from festgate.kit.clock import Milliseconds
from festgate.kit.money import Money

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
    """When it left the order, which was not paid yet; None while it is part of it."""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that goes back."""

    id: int
    order_id: int
    seat_id: int | None
    provider_ref: str
    amount: Money
    foreign: bool
    """Whether the charge was made in another currency than the order's: then all of it goes back."""
    reason: str
    attempts: int = 0
    done_at: Milliseconds | None = None
    done_by: int | None = None
    """The organiser who marked the refund as done."""
    asked_by: int | None = None
    """The organiser who asked for it; None for an automatic refund."""


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
    """What the provider took: the total, or more where a line was dropped while it was being paid."""
    lines: tuple[Line, ...]
    created_at: Milliseconds
    expires_at: Milliseconds
    asked: int = 0
    """How often its provider was asked without an answer."""
    asked_at: Milliseconds = 0
    """When its provider was last asked because someone looked at the order."""
    paid_at: Milliseconds | None = None
    paid_by: int | None = None
    """The organiser who marked it paid."""
    provider_ref: str | None = None
    pay_url: str | None = None
    reason: str | None = None
    revision: int = 0
    """How many lines were dropped before it was paid."""

    @property
    def kept_lines(self) -> tuple[Line, ...]:
        """The lines that make up the total."""
        return tuple(line for line in self.lines if line.dropped_at is None)

    def dropped_within(self, amount: Money) -> tuple[Line, ...] | None:
        """Return the dropped lines that a payment of `amount` pays for too; None when no revision had that total."""
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
    """An order that an organiser may have to look at."""

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
    """How often the provider was asked, or the refund sent."""
    error: str | None
    """The error of the last try; None where there was none."""
    next_at: Milliseconds
