"""The shapes of what checkout takes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from festgate.kit.web import Line

Key = Annotated[Line, Field(min_length=1, max_length=200)]


class CheckoutForm(BaseModel):
    """The form on /checkout."""

    model_config = ConfigDict(extra="ignore")

    payment_method: Annotated[Line, Field(min_length=1, max_length=30)]
    # Without one the list itself is the key, so that a page from an old tab still makes one order.
    idempotency_key: Annotated[Line, Field(max_length=200)] = ""
    card_number: Annotated[Line, Field(max_length=40)] = ""


class OrderInput(BaseModel):
    """The body of POST /orders."""

    model_config = ConfigDict(extra="forbid")

    payment_method: Annotated[Line, Field(min_length=1, max_length=30)] = Field(
        description="One of the methods that this fest takes."
    )
    card_number: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="Only for `sandbox`: decides what the play-money provider does."
    )


class RefundInput(BaseModel):
    """The body of POST /orders/{ref}/refund."""

    model_config = ConfigDict(extra="forbid", strict=True)

    registration: Annotated[int, Field(ge=1, le=2**53)] | None = Field(
        default=None, description="The registration to cancel; without it every one that the order still has."
    )
    force: bool = Field(default=False, description="Also cancel a registration whose holder was checked in.")
