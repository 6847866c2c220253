"""Rules by which events repeat: the same dates as those of python-dateutil."""

from datetime import datetime
from itertools import islice

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from festgate.portal.catalogue.files.recurrences import occurrences, read_rule
from tests.rig.lengths import length

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
STARTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001


def some(values: st.SearchStrategy[object], *, max_size: int = 3) -> st.SearchStrategy[str]:
    return st.lists(values.map(str), min_size=1, max_size=max_size, unique=True).map(",".join)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Generate a rule with parts that its frequency allows (RFC 5545, section 3.3.10)."""
    frequency = draw(st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY")))
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.integers(1, 4)))}
    if draw(st.booleans()):
        parts["BYMONTH"] = draw(some(st.integers(1, 12)))
    if frequency != "WEEKLY" and draw(st.booleans()):
        parts["BYMONTHDAY"] = draw(some(st.integers(1, 31) | st.integers(-31, -1)))
    if draw(st.booleans()):
        days: st.SearchStrategy[object] = st.sampled_from(DAYS)
        # dateutil looks for days that are of both kinds if a rule has both; RFC 5545 has either.
        if frequency in {"MONTHLY", "YEARLY"} and draw(st.booleans()):
            which = st.integers(1, 5) | st.integers(-5, -1)
            days = st.tuples(which, st.sampled_from(DAYS)).map(lambda pair: f"{pair[0]}{pair[1]}")
        parts["BYDAY"] = draw(some(days))
    if parts.keys() & {"BYMONTHDAY", "BYDAY"} and frequency in {"MONTHLY", "YEARLY"} and draw(st.booleans()):
        parts["BYSETPOS"] = draw(some(st.integers(1, 4) | st.integers(-4, -1), max_size=2))
    parts["WKST"] = draw(st.sampled_from(DAYS))
    return ";".join(f"{name}={value}" for name, value in parts.items())


@settings(max_examples=length(40, 1_000))
@given(rules(), STARTS)
def test_a_rule_gives_the_same_dates_as_dateutil(rule: str, start: datetime) -> None:
    ours = list(islice(occurrences(read_rule(rule), start), 12))
    # dateutil looks for a date that does not exist until the year 9999, so it is asked for no more than there are.
    assert ours == list(islice(rrulestr(rule, dtstart=start), len(ours)))


@pytest.mark.parametrize(
    "rule, dates",
    [
        ("FREQ=MONTHLY;BYDAY=-1FR", ["2031-05-30", "2031-06-27", "2031-07-25"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", ["2031-06-02", "2031-07-01", "2031-08-01"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=SU", ["2031-05-20", "2031-05-22", "2031-06-03"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", ["2031-05-31", "2031-07-31", "2031-08-31"]),
        ("FREQ=YEARLY", ["2031-05-20", "2032-05-20", "2033-05-20"]),
    ],
)
def test_usual_rules_give_the_dates_that_calendars_show(rule: str, dates: list[str]) -> None:
    start = datetime(2031, 5, 20, 18)  # noqa: DTZ001  (rules are about local times)
    assert [f"{at:%Y-%m-%d}" for at in islice(occurrences(read_rule(rule), start), 3)] == dates
    assert all(at.hour == 18 for at in islice(occurrences(read_rule(rule), start), 3))


def test_a_rule_that_names_no_day_ends_after_ten_years() -> None:
    rule = read_rule("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")
    assert not list(occurrences(rule, datetime(2031, 5, 20)))  # noqa: DTZ001
