"""Why an order cannot be placed or changed."""

from festgate.kit.errors import Conflict, Invalid


class NothingToPay(Conflict):
    """No held seat that is in no order yet."""

    code = "nothing-to-pay"
    title = "Nothing to pay"
    message = "You hold no unpaid seats. A hold may have ended, or another order has them already."
    actions = (("My events", "/my-events"), ("See the events", "/events"))


class UnknownMethod(Invalid):
    """A payment method that this fest does not take."""

    def __init__(self, methods: list[str]) -> None:
        """Name those it does."""
        super().__init__({"payment_method": f"Choose one of: {', '.join(methods)}."})


class NotPending(Conflict):
    """The order is past the state in which this can be done."""

    code = "order-not-pending"
    title = "Too late for that"
    message = "This order does not wait for a payment any more."
    actions = (("My events", "/my-events"),)


class NotAtDesk(Conflict):
    """Only desk orders are marked paid by hand."""

    code = "order-not-at-desk"
    title = "Not a desk order"
    message = "This order is paid online; its provider says when it is paid."
    actions = (("Orders", "/organise/orders"),)


class NothingToCancel(Conflict):
    """Every seat of the order has ended already."""

    code = "nothing-to-cancel"
    title = "Nothing to cancel"
    message = "This order has no seat that could be cancelled: it is over, or its seats have ended already."
    actions = (("Orders", "/organise/orders"),)


class OrderChanged(Conflict):
    """The confirmation showed an order that is not so any more."""

    code = "order-changed"
    title = "The order has changed"
    message = "The order has changed since you opened this page. Nothing was cancelled: look at it again."
    actions = (("Orders", "/organise/orders"),)
