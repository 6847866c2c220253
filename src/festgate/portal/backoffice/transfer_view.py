"""The sentences of the treasurer's pages: the age of a transfer, and the results of matching."""

from collections.abc import Mapping
from typing import Final

from festgate.kit.clock import DAY, HOUR, Milliseconds
from festgate.kit.formats import Formats
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext, ngettext
from festgate.portal.checkout import facade as checkout

MAX_DIGITS: Final = 15
_PROBLEMS: Final[Mapping[str, str]] = {
    "less": N_("Less than order {ref} costs"),
    "more": N_("More than order {ref} costs"),
    "again": N_("Order {ref} is paid already"),
    "several": N_("Fits several orders"),
    "currency": N_("In another currency than order {ref}"),
    "closed": N_("Order {ref} was cancelled"),
    "changed": N_("Order {ref} has changed during the import"),
    "none": N_("No order fits"),
}


def age_of(since: Milliseconds, now: Milliseconds) -> str:
    """Return how long ago something was, such as `2 days`."""
    span = max(0, now - since)
    if span >= DAY:
        days = span // DAY
        return ngettext("{count} day", "{count} days", days).format(count=days)
    hours = span // HOUR
    if hours:
        return ngettext("{count} hour", "{count} hours", hours).format(count=hours)
    return gettext("less than an hour")


def problem_of(problem: str, ref: str) -> str:
    """Return the reason for which a payment was not matched, as a few words."""
    return gettext(_PROBLEMS.get(problem, _PROBLEMS["none"])).format(ref=ref)


def result_of(match: checkout.Match, writing: Formats) -> str:
    """Return what importing a payment would do, as a sentence."""
    order = match.order
    if match.result == "known":
        return gettext("Imported before: nothing changes.")
    if order is None:
        return gettext("{problem}: goes to the list of unmatched payments.").format(
            problem=problem_of(match.result, "")
        )
    if match.result == "files":
        sentence = gettext("Order {ref} was confirmed by hand: the payment is filed with it.")
    elif match.result != "pays":
        problem = problem_of(match.result, order.ref)
        difference = Money(abs(match.credit.amount.minor - order.total.minor), order.total.currency)
        if match.result in ("less", "more"):
            problem = f"{problem} ({writing.money(difference)})"
        sentence = gettext("{problem}: goes to the list of unmatched payments.")
        return sentence.format(problem=problem)
    elif order.state == "pending":
        sentence = gettext("Marks order {ref} paid.")
    elif order.state == "expired":
        sentence = gettext(
            "Late: order {ref} gets its seats again if they are free, else the money is to be returned."
        )
    else:
        sentence = gettext("Order {ref} was cancelled: the money is to be returned.")
    return sentence.format(ref=order.ref)


def effects_of(plan: checkout.Assignment, writing: Formats) -> list[str]:
    """Return what assigning payments to an order would do, a sentence for each part."""
    ref, received = plan.order.ref, writing.money(plan.received)
    if plan.replaces_hand:
        sentence = gettext(
            "Order {ref} was confirmed by hand. This payment is filed with it; nothing else changes."
        )
        return [sentence.format(ref=ref)]
    if plan.is_again:
        sentence = gettext("Order {ref} is paid already. {amount} is to be returned to the payer.")
        return [sentence.format(ref=ref, amount=received)]
    if plan.is_lost:
        sentence = gettext("Order {ref} was cancelled. {amount} is to be returned to the payer.")
        return [sentence.format(ref=ref, amount=received)]
    sentences = []
    if plan.missing.minor:
        sentence = gettext(
            "{missing} is missing. If you accept {amount} as the full payment, the price of the order is lowered to it."
        )
        sentences.append(sentence.format(missing=writing.money(plan.missing), amount=received))
    if plan.is_late:
        sentence = gettext(
            "The order has ended. It gets its seats again if they are free; else the money is to be returned."
        )
        sentences.append(sentence)
    else:
        sentences.append(
            gettext("Order {ref} is marked paid, and its tickets are sent by email.").format(ref=ref)
        )
    if plan.rest.minor:
        sentence = gettext("{amount} is more than it costs, and is to be returned to the payer.")
        sentences.append(sentence.format(amount=writing.money(plan.rest)))
    return sentences


def read_line_ids(text: str) -> tuple[int, ...]:
    """Return the ids of payments, such as `3,12`; empty for anything else."""
    parts = text.split(",")
    if len(parts) > checkout.MAX_TOGETHER:
        return ()
    if not all(part.isascii() and part.isdecimal() and len(part) <= MAX_DIGITS for part in parts):
        return ()
    return tuple(sorted({int(part) for part in parts}))
