"""The public list and the programme, on SQLite and on PostgreSQL."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from itertools import chain, count

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from festgate.kit.clock import DAY, HOUR, MINUTE, NEVER, Milliseconds, milliseconds, moment
from festgate.kit.db.statements import Connection
from festgate.kit.text import searchable
from festgate.portal.catalogue.events import cancel_event, create_event, edit_event, publish_event
from festgate.portal.catalogue.programme import REMEMBERED, Programme, bounds_of
from festgate.portal.catalogue.queries import (
    PAGE_SIZE,
    Filters,
    ListedEvent,
    Programmes,
    all_events,
    count_listed,
    find_listed,
    find_on_next,
)
from tests.portal.catalogue.programme import BERLIN, KOLKATA, add, details, texts
from tests.rig.database import OpenDatabase

numbers = count()


def programme(database: OpenDatabase) -> Programme:
    return database.read(Programmes(KOLKATA).find)


def entries(database: OpenDatabase, **asked: object) -> list[ListedEvent]:
    filters = Filters(**asked)  # type: ignore[arg-type]
    return database.read(find_listed, filters, programme(database), KOLKATA)


def titles(database: OpenDatabase, **asked: object) -> list[str]:
    return [entry.title for entry in entries(database, **asked)]


def total(database: OpenDatabase, **asked: object) -> int:
    filters = Filters(**asked)  # type: ignore[arg-type]
    return database.read(count_listed, filters, programme(database), KOLKATA)


def test_the_list_has_events_that_have_not_ended_by_their_start(database: OpenDatabase) -> None:
    now = database.clock.now
    add(database, title="Late", starts_at=now + 3 * DAY)
    add(database, title="Soon", starts_at=now + DAY)
    add(database, title="Running", starts_at=now - HOUR)
    add(database, title="Over", starts_at=now - DAY)
    add(database, title="Draft", draft=True)
    database.write(cancel_event, add(database, title="Off", starts_at=now + 2 * DAY).slug)
    assert titles(database) == ["Running", "Soon", "Off", "Late"]
    assert total(database) == 4
    database.clock.move(2 * HOUR)
    assert titles(database) == ["Soon", "Off", "Late"]
    assert total(database) == 3


def test_a_long_event_that_began_long_ago_is_listed_until_it_ends(database: OpenDatabase) -> None:
    now = database.clock.now
    add(database, title="Short", starts_at=now - DAY)
    add(database, title="Exhibition", starts_at=now - 90 * DAY, ends_at=now + HOUR)
    add(database, title="Soon")
    assert titles(database) == ["Exhibition", "Soon"]
    database.clock.move(HOUR)
    assert titles(database) == ["Soon"]


def test_the_list_comes_in_pages_that_miss_nothing(database: OpenDatabase) -> None:
    start = database.clock.now + DAY

    def fill(connection: Connection) -> None:
        for number in range(2 * PAGE_SIZE + 1):
            publish_event(connection, create_event(connection, details(start, title=f"Event {number}")).slug)

    database.write(fill)
    found = [titles(database, page=page) for page in (1, 2, 3, 4)]
    assert [len(page) for page in found] == [PAGE_SIZE, PAGE_SIZE, 1, 0]
    assert list(chain.from_iterable(found)) == [f"Event {number}" for number in range(2 * PAGE_SIZE + 1)]
    assert total(database) == total(database, words="event") == 2 * PAGE_SIZE + 1


def test_a_category_is_shown_alone(database: OpenDatabase) -> None:
    for title, category in (("Dance", "Stage"), ("Robo", "Technology"), ("Song", "Stage")):
        add(database, title=title, category=category)
    assert titles(database, category="Stage") == ["Dance", "Song"]
    assert total(database, category="Stage") == 2
    assert titles(database, category="stage") == []


def test_a_day_is_the_fests_own_and_shows_what_is_over_too(database: OpenDatabase) -> None:
    def at(day: int, hour: int) -> Milliseconds:
        return milliseconds(datetime(2026, 3, day, hour, tzinfo=KOLKATA))

    database.clock.now = at(14, 12)
    add(database, title="Eve", starts_at=at(13, 23))
    add(database, title="Midnight", starts_at=at(14, 0))
    add(database, title="Night", starts_at=at(14, 23))
    add(database, title="Morrow", starts_at=at(15, 0))
    assert titles(database, day=date(2026, 3, 14)) == ["Midnight", "Night"]
    assert titles(database, day=date(2026, 3, 13)) == ["Eve"]
    assert titles(database) == ["Night", "Morrow"]
    assert total(database, day=date(2026, 3, 14)) == 2
    assert programme(database).days == tuple(date(2026, 3, day) for day in (13, 14, 15))


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is() -> None:
    begins, ends = bounds_of(date(2026, 3, 29), BERLIN)
    assert ends - begins == 23 * HOUR


def test_every_word_is_looked_for_in_title_summary_place_and_category(database: OpenDatabase) -> None:
    add(database, title="Robo Race", summary="On a line.", place="Straße 5", category="Technology")
    add(database, title="Robo Wars", summary="In a ring.", place="Yard", category="Games")
    assert titles(database, words="ROBO") == ["Robo Race", "Robo Wars"]
    assert titles(database, words="robo line") == ["Robo Race"]
    assert titles(database, words="  strasse   5 ") == ["Robo Race"]
    assert titles(database, words="games robo") == ["Robo Wars"]
    assert titles(database, words="games line") == []
    assert titles(database, words="robo", category="Games") == ["Robo Wars"]
    assert total(database, words="robo") == 2


def test_an_edited_event_is_found_by_its_new_words_only(database: OpenDatabase) -> None:
    event = add(database, title="Robo Race")
    database.write(edit_event, event.slug, details(event.starts_at, title="Derby", summary="Horses."))
    assert titles(database, words="derby") == ["Derby"]
    assert titles(database, words="robo") == []


@pytest.mark.parametrize("words", ["%", "_", "\\", "100%", "a_b", "%%", "\\%", "'", '"', "[a-z]", "*", "?"])
def test_signs_that_mean_something_to_the_database_mean_themselves(
    database: OpenDatabase, words: str
) -> None:
    add(database, title="plain")
    add(database, title=f"with {words} in it")
    assert titles(database, words=words) == [f"with {words} in it"]


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
)
@given(data=st.data(), title=texts("title", least=1))
def test_any_piece_of_a_title_finds_it_and_anything_else_does_not(
    database: OpenDatabase, data: st.DataObject, title: str
) -> None:
    category = f"Category {next(numbers)}"
    event = add(database, title=title, summary="", place="x", category=category)
    word = data.draw(st.sampled_from(title.split() or ["x"]))
    piece = word[: data.draw(st.integers(1, len(word)))]
    other = data.draw(texts("title", least=1))
    found = {entry.id for entry in entries(database, words=piece, category=category)}
    assert found == {event.id}
    assume(any(word not in searchable(f"{title}\n\nx\n{category}") for word in searchable(other).split()[:5]))
    assert entries(database, words=other, category=category) == []


def test_what_is_on_next_takes_place_and_is_not_over(database: OpenDatabase) -> None:
    now = database.clock.now
    add(database, title="Over", starts_at=now - DAY)
    database.write(cancel_event, add(database, title="Off").slug)
    for number in range(8):
        add(database, title=f"Event {number}", starts_at=now + (number + 1) * HOUR)
    found = database.read(find_on_next, programme(database))
    assert [entry.title for entry in found] == [f"Event {number}" for number in range(6)]


def test_the_programme_has_its_categories_and_dates(database: OpenDatabase) -> None:
    def at(day: int, hour: int) -> Milliseconds:
        return milliseconds(datetime(2026, 3, day, hour, tzinfo=KOLKATA))

    database.clock.now = at(13, 8)
    add(database, title="First", category="technology", starts_at=at(13, 10))
    add(database, title="Last", category="Stage", starts_at=at(15, 22), ends_at=at(16, 1))
    add(database, title="Bare", category="", starts_at=at(14, 10))
    add(database, title="Draft", category="Secret", starts_at=at(20, 10), draft=True)
    database.write(cancel_event, add(database, title="Off", category="Games", starts_at=at(19, 10)).slug)
    found = programme(database)
    assert found.categories == ("Games", "Stage", "technology")
    # A night that ends at one in the morning belongs to the 15th; a cancelled event does not extend the fest.
    assert (found.first_day, found.last_day) == (date(2026, 3, 13), date(2026, 3, 15))


def test_an_empty_programme_has_no_dates_and_nothing_to_wait_for(database: OpenDatabase) -> None:
    found = programme(database)
    assert (found.first_day, found.last_day, found.days, found.categories) == (None, None, (), ())
    assert found.until(database.clock.now) == NEVER
    assert entries(database) == entries(database, words="robo") == []
    assert total(database) == 0


def test_the_next_change_is_the_next_opening_closing_or_end(database: OpenDatabase) -> None:
    now = database.clock.now
    add(
        database,
        starts_at=now + 4 * HOUR,
        ends_at=now + 5 * HOUR,
        sales_open_at=now + 2 * HOUR,
        sales_close_at=now + 3 * HOUR,
    )
    add(database, starts_at=now - DAY)
    found = programme(database)
    moments = []
    at = now
    while at < NEVER:
        at = found.until(at)
        moments.append(at)
    assert moments[:3] == [now + hours * HOUR for hours in (2, 3, 5)]
    assert moments[3:] == [now - DAY + 2 * HOUR + REMEMBERED, now + 5 * HOUR + REMEMBERED, NEVER]


def test_what_is_over_for_a_month_is_forgotten_but_can_be_asked_for(database: OpenDatabase) -> None:
    event = add(database, title="Old", starts_at=database.clock.now - 3 * HOUR)
    day = moment(event.starts_at, KOLKATA).date()
    remembered = Programmes(KOLKATA)
    assert database.read(remembered.find).days == (day,)
    database.clock.move(REMEMBERED)
    assert database.read(remembered.find).days == ()
    assert titles(database, day=day) == ["Old"]


Change = Callable[[OpenDatabase], object]


@pytest.mark.parametrize(
    "change",
    [
        partial(add, title="Another"),
        lambda database: database.write(cancel_event, "robo-race"),
        lambda database: database.write(
            edit_event, "robo-race", details(database.clock.now + 2 * DAY, category="Games")
        ),
    ],
    ids=["published", "cancelled", "edited"],
)
def test_a_remembered_programme_follows_every_change(database: OpenDatabase, change: Change) -> None:
    add(database)
    remembered = Programmes(KOLKATA)
    before = database.read(remembered.find)
    change(database)
    database.clock.move(MINUTE)
    assert database.read(remembered.find) == programme(database) != before


def test_a_remembered_programme_is_not_fooled_by_a_draft_that_was_thrown_away(database: OpenDatabase) -> None:
    remembered = Programmes(KOLKATA)
    database.write(cancel_event, add(database, draft=True).slug)
    draft = add(database, title="Draft", draft=True, starts_at=0)
    database.read(remembered.find)
    database.clock.move(1)
    database.write(cancel_event, draft.slug)
    add(database)
    assert len(database.read(all_events)) == 1
    assert database.read(remembered.find).ends == programme(database).ends != ()
