"""The offer of an event at a moment, and when it may change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.clock import NEVER
from festgate.portal.catalogue.offers import LapsedHolds, offer_of, until
from festgate.portal.catalogue.queries import ListedEvent

OPENS, CLOSES, ENDS = 100, 200, 300


def listed_event(capacity: int = 100, taken: int = 0) -> ListedEvent:
    return ListedEvent(
        7, "robo", "published", "Robo", "", "Yard", 250, ENDS, OPENS, CLOSES, 0, "INR", 0, capacity, taken
    )


def state_at(now: int, event: ListedEvent | None = None, lapsed: int = 0) -> str:
    return offer_of(event or listed_event(), {7: lapsed} if lapsed else {}, now).state


@pytest.mark.parametrize(
    "now, expected",
    [
        (0, "soon"),
        (99, "soon"),
        (100, "open"),
        (199, "open"),
        (200, "closed"),
        (299, "closed"),
        (300, "over"),
    ],
)
def test_sales_open_and_close_by_the_clock(now: int, expected: str) -> None:
    assert state_at(now) == expected


def test_a_cancelled_event_is_cancelled_at_any_time() -> None:
    assert {state_at(now, listed_event()._replace(state="cancelled")) for now in (0, 150, 250, 400)} == {
        "cancelled"
    }


@pytest.mark.parametrize(
    "capacity, taken, expected",
    [
        (100, 89, "open"),
        (100, 90, "few"),
        (100, 100, "soldout"),
        (1000, 899, "open"),
        (1000, 900, "few"),
        (20, 9, "open"),
        (20, 10, "few"),
        (3, 0, "few"),
        (0, 0, "soldout"),
    ],
)
def test_few_means_ten_seats_or_ten_per_cent(capacity: int, taken: int, expected: str) -> None:
    assert state_at(150, listed_event(capacity, taken)) == expected


def test_the_seats_of_expired_holds_are_free() -> None:
    full = listed_event(100, 100)
    assert state_at(150, full) == "soldout"
    assert state_at(150, full, lapsed=1) == "few"
    assert offer_of(full, {7: 30}, 150).left == 30
    assert offer_of(full, {8: 30}, 150).left == 0


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_the_seats_left_are_between_zero_and_the_capacity(capacity: int, taken: int, lapsed: int) -> None:
    left = offer_of(listed_event(capacity, min(taken, capacity)), {7: lapsed}, 150).left
    assert 0 <= left <= capacity


@given(st.integers(0, 400), st.integers(1, 400))
def test_the_state_does_not_change_before_the_returned_moment(now: int, next_at: int) -> None:
    lapses = LapsedHolds(next_at=next_at if next_at > now else NEVER)
    changes_at = until(listed_event(), lapses, now)
    assert changes_at > now
    assert {state_at(moment) for moment in range(now, min(changes_at, 500))} == {state_at(now)}
    assert changes_at <= lapses.next_at
