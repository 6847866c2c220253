"""Matching the incoming payments of a statement with transfer orders: by reference or UTR, and by amount.

Nothing here reads or changes the database, so a page can show the result before anything is stored.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from festgate.kit.money import Money
from festgate.kit.text import normalized
from festgate.portal.checkout.placements import REF_LENGTH
from festgate.portal.checkout.records import OrderState
from festgate.portal.checkout.statement_files import MAX_NARRATION, Credit
from festgate.portal.checkout.utrs import MAX_UTR, MIN_UTR

Result: TypeAlias = Literal[
    "pays", "files", "known", "less", "more", "again", "several", "currency", "closed", "none", "changed"
]
"""pays: it pays an order; files: it is the payment that was confirmed by hand; known: it was imported before.

The others go to the list of unmatched payments: less or more than the order costs, a payment for a paid order, several
possible orders, another currency, a cancelled order without an amount, no order, or an order that has changed since
the preview.
"""

_MISREAD: Final = str.maketrans("ILO", "110")


@dataclass(frozen=True, slots=True)
class Expected:
    """A transfer order, as far as matching needs it."""

    order_id: int
    ref: str
    state: OrderState
    total: Money
    utr: str
    is_paid: bool
    by_hand: Money
    """The amount that was confirmed by hand, and that no line of a statement has."""


@dataclass(frozen=True, slots=True)
class Match:
    """A payment of the statement, and what importing it would do."""

    credit: Credit
    result: Result
    order: Expected | None = None
    """The order that it pays, or for which it seems to be."""


def squeeze(text: str) -> str:
    """Return the letters and digits of a text in capitals, with I, L and O as digits, as references have them."""
    plain = normalized("NFKD", text, 4 * MAX_NARRATION)
    return "".join(sign for sign in plain.upper() if sign.isascii() and sign.isalnum()).translate(_MISREAD)


class Matcher:
    """Finds the order of each payment. Each order is paid by one payment at most."""

    def __init__(self, orders: Iterable[Expected]) -> None:
        """Take all transfer orders that a payment could be for."""
        self._by_ref = {order.ref: order for order in orders}
        self._by_utr: defaultdict[str, list[Expected]] = defaultdict(list)
        for order in self._by_ref.values():
            if order.utr:
                self._by_utr[squeeze(order.utr)].append(order)
        self._lengths = sorted({len(utr) for utr in self._by_utr if MIN_UTR <= len(utr) <= MAX_UTR})
        self._taken: set[int] = set()

    def match(self, credit: Credit) -> Match:
        """Return the order of the payment, and what it would do."""
        orders = self._candidates(credit)
        fitting = [order for order in orders if self._pays(order, credit)]
        chosen = fitting if len(fitting) == 1 else orders
        if len(chosen) == 1:
            order = chosen[0]
            result = self._result(order, credit)
            if result in ("pays", "files"):
                self._taken.add(order.order_id)
            return Match(credit, result, order)
        return Match(credit, "several" if orders else "none")

    def names_order(self, credit: Credit) -> bool:
        """Return whether the payment has the reference or the UTR of an order, whatever the amount."""
        return bool(self._candidates(credit))

    def _pays(self, order: Expected, credit: Credit) -> bool:
        return self._result(order, credit) in ("pays", "files")

    def _result(self, order: Expected, credit: Credit) -> Result:
        amount, total = credit.amount, order.total
        if amount.currency != total.currency:
            return "currency"
        if order.order_id in self._taken:
            return "again"
        if order.is_paid:
            return "files" if order.by_hand == amount else "again"
        if total.minor == 0:
            return "closed"
        if amount.minor == total.minor:
            return "pays"
        return "less" if amount.minor < total.minor else "more"

    def _candidates(self, credit: Credit) -> list[Expected]:
        """Return the orders whose reference is in the payment's text, or else those with its UTR."""
        texts = [squeeze(credit.narration), squeeze(credit.utr)]
        by_ref = self._named(texts, [REF_LENGTH], lambda part: [self._by_ref[part]], self._by_ref)
        return by_ref or self._named(texts, self._lengths, self._by_utr.__getitem__, self._by_utr)

    @staticmethod
    def _named(
        texts: Sequence[str],
        lengths: Sequence[int],
        orders_of: Callable[[str], list[Expected]],
        known: Mapping[str, object],
    ) -> list[Expected]:
        found_orders: dict[int, Expected] = {}
        for text in texts:
            for length in lengths:
                for start in range(len(text) - length + 1):
                    part = text[start : start + length]
                    if part in known:
                        found_orders.update({order.order_id: order for order in orders_of(part)})
        return list(found_orders.values())


def unmatched(match: Match) -> Match:
    """Return the match as one that the treasurer decides: something has changed since the preview."""
    return match if match.result == "known" else replace(match, result="changed")


def match_all(
    incoming: Sequence[Credit],
    orders: Iterable[Expected],
    fingerprint: Callable[[Credit], str],
    known: Collection[str],
) -> list[Match]:
    """Return the match of each payment; `known` are the fingerprints of payments that were imported before.

    A payment is known too if a statement had it in the other order of day and month, and it names itself or an order.
    """
    matcher = Matcher(orders)

    def is_known(credit: Credit) -> bool:
        if fingerprint(credit) in known:
            return True
        if not credit.other_day:
            return False
        # A statement may have been read in the other order of day and month. With a bank's number or an order, it is
        # not another payment of the same amount and text on just that other day.
        swapped = replace(credit, booked_on=credit.other_day)
        return fingerprint(swapped) in known and (credit.utr != "" or matcher.names_order(credit))

    return [Match(credit, "known") if is_known(credit) else matcher.match(credit) for credit in incoming]
