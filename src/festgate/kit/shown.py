"""A form that confirms something carries the facts that it showed, in one hidden field, `shown`.

The operation compares them with the facts as they are in its own transaction, and raises Changed where they differ, so
nobody confirms what they have not seen. The field is readable text and is not signed: someone who forges it only
confirms something that they did not look at.
"""

from festgate.kit.errors import Conflict
from festgate.kit.money import Money

FIELD = "shown"
"""The name of the hidden field; `kit/parts.html` has the macro that writes it."""


class Changed(Conflict):
    """The form showed something that is different by now. Nothing was done."""

    code = "changed"
    title = "This has changed"
    message = "This has changed since the page was opened, so nothing was done. Look at it again."


def facts(*shown: object) -> str:
    """Write facts as the hidden field has them: `pending;0;45000 INR`."""
    return ";".join(str(fact) for fact in shown)


def amount(money: Money) -> str:
    """Write an amount as the hidden field has it: `45000 INR`."""
    return f"{money.minor} {money.currency}"
