"""The interface of a payment method: begin a payment, look it up, refund it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from festgate.kit.clock import Milliseconds
from festgate.kit.money import Money
from festgate.kit.translation import N_
from festgate.portal.checkout.records import Order, Refund

PAY = N_("Pay {amount}")
"""The button of the methods that take the money at once."""
TRANSFER = "transfer"
"""The name of the method by which the payer transfers the money."""
NOT_STARTED = N_(
    "The payment could not be started, and nothing was charged. Try again, or choose another way to pay."
)


@dataclass(frozen=True)
class Paid:
    """The provider has the money. The same `charge` (the provider's reference) reported twice is one payment."""

    charge: str
    amount: Money


@dataclass(frozen=True)
class Declined:
    """The payment has failed for good. `reason` is a sentence for the attendee."""

    reason: str


@dataclass(frozen=True)
class Waiting:
    """The payment is not decided yet.

    `pay_url` is the address of a payment page on another site, if there is one, and `provider_ref` identifies it.
    """

    provider_ref: str | None = None
    pay_url: str | None = None


@dataclass(frozen=True)
class TooLittleTime:
    """The order ends before a new payment page could, so it has to be extended first. Nothing was charged."""


Outcome: TypeAlias = Paid | Declined | Waiting | TooLittleTime


class ProviderError(Exception):
    """The provider could not be reached or did not understand. The outcome is unknown, so it is looked up later."""


class PaymentMethod(Protocol):
    """One way to pay. Its calls run after COMMIT, can take seconds, and can be repeated for the same order."""

    name: str
    label: str
    """The name of the choice on the checkout page."""
    hint: str
    """One sentence below the label."""
    button: str
    """The text of its button, with the `{amount}`, where money is taken at once."""
    keeps: Milliseconds
    """The time for which an order keeps its seats while it waits for its payment."""
    asks: bool
    """Whether `look_up` can return an outcome."""

    async def begin(self, order: Order, details: Mapping[str, str]) -> Outcome:
        """Begin to collect the total. `details` are the fields of the checkout form. Idempotent by `order.ref`."""

    async def look_up(self, order: Order) -> Outcome:
        """Return the outcome of a payment; Declined if the provider has none."""

    async def refund(self, refund: Refund) -> None:
        """Refund money. Idempotent by `refund.id`. After a ProviderError the refund is sent again later."""

    async def abandon(self, order: Order) -> None:
        """Close the payment page of a cancelled order."""
