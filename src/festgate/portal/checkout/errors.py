"""Errors of orders that cannot be placed or changed."""

from collections.abc import Mapping

from festgate.kit.errors import Conflict, Invalid, Refused
from festgate.kit.shown import Changed
from festgate.kit.translation import N_, gettext


class NothingToPay(Conflict):
    """The visitor holds no seat that is not in an order yet."""

    code = "nothing-to-pay"
    title = N_("Nothing to pay")
    message = N_("You have no unpaid seats. A hold may have expired, or the seats may be in another order.")
    actions = ((N_("My events"), "/my-events"), (N_("See the events"), "/events"))


class ListChanged(Changed):
    """The seats to pay are not those that the visitor holds now. Nothing was charged."""

    code = "list-changed"
    title = N_("Your list has changed")
    actions = ((N_("Checkout"), "/checkout"), (N_("My events"), "/my-events"))

    def __init__(self, reason: str = N_("this page was out of date")) -> None:
        """`reason` is the part of a sentence that names the change."""
        sentence = gettext("Your list has changed: {reason}. Nothing was charged. Check it and pay again.")
        super().__init__(sentence.format(reason=gettext(reason)))
        self.current: Mapping[str, object] = {}
        """The current list, in the shape of the API."""

    def members(self) -> Mapping[str, object]:
        """Return the current list, so that a program does not need a second request."""
        return self.current


class OrderChanged(Changed):
    """The order has changed since the organiser opened the page. Nothing was done."""

    code = "order-changed"
    title = N_("This order has changed")

    def __init__(self, ref: str) -> None:
        """Name the order."""
        sentence = gettext(
            "Order {ref} has changed since you opened the page, so nothing was done. Please check it again."
        )
        super().__init__(sentence.format(ref=ref))


class KeyReused(Refused):
    """An idempotency key that was already used for a call with other content."""

    status = 422
    code = "idempotency-key-reused"
    title = N_("This key was used before")
    message = N_(
        "This Idempotency-Key was used for a call with other content. Choose a new key for a new call."
    )


class UnknownMethod(Invalid):
    """A payment method that this fest does not take."""

    def __init__(self, methods: list[str]) -> None:
        """Take the names of the methods that the fest accepts."""
        sentence = gettext("Choose one of: {methods}.")
        super().__init__({"payment_method": sentence.format(methods=", ".join(methods))})


class NotPending(Conflict):
    """The order is not pending any more."""

    code = "order-not-pending"
    title = N_("This order cannot be changed")
    message = N_("This order is no longer waiting for a payment.")
    actions = ((N_("My events"), "/my-events"),)


class NotAtDesk(Conflict):
    """Only desk orders are marked paid by hand."""

    code = "order-not-at-desk"
    title = N_("Not a desk order")
    message = N_("This order is paid online. Its payment provider reports the payment.")
    actions = ((N_("Orders"), "/organise/orders"),)


class NotByTransfer(Conflict):
    """An order with another payment method than `transfer`."""

    code = "order-not-by-transfer"
    title = N_("Not paid by transfer")
    message = N_("This order is paid in another way than by transfer.")


class LineSettled(Conflict):
    """A payment of a statement that was assigned or ignored meanwhile."""

    code = "line-settled"
    title = N_("This payment is done")
    message = N_("Somebody has assigned or ignored this payment meanwhile. Nothing was changed.")
    actions = ((N_("Unmatched payments"), "/organise/transfers/unmatched"),)


class OtherCurrency(Conflict):
    """A payment in another currency than the order's."""

    code = "line-in-other-currency"
    title = N_("Another currency")
    message = N_("The payment is in another currency than the order. Return it, and ask for another payment.")


class NothingToCancel(Conflict):
    """Every seat of the order has ended already."""

    code = "nothing-to-cancel"
    title = N_("Nothing to cancel")
    message = N_("This order has no seats that can be cancelled.")
    actions = ((N_("Orders"), "/organise/orders"),)


class RefundTooHigh(Conflict):
    """A refund of more than is left of what was paid."""

    code = "refund-too-high"
    title = N_("This is more than was paid")
    message = N_(
        "Less is left of what was paid for this order, so nothing was refunded. Please check it again."
    )
    actions = ((N_("Orders"), "/organise/orders"),)


class NotPaid(Conflict):
    """The order is not paid, or not any more."""

    code = "order-not-paid"
    title = N_("This order is not paid")
    message = N_("Only a paid order can be changed in this way.")
    actions = ((N_("Orders"), "/organise/orders"),)


class WrongSettlement(Conflict):
    """A difference that cannot be settled in that way, or not any more."""

    code = "wrong-settlement"
    title = N_("The difference cannot be settled in this way")
    message = N_("The difference has another sign, or was settled already. Please check it again.")
    actions = ((N_("Orders"), "/organise/orders"),)


class PersonDeleted(Conflict):
    """A note on somebody whose data was deleted, or on an order of theirs: it would be personal data again."""

    code = "person-deleted"
    title = N_("The data of this person was deleted")
    message = N_(
        "The data of this person was deleted, so nothing more can be noted about them or their orders."
    )
