"""Events at overlapping times."""

from dataclasses import dataclass, replace

import pytest

from festgate.portal.catalogue.overlaps import Overlap, overlaps_of


@dataclass(frozen=True)
class Talk:
    title: str
    starts_at: int
    ends_at: int


RACE, QUIZ, GALA = Talk("Race", 9, 12), Talk("Quiz", 10, 14), Talk("Gala", 12, 20)


def test_the_common_time_of_two_events_is_given_in_their_order() -> None:
    assert overlaps_of([QUIZ, RACE], [], 0) == (Overlap("Race", "Quiz", 10, 12),)


def test_an_event_within_another_one_overlaps_for_its_whole_length() -> None:
    assert overlaps_of([Talk("Hackathon", 0, 48), QUIZ], [], 0) == (Overlap("Hackathon", "Quiz", 10, 14),)


def test_events_that_follow_each_other_do_not_overlap() -> None:
    assert overlaps_of([RACE, GALA], [], 0) == ()


@pytest.mark.parametrize("now, count", [(11, 1), (12, 0)])
def test_an_overlap_that_is_over_is_left_out(now: int, count: int) -> None:
    assert len(overlaps_of([RACE, QUIZ], [], now)) == count


def test_pairs_of_others_are_left_out() -> None:
    assert overlaps_of([RACE], [QUIZ, GALA], 0) == (Overlap("Race", "Quiz", 10, 12),)
    assert overlaps_of([], [RACE, QUIZ], 0) == ()


def test_every_pair_among_many_is_given_by_its_start() -> None:
    overlaps = overlaps_of([GALA, RACE, QUIZ], [Talk("Night", 13, 15)], 0)
    assert [(overlap.first, overlap.second) for overlap in overlaps] == [
        ("Race", "Quiz"),
        ("Quiz", "Gala"),
        ("Quiz", "Night"),
        ("Gala", "Night"),
    ]


def test_two_tickets_for_one_event_do_not_overlap() -> None:
    assert overlaps_of([RACE, RACE], [RACE], 0) == ()


def test_several_tickets_for_one_event_overlap_with_another_event_once() -> None:
    talk = replace(RACE, title="Talk")
    assert len(overlaps_of([RACE, RACE, talk], [], 0)) == 1
