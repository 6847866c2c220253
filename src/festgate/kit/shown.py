"""The hidden field `shown` of a form that confirms something: the values that the page displayed.

The operation compares them with the current values in its own transaction and raises Changed if they differ, so nobody
confirms what they have not seen. The field is readable text without a signature: a person who forges it only confirms
something unseen.
"""

from festgate.kit.errors import Conflict
from festgate.kit.money import Money
from festgate.kit.translation import N_

FIELD = "shown"
"""Name of the hidden field; `kit/parts.html` has the macro for it."""


class Changed(Conflict):
    """A form whose displayed values have changed. Nothing was done."""

    code = "changed"
    title = N_("This has changed")
    message = N_(
        "This has changed since you opened the page, so nothing was done. Please check it and try again."
    )


def facts(*shown: object) -> str:
    """Encode the displayed values for the hidden field: `pending;0;45000 INR`."""
    return ";".join(str(value) for value in shown)


def amount(money: Money) -> str:
    """Encode an amount for the hidden field: `45000 INR`."""
    return f"{money.minor} {money.currency}"
