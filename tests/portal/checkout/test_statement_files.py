"""Statements of several invented banks, in their encodings, separators, headings, dates and amounts."""

import unicodedata
from typing import Literal, TypeAlias

import pytest

from festgate.kit.money import Money
from festgate.portal.checkout.bank_lines import fingerprint_of
from festgate.portal.checkout.statement_files import (
    BankStatement,
    StatementUnreadable,
    read_statement,
    read_table,
)
from festgate.portal.checkout.statement_values import DateOrder, DateReader, read_signed
from tests.portal.checkout.transfer_fest import SECRET, statement

REF = "7GK2M9QX04"
Form: TypeAlias = Literal["NFC", "NFD"]


def read(data: bytes, currency: str = "INR") -> BankStatement:
    known = read_statement(read_table(data), currency)
    assert known is not None
    return known


def test_a_statement_of_an_indian_bank_has_lines_above_and_below_its_table() -> None:
    known = read(statement("indian_bank.csv", REF))
    assert [(one.booked_on, one.amount.minor, one.utr) for one in known.credits] == [
        ("2026-11-03", 45_000, "0000632109876541"),
        ("2026-11-03", 120_000, "EXMPN26307001234"),
        ("2026-11-05", 45_000, "632109870001"),
        ("2026-11-06", 9_950, "632109879999"),
    ]
    assert REF in known.credits[0].narration
    assert (known.outgoing, known.problems) == (1, ())


@pytest.mark.parametrize(
    "name, currency, encoding, expected",
    [
        ("indian_utf16.tsv", "INR", "utf-16", [("2026-11-03", 45_000)]),
        ("indian_signed.csv", "INR", "utf-8-sig", [("2026-11-03", 45_000)]),
        ("german_bank.csv", "EUR", "cp1252", [("2026-11-03", 123_450), ("2026-11-05", 4_500)]),
        ("french_bank.csv", "EUR", "utf-8", [("2026-11-03", 45_000)]),
        ("dutch_bank.csv", "EUR", "utf-8", [("2026-11-03", 45_000)]),
    ],
)
def test_other_banks_are_recognised_by_their_headings(
    name: str, currency: str, encoding: str, expected: list[tuple[str, int]]
) -> None:
    known = read(statement(name, REF, encoding=encoding), currency)
    assert [(one.booked_on, one.amount.minor) for one in known.credits] == expected
    assert (known.outgoing, known.problems) == (1, ())


def test_unknown_headings_need_the_columns_to_be_chosen() -> None:
    table = read_table(statement("unknown_bank.csv", REF))
    assert read_statement(table, "EUR") is None
    chosen = read_statement(table, "EUR", {0: "date", 1: "text", 2: "amount"})
    assert chosen is not None
    assert [(one.narration, one.amount) for one in chosen.credits] == [
        (f"Message {REF} from Zoe", Money(45_000, "EUR"))
    ]
    with pytest.raises(StatementUnreadable, match="Choose a column for the date"):
        read_statement(table, "EUR", {0: "date", 1: "text"})


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"PK\x03\x04 workbook", "Export the statement as CSV"),
        (b"%PDF-1.7", "Export the statement as CSV"),
        (b"just a few words", "This is not a table"),
        (b"", "This is not a table"),
        (b"a,b,c\n" * 200_000, "more than 1 MB"),
        (b"x,\n" * 200_000, "more than 20000 lines"),
        (b"a,b\0,c\n1,2,3", "this is not text"),
    ],
)
def test_a_file_that_is_no_statement_is_refused_with_a_way_out(data: bytes, sentence: str) -> None:
    with pytest.raises(StatementUnreadable, match=sentence):
        read_table(data)


def test_a_line_that_cannot_be_read_is_named_and_the_others_are_kept() -> None:
    marks = "\u0301" * 40
    data = "Date,Narration,Credit\n31/02/2026,a,100.00\n01/02/2026,b,1x0\n02/02/2026,c,100.00\n"
    known = read(f"{data}03/02/2026,e{marks},100.00\n".encode())
    assert [one.narration for one in known.credits] == ["c"]
    assert [problem.line for problem in known.problems] == [2, 3, 5]


