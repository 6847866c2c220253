"""The contract of a payment method: begin, ask again, give back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from festgate.kit.clock import Milliseconds
from festgate.kit.money import Money
from festgate.kit.translation import N_
from festgate.portal.checkout.records import Order, Refund

PAY = N_("Pay {amount}")
"""The button of the methods that take the money at once."""
NOT_STARTED = N_(
    "The payment could not be started, and nothing was charged. Try again, or choose another way to pay."
)


@dataclass(frozen=True)
class Paid:
    """The provider has the money. `charge` is its own reference: the same charge reported twice is one payment."""

    charge: str
    amount: Money


@dataclass(frozen=True)
class Declined:
    """There will be no money; the sentence is for the person."""

    reason: str


@dataclass(frozen=True)
class Waiting:
    """Not decided. Where the person pays on another site, `pay_url` is its address; `provider_ref` finds it again."""

    provider_ref: str | None = None
    pay_url: str | None = None


@dataclass(frozen=True)
class TooLittleTime:
    """The order ends before a new payment page could: it needs more time first. Nothing was charged."""


Outcome: TypeAlias = Paid | Declined | Waiting | TooLittleTime


class ProviderError(Exception):
    """The provider could not be reached or did not understand. What became of the payment is unknown: ask later."""


class PaymentMethod(Protocol):
    """One way to pay. Its calls run after COMMIT, may take seconds, and may be repeated for the same order."""

    name: str
    label: str
    """What the person chooses by."""
    hint: str
    """One sentence below the label."""
    button: str
    """The text of its button, with the `{amount}`, where money is taken at once."""
    keeps: Milliseconds
    """How long an order keeps its seats while it waits for its payment."""
    asks: bool
    """Whether `look_up` can learn anything."""

    async def begin(self, order: Order, details: Mapping[str, str]) -> Outcome:
        """Start to take the order's total. `details` are the fields of the checkout form. Idempotent by order.ref."""

    async def look_up(self, order: Order) -> Outcome:
        """Return the outcome of a payment that was begun; Declined when the provider does not know it."""

    async def refund(self, refund: Refund) -> None:
        """Give money back; idempotent by refund.id. Raises ProviderError to be called again later."""

    async def abandon(self, order: Order) -> None:
        """Close the payment page of a cancelled order."""
