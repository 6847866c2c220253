"""Read Stripe's Checkout Sessions and webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from festgate.kit.translation import N_
from festgate.portal.checkout.methods import Declined, Outcome, Paid, ProviderError, Waiting
from festgate.portal.checkout.stripe_amounts import own_amount

NOT_IN_TIME = N_("You did not pay in time. Nothing was charged.")

TURNED_DOWN = N_("The payment was turned down by your bank or card. Nothing was charged.")


class Intent(BaseModel):
    """The fields of a PaymentIntent that are used."""

    id: str
    status: str


class Session(BaseModel):
    """The fields of a Checkout Session that are used."""

    id: str
    payment_status: str
    status: str | None = None
    url: str | None = None
    payment_intent: Intent | str | None = None
    amount_total: int | None = None
    currency: str | None = None
    client_reference_id: str | None = None
    metadata: Mapping[str, str] | None = None

    @property
    def revision(self) -> int:
        """The order's revision when the page was opened."""
        given = (self.metadata or {}).get("revision", "0")
        return int(given) if given.isdecimal() else 0


class _Data(BaseModel):
    object: Mapping[str, Any]


class StripeEvent(BaseModel):
    """The event of a webhook."""

    id: str
    type: str
    data: _Data


def outcome_of(session: Session) -> Outcome:
    """Return the outcome of a session's payment."""
    if session.payment_status == "paid":
        intent = session.payment_intent
        if intent is None or session.amount_total is None or session.currency is None:
            msg = f"Stripe's session {session.id} is paid, and names no payment"
            raise ProviderError(msg)
        charge = intent if isinstance(intent, str) else intent.id
        return Paid(charge, own_amount(session.amount_total, session.currency))
    if session.status == "expired":
        return Declined(NOT_IN_TIME)
    if (
        session.status == "complete"
        and isinstance(session.payment_intent, Intent)
        and session.payment_intent.status in ("requires_payment_method", "canceled")
    ):
        return Declined(TURNED_DOWN)
    return Waiting(session.id, session.url)


def read_session(values: Mapping[str, Any]) -> Session:
    """Return the session. Raises ProviderError where it cannot be read."""
    try:
        return Session.model_validate(values)
    except ValidationError as error:
        msg = f"Stripe's session cannot be read: {error}"
        raise ProviderError(msg) from None