def test_equal_payments_of_one_day_are_counted() -> None:
    known = read(b"Date,Narration,Credit\n" + 3 * b"01/02/2026,same,100.00\n")
    assert [one.occurrence for one in known.credits] == [0, 1, 2]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    "text",
    ["UPI/José/ABCD 1234", "UPI / José /  ABCD-1234", "upi/josé/abcd\u00a01234", "UPI/José/AB\u200bCD1234"],
)
def test_a_statement_that_another_program_has_saved_has_the_same_payments(text: str, form: Form) -> None:
    def fingerprints(narration: str) -> list[str]:
        # The same payment twice: the second stays another one.
        lines = f"Date,Narration,Ref No,Deposit\n03/11/2026,{narration},412345678901,500.00\n"
        known = read((lines + lines.splitlines()[1]).encode())
        return [fingerprint_of(SECRET, one) for one in known.credits]

    again = fingerprints(unicodedata.normalize(form, text))
    assert again == fingerprints("UPI/José/ABCD 1234")
    assert len(set(again)) == 2
    assert again != fingerprints("UPI/Jose/ABCD 1234")
    assert fingerprints("कि") != fingerprints("का")


def test_a_statement_with_a_month_first_is_recognised_by_a_day_after_the_twelfth() -> None:
    reader = DateReader.of(["03/11/2026", "03/25/2026"])
    assert reader.read("03/11/2026").isoformat() == "2026-03-11"
    assert (reader.order, reader.is_open) == ("month_first", False)


@pytest.mark.parametrize(
    "texts, order, is_open, example",
    [
        (["03/03/2026", "03/11/2026"], "day_first", True, "03/11/2026"),
        (["03/11/2026", "25/11/2026"], "day_first", False, "03/11/2026"),
        (["03/03/2026"], "day_first", False, "03/03/2026"),
        (["2026-11-03", "3 Nov 2026", ""], None, False, ""),
    ],
)
def test_an_order_of_dates_is_open_if_no_number_is_above_twelve(
    texts: list[str], order: str | None, is_open: bool, example: str
) -> None:
    reader = DateReader.of(texts)
    assert (reader.order, reader.is_open, reader.example) == (order, is_open, example)


@pytest.mark.parametrize("wanted", ["day_first", "month_first"])
def test_a_date_that_can_be_another_day_has_both(wanted: DateOrder) -> None:
    reader = DateReader.of(["03/11/2026", "03/03/2026"], wanted)
    days = {"day_first": "2026-11-03", "month_first": "2026-03-11"}
    assert reader.read("03/11/2026").isoformat() == days.pop(wanted)
    other = reader.other_day("03/11/2026")
    assert other is not None
    assert [other.isoformat()] == list(days.values())
    for plain in ("03/03/2026", "25/11/2026", "2026-11-03", "3 Nov 2026"):
        assert reader.other_day(plain) is None


def test_an_open_order_of_dates_is_chosen_and_a_plain_one_is_not() -> None:
    chosen = DateReader.of(["03/11/2026"], "month_first")
    assert chosen.read("03/11/2026").isoformat() == "2026-03-11"
    plain = DateReader.of(["25/11/2026"], "month_first")
    assert plain.read("25/11/2026").isoformat() == "2026-11-25"


@pytest.mark.parametrize(
    "text, currency, minor, direction",
    [
        ("1,50,000.00 Cr", "INR", 15_000_000, "in"),
        ("Rs. 450.00(Dr)", "INR", 45_000, "out"),
        ("1.234,56-", "EUR", 123_456, "out"),
        ("(12.00)", "EUR", 1_200, "out"),
        ("+450,00 €", "EUR", 45_000, "in"),
        ("450", "INR", 45_000, None),
    ],
)
def test_amounts_are_read_with_the_signs_of_banks(
    text: str, currency: str, minor: int, direction: str | None
) -> None:
    assert read_signed(text, currency) == (Money(minor, currency), direction)
