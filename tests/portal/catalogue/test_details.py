"""Details of events are read, refused with a message, and written as the same text."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.clock import HOUR
from festgate.kit.errors import Invalid
from festgate.kit.money import Money
from festgate.kit.text import searchable, tidy
from festgate.portal.catalogue.details import (
    Details,
    find_gaps,
    read_details,
    read_slug,
    read_time,
    written,
)
from tests.portal.catalogue.programme import BERLIN, KOLKATA, any_details, details

FIELDS = {
    "title": "Robo Race",
    "summary": "Robots on a line.",
    "description": "Bring batteries.",
    "category": "Technology",
    "place": "Workshop",
    "starts_at": "2026-03-14T10:00",
    "ends_at": "2026-03-14T12:00",
    "sales_open_at": "",
    "sales_close_at": "",
    "fee": "450",
    "capacity": "50",
}


def read(**changes: str) -> Details:
    return read_details(FIELDS | changes, KOLKATA, "INR")


def refused_fields(**changes: str) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        read(**changes)
    return caught.value.fields


@given(any_details(), st.sampled_from((KOLKATA, BERLIN)))
def test_written_details_are_read_unchanged(generated: Details, zone: ZoneInfo) -> None:
    assert read_details(written(generated, zone), zone, "INR") == generated


def test_times_without_an_offset_are_in_the_time_zone_of_the_fest() -> None:
    assert read_time("2026-03-14T10:00", KOLKATA) == read_time("2026-03-14T04:30Z", BERLIN)
    assert read_time("2026-03-14 10:00", KOLKATA) == read_time("2026-03-14T10:00:00+05:30", BERLIN)


def test_sales_close_at_the_start_of_the_event_by_default() -> None:
    assert read().sales_close_at == read().starts_at
    assert read(sales_close_at="2026-03-14T11:00").sales_close_at == read().starts_at + HOUR
    moved = written(read(), KOLKATA) | {"starts_at": "2026-03-14T11:00"}
    assert read_details(moved, KOLKATA, "INR").sales_close_at == read().starts_at + HOUR


@pytest.mark.parametrize(
    "text, currency, plain",
    [
        ("450,50", "INR", "450.50"),
        ("450,5", "EUR", "450.50"),
        ("1.500,00 €", "EUR", "1500.00"),
        ("₹ 1,500", "INR", "1500.00"),
        ("1\u202f500,00", "EUR", "1500.00"),
        ("1,500", "JPY", "1500"),
        ("1.500", "KWD", "1.500"),
        ("0,50", "KWD", "0.500"),
    ],
)
def test_a_fee_is_read_as_people_write_it(text: str, currency: str, plain: str) -> None:
    details = read_details({"title": "Robo Race", "fee": text, "capacity": "1,000"}, KOLKATA, currency)
    assert (details.fee.plain(), details.fee.currency, details.capacity) == (plain, currency, 1000)
    again = read_details(written(details, KOLKATA), KOLKATA, currency)
    assert again == details


def test_a_draft_requires_only_a_title_and_a_fee() -> None:
    draft = read_details({"title": "Robo Race", "fee": "0"}, KOLKATA, "INR")
    assert (draft.title, draft.fee, draft.starts_at) == ("Robo Race", Money(0, "INR"), 0)
    assert find_gaps(draft).keys() == {"place", "starts_at", "ends_at", "capacity"}
    assert find_gaps(read()) == {}
    assert refused_fields(title=" ", fee="").keys() == {"title", "fee"}


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("title", "R" * 121, "At most 120 characters."),
        ("title", "Robo\x00Race", "Control characters"),
        ("place", "Work\u202eshop", "Control characters"),
        ("description", "a\x1bb", "Control characters"),
        ("starts_at", "tomorrow", "'tomorrow' is not a date and time"),
        ("starts_at", "2026-03-14", "is not a date and time"),
        ("starts_at", "2026-13-14T10:00", "is not a date and time"),
        ("starts_at", "0001-01-01T00:00", "is not in the years"),
        ("starts_at", "9999-12-31T23:59", "is not in the years"),
        ("ends_at", "2026-03-14T10:00", "The end must be after the start."),
        ("ends_at", "2026-03-13T10:00", "The end must be after the start."),
        ("sales_open_at", "2026-03-14T10:00", "Sales must open before they close."),
        ("sales_close_at", "2026-03-14T12:01", "Sales must close before the event ends."),
        ("fee", "free", "'free' is not an amount"),
        ("fee", "-1", "is not an amount of zero or more"),
        ("fee", "1.0055", "has more decimals than INR"),
        ("fee", "1,0055", "has more decimals than INR"),
        ("fee", "1.005", "'1.005' can be 1005 or 1.005; write one of these."),
        ("capacity", "1.000", "'1.000' can be 1000 or 1; write one of these."),
        ("fee", "NaN", "is not an amount"),
        ("capacity", "many", "'many' is not a whole number of seats."),
        ("capacity", "-5", "is not a whole number of seats."),
        ("capacity", "1000001", "At most 1000000 seats."),
        ("capacity", "٣", "is not a whole number of seats."),
    ],
)
def test_an_invalid_field_is_named_with_a_message(field: str, value: str, message: str) -> None:
    fields = refused_fields(**{field: value})
    assert message in fields[field]
    assert fields.keys() == {field}


def test_all_invalid_fields_are_named_at_once() -> None:
    assert refused_fields(title="", fee="x", capacity="y", ends_at="z").keys() == {
        "title",
        "fee",
        "capacity",
        "ends_at",
    }


def test_a_time_skipped_by_daylight_saving_is_refused() -> None:
    with pytest.raises(ValueError, match=r"does not exist in Europe/Berlin"):
        read_time("2026-03-29T02:30", BERLIN)


def test_a_time_repeated_by_daylight_saving_is_written_with_its_offset() -> None:
    first, second = read_time("2026-10-25T02:30+02:00", BERLIN), read_time("2026-10-25T02:30+01:00", BERLIN)
    assert second - first == HOUR
    assert written(details(first), BERLIN)["starts_at"] == "2026-10-25T02:30"
    assert written(details(second), BERLIN)["starts_at"] == "2026-10-25T02:30+01:00"


def test_text_is_trimmed_and_normalised() -> None:
    assert read(title="  Cafe\u0301 ").title == "Café"
    assert read(description="one\r\n\r\ntwo\rthree\n").description == "one\n\ntwo\nthree"


def test_scripts_that_need_joiners_keep_them() -> None:
    name = "\u0d28\u0d28\u0d4d\u200d\u0d2e"
    assert tidy(name) == name


def test_searching_ignores_case() -> None:
    assert searchable("STRASSE") == searchable("straße")
    assert searchable("\uff32\uff2f\uff22\uff2f") == "robo"


@pytest.mark.parametrize("slug", ["robo-race", "a", "2026"])
def test_a_slug_has_lower_case_letters_digits_and_hyphens(slug: str) -> None:
    assert read_slug(f" {slug} ") == slug


@pytest.mark.parametrize(
    "slug", ["Robo", "robo race", "-robo", "robo--race", "röbo", "a/b", "a.ics", "new", "a" * 61]
)
def test_an_invalid_slug_is_refused(slug: str) -> None:
    with pytest.raises(ValueError, match=r"address"):
        read_slug(slug)
