"""The input of checkout."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from festgate.kit.web.forms import Line

Key = Annotated[Line, Field(min_length=1, max_length=200)]


MAX_REGISTRATIONS = 500
"""The largest number of registrations in one order; no fest has more paid events."""
MAX_HOLDERS = 100
"""The largest number of attendees in one call: that of the tickets that one person can have for an event."""


class CheckoutForm(BaseModel, extra="ignore"):
    """The form on /checkout."""

    payment_method: Annotated[Line, Field(min_length=1, max_length=30)]
    # Without one the form is from before an update: the page is shown again, with one.
    idempotency_key: Annotated[Line, Field(max_length=200)] = ""
    card_number: Annotated[Line, Field(max_length=40)] = ""


def _each_once(registrations: list[int]) -> list[int]:
    if len(set(registrations)) != len(registrations):
        msg = "Name each registration once."
        raise ValueError(msg)
    return registrations


class Expected(BaseModel, extra="forbid"):
    """The amount that the caller expects to pay."""

    minor: Annotated[int, Field(ge=0, le=2**53)] = Field(
        description="In minor units: paise, cents; whole yen."
    )
    currency: Annotated[str, Field(min_length=3, max_length=3)] = Field(description="ISO 4217 code.")


class HolderInput(BaseModel, extra="forbid"):
    """The attendee of one registration."""

    registration: Annotated[int, Field(ge=1, le=2**53)] = Field(description="The id of the registration.")
    name: Line = Field(description="The attendee's name.")
    email: Line = Field(default="", description="Their email address; empty: yours.")


class OrderInput(BaseModel, extra="forbid"):
    """The body of POST /orders."""

    payment_method: Annotated[Line, Field(min_length=1, max_length=30)] = Field(
        description="One of the methods that this fest takes."
    )
    registrations: Annotated[
        list[Annotated[int, Field(ge=1, le=2**53)]],
        Field(min_length=1, max_length=MAX_REGISTRATIONS),
        AfterValidator(_each_once),
    ] = Field(description="The ids of the held registrations to pay for. Others stay held.")
    total: Expected = Field(description="What you expect them to cost together.")
    card_number: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="Only for `sandbox`: decides what the play-money provider does."
    )
    holders: Annotated[list[HolderInput], Field(max_length=MAX_HOLDERS)] = Field(
        default=[], description="The attendees, for events that want names on tickets."
    )


class RefundInput(BaseModel, extra="forbid", strict=True):
    """The body of POST /orders/{ref}/refund."""

    registration: Annotated[int, Field(ge=1, le=2**53)] | None = Field(
        default=None, description="The registration to cancel; without it every one that the order still has."
    )
    force: bool = Field(default=False, description="Also cancel a registration whose holder was checked in.")
    amount: Expected | None = Field(
        default=None, description="How much goes back; without it all that was paid for these registrations."
    )
    by_hand: bool = Field(default=False, description="You have given the money back already.")
