"""Prices, taxes and discounts: whole minor units, rounded half up for each ticket."""

from decimal import ROUND_HALF_UP, Decimal
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.prices import (
    MAX_RATE,
    CodeKind,
    discounted,
    tax_within,
    taxes_by_rate,
    with_tax,
    without_tax,
    written_rate,
)
from festgate.portal.catalogue.type_changes import read_rate

AMOUNTS = st.integers(0, 10**9)
RATES = st.integers(0, MAX_RATE)


def rupees(minor: int) -> Money:
    return Money(minor, "INR")


def half_up(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


@given(net=AMOUNTS, rate=RATES)
def test_a_price_with_tax_on_top_contains_exactly_that_tax(net: int, rate: int) -> None:
    price = with_tax(rupees(net), rate)
    assert price.minor == net + half_up(Decimal(net) * rate / MAX_RATE)
    assert without_tax(price, rate) == rupees(net)
    assert tax_within(price, rate).minor == price.minor - net


@given(price=AMOUNTS, rate=RATES)
def test_the_tax_in_a_price_is_its_share_rounded_half_up(price: int, rate: int) -> None:
    assert tax_within(rupees(price), rate).minor == half_up(Decimal(price) * rate / (MAX_RATE + rate))


@given(price=AMOUNTS, kind=st.sampled_from(get_args(CodeKind)), value=st.integers(1, 10**9))
def test_a_code_never_raises_a_price_or_makes_it_negative(price: int, kind: CodeKind, value: int) -> None:
    after = discounted(rupees(price), kind, value, "INR").minor
    assert 0 <= after <= price
    if kind == "percentage":
        assert after == price - half_up(Decimal(price) * min(value, MAX_RATE) / MAX_RATE)
    if kind == "unlock":
        assert after == price


@given(rate=RATES)
def test_a_rate_is_read_as_it_is_written(rate: int) -> None:
    assert read_rate(written_rate(rate)) == rate


@pytest.mark.parametrize("text", ["101", "-1", "18.125", "1e2", "eighteen", "18 18"])
def test_a_text_that_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="percentage"):
        read_rate(text)


@given(price=AMOUNTS, rate=RATES, is_on_top=st.booleans())
def test_the_form_of_a_type_reads_the_price_that_it_shows(price: int, rate: int, is_on_top: bool) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    fields = {
        "fee": rupees(price).plain(),
        "tax_rate": written_rate(rate),
        "tax_on_top": "yes" if is_on_top else "",
    }
    details = catalogue.read_type(fields, zone, "INR")
    assert details.fee == (with_tax(rupees(price), rate) if is_on_top else rupees(price))
    assert catalogue.read_type(catalogue.written_type(details, zone), zone, "INR") == details


def test_taxes_are_summed_for_each_rate() -> None:
    taxes = taxes_by_rate([(1800, rupees(9000)), (0, rupees(0)), (550, rupees(1)), (1800, rupees(1))])
    assert taxes == (("5.5", rupees(1)), ("18", rupees(9001)))
