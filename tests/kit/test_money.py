"""Money in whole minor units, without rounding."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.money import MAX_MINOR, Money, digits_of, known_currencies, parse_amount, total

currencies = st.sampled_from(["INR", "EUR", "JPY", "KWD", "USD"])
amounts = st.integers(0, MAX_MINOR)


@given(amounts, currencies)
def test_a_plain_amount_is_parsed_to_the_same_amount(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert parse_amount(money.plain(), currency) == money
    assert money.coded() == f"{money.plain()} {currency}"
    assert parse_amount(f"  {money.plain()}\n", currency) == money


@given(st.lists(amounts, max_size=20), currencies)
def test_a_total_is_the_exact_sum(minors: list[int], currency: str) -> None:
    sum_of_amounts = total([Money(minor, currency) for minor in minors], currency)
    assert sum_of_amounts == Money(sum(minors), currency)


def test_two_currencies_are_never_added() -> None:
    with pytest.raises(ValueError, match="cannot add EUR to INR"):
        total([Money(1, "INR"), Money(1, "EUR")], "INR")


@pytest.mark.parametrize(
    "text, currency, minor",
    [
        ("500", "INR", 50_000),
        ("500.5", "INR", 50_050),
        ("0", "INR", 0),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
    ],
)
def test_an_amount_is_parsed_in_the_currencys_units(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "is not an amount; write it like 250"),
        ("many", "is not an amount; write it like 250"),
        ("1,000", "is not an amount; write it like 250"),
        ("-1", "is not an amount of zero or more"),
        ("NaN", "is not an amount of zero or more"),
        ("Infinity", "is not an amount of zero or more"),
        ("1.234", "has more decimals than INR"),
        ("1e-999999", "has more decimals than INR"),
        ("10000000000.01", "is more than a fee can be"),
        ("1e999999", "is more than a fee can be"),
        ("9" * 5000, "is more than a fee can be"),
    ],
)
def test_an_invalid_fee_is_refused_with_the_reason(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        parse_amount(text, "INR")
    assert len(str(refused.value)) < 200


@given(st.text())
def test_any_text_is_parsed_as_an_amount_or_refused_with_a_message(text: str) -> None:
    try:
        money = parse_amount(text, "INR")
    except ValueError as error:
        message = str(error)
        assert repr(text) in message
    else:
        assert 0 <= money.minor <= MAX_MINOR
        assert Decimal(text.strip()) * 100 == money.minor


@pytest.mark.parametrize(
    "money, locale, shown",
    [
        (Money(50_000, "INR"), "en_IN", "₹500.00"),
        (Money(1_23_45_678_00, "INR"), "en_IN", "₹1,23,45,678.00"),
        (Money(123_456, "EUR"), "de", "1.234,56\N{NO-BREAK SPACE}€"),
        (Money(500, "JPY"), "en", "¥500"),
    ],
)
def test_an_amount_is_shown_in_the_format_of_the_locale(money: Money, locale: str, shown: str) -> None:
    assert money.shown(locale) == shown


def test_every_known_currency_has_its_number_of_digits() -> None:
    assert {digits_of(currency) for currency in known_currencies()} <= {0, 2, 3, 4}
    assert {"INR", "EUR", "USD"} <= known_currencies()
