"""The door lists the events of today first, and warns about an event of another day."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from festgate.kit.clock import DAY, HOUR, MINUTE, Milliseconds, milliseconds
from festgate.kit.writing import Writing
from festgate.portal.door.days import warning_of
from festgate.portal.door.pages import list_doors
from festgate.settings import Settings
from tests.portal.catalogue.programme import add_event
from tests.rig.database import OpenDatabase

ZONE = ZoneInfo("Asia/Kolkata")
WRITING = Writing(Settings(locale="de_DE", timezone=ZONE.key))


def at(day: int, hour: int, minute: int = 0) -> Milliseconds:
    return milliseconds(datetime(2030, 11, day, hour, minute, tzinfo=ZONE))


@pytest.mark.parametrize(
    "start, end, now",
    [
        pytest.param(at(15, 18), at(15, 20), at(15, 0), id="the first minute of its day"),
        pytest.param(at(15, 9), at(15, 10), at(15, 23, 59), id="the last minute of its day"),
        pytest.param(at(15, 2), at(15, 4), at(14, 21), id="early people on the evening before"),
        pytest.param(at(14, 22), at(15, 4), at(15, 9), id="the morning after a night"),
        pytest.param(at(14, 9), at(16, 18), at(15, 3), id="the night of a camp"),
    ],
)
def test_there_is_no_warning_on_the_day_of_the_event(
    database: OpenDatabase, start: Milliseconds, end: Milliseconds, now: Milliseconds
) -> None:
    event = add_event(database, starts_at=start, ends_at=end, sales_close_at=start)
    assert warning_of(event, now, ZONE, WRITING) == ""


@pytest.mark.parametrize(
    "now, sentence",
    [
        (at(14, 11, 59), "This event is not today. It starts Fr., 15. Nov. 2030, 18:00."),
        (at(16, 2, 1), "This event is not today. It ended Fr., 15. Nov. 2030, 20:00."),
    ],
)
def test_the_door_of_another_day_is_warned_about(
    database: OpenDatabase, now: Milliseconds, sentence: str
) -> None:
    event = add_event(database, starts_at=at(15, 18), ends_at=at(15, 20), sales_close_at=at(15, 18))
    assert warning_of(event, now, ZONE, WRITING) == sentence


def test_the_events_of_today_are_listed_first(database: OpenDatabase) -> None:
    noon = at(15, 12)
    for title, start, length in (
        ("Exhibition", noon - 3 * DAY, 4 * DAY),
        ("Late yesterday", noon - 20 * HOUR, 10 * HOUR),
        ("Tomorrow", noon + DAY, HOUR),
        ("This morning", noon - 3 * HOUR, HOUR),
        ("Tonight", noon + 8 * HOUR, HOUR),
    ):
        add_event(database, title=title, starts_at=start, ends_at=start + length, sales_close_at=start)
    database.clock.now = noon
    titles = [event.title for event, _ in database.read(list_doors, ZONE)]
    assert titles == ["Exhibition", "This morning", "Tonight", "Late yesterday", "Tomorrow"]
    database.clock.move(30 * MINUTE)
    assert [event.title for event, _ in database.read(list_doors, ZONE)] == titles
