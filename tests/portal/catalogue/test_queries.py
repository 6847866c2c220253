"""The public list and the programme, on SQLite and on PostgreSQL."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from itertools import chain, count

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from festgate.kit.clock import DAY, HOUR, MINUTE, NEVER, Milliseconds, milliseconds, moment
from festgate.kit.db.search import words_of
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
from tests.portal.catalogue.programme import BERLIN, KOLKATA, add_event, details, texts
from tests.rig.database import OpenDatabase

category_numbers = count()


def programme(database: OpenDatabase) -> Programme:
    return database.read(Programmes(KOLKATA).find)


def entries(database: OpenDatabase, **filters_given: object) -> list[ListedEvent]:
    filters = Filters(**filters_given)  # type: ignore[arg-type]
    return database.read(find_listed, filters, programme(database), KOLKATA)


def titles(database: OpenDatabase, **filters_given: object) -> list[str]:
    return [entry.title for entry in entries(database, **filters_given)]


def total(database: OpenDatabase, **filters_given: object) -> int:
    filters = Filters(**filters_given)  # type: ignore[arg-type]
    return database.read(count_listed, filters, programme(database), KOLKATA)


def test_the_list_has_events_that_have_not_ended_ordered_by_start(database: OpenDatabase) -> None:
    now = database.clock.now
    add_event(database, title="Late", starts_at=now + 3 * DAY)
    add_event(database, title="Soon", starts_at=now + DAY)
    add_event(database, title="Running", starts_at=now - HOUR)
    add_event(database, title="Over", starts_at=now - DAY)
    add_event(database, title="Draft", draft=True)
    database.write(cancel_event, add_event(database, title="Off", starts_at=now + 2 * DAY).slug)
    assert titles(database) == ["Running", "Soon", "Off", "Late"]
    assert total(database) == 4
    database.clock.move(2 * HOUR)
    assert titles(database) == ["Soon", "Off", "Late"]
    assert total(database) == 3


def test_a_long_event_that_began_long_ago_is_listed_until_it_ends(database: OpenDatabase) -> None:
    now = database.clock.now
    add_event(database, title="Short", starts_at=now - DAY)
    add_event(database, title="Exhibition", starts_at=now - 90 * DAY, ends_at=now + HOUR)
    add_event(database, title="Soon")
    assert titles(database) == ["Exhibition", "Soon"]
    database.clock.move(HOUR)
    assert titles(database) == ["Soon"]


def test_the_pages_of_the_list_contain_every_event(database: OpenDatabase) -> None:
    start = database.clock.now + DAY

    def fill(connection: Connection) -> None:
        for number in range(2 * PAGE_SIZE + 1):
            publish_event(connection, create_event(connection, details(start, title=f"Event {number}")).slug)

    database.write(fill)
    pages = [titles(database, page=page) for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 1, 0]
    assert list(chain.from_iterable(pages)) == [f"Event {number}" for number in range(2 * PAGE_SIZE + 1)]
    assert total(database) == total(database, words="event") == 2 * PAGE_SIZE + 1


def test_events_are_filtered_by_category(database: OpenDatabase) -> None:
    for title, category in (("Dance", "Stage"), ("Robo", "Technology"), ("Song", "Stage")):
        add_event(database, title=title, category=category)
    assert titles(database, category="Stage") == ["Dance", "Song"]
    assert total(database, category="Stage") == 2
    assert titles(database, category="stage") == []


def test_a_day_is_in_the_time_zone_of_the_fest_and_includes_ended_events(database: OpenDatabase) -> None:
    def at(day: int, hour: int) -> Milliseconds:
        return milliseconds(datetime(2026, 3, day, hour, tzinfo=KOLKATA))

    database.clock.now = at(14, 12)
    add_event(database, title="Eve", starts_at=at(13, 23))
    add_event(database, title="Midnight", starts_at=at(14, 0))
    add_event(database, title="Night", starts_at=at(14, 23))
    add_event(database, title="Morrow", starts_at=at(15, 0))
    assert titles(database, day=date(2026, 3, 14)) == ["Midnight", "Night"]
    assert titles(database, day=date(2026, 3, 13)) == ["Eve"]
    assert titles(database) == ["Night", "Morrow"]
    assert total(database, day=date(2026, 3, 14)) == 2
    assert programme(database).days == tuple(date(2026, 3, day) for day in (13, 14, 15))


def test_a_day_with_a_clock_change_has_its_real_length() -> None:
    begins, ends = bounds_of(date(2026, 3, 29), BERLIN)
    assert ends - begins == 23 * HOUR


def test_every_word_is_searched_in_title_summary_place_and_category(database: OpenDatabase) -> None:
    add_event(database, title="Robo Race", summary="On a line.", place="Straße 5", category="Technology")
    add_event(database, title="Robo Wars", summary="In a ring.", place="Yard", category="Games")
    assert titles(database, words="ROBO") == ["Robo Race", "Robo Wars"]
    assert titles(database, words="robo line") == ["Robo Race"]
    assert titles(database, words="  strasse   5 ") == ["Robo Race"]
    assert titles(database, words="games robo") == ["Robo Wars"]
    assert titles(database, words="games line") == []
    assert titles(database, words="robo", category="Games") == ["Robo Wars"]
    assert total(database, words="robo") == 2


def test_an_edited_event_is_found_by_its_new_words_only(database: OpenDatabase) -> None:
    event = add_event(database, title="Robo Race")
    database.write(edit_event, event.slug, details(event.starts_at, title="Derby", summary="Horses."))
    assert titles(database, words="derby") == ["Derby"]
    assert titles(database, words="robo") == []


@pytest.mark.parametrize(
    "title, words",
    [
        ("Café Crème", "cafe creme"),
        ("Gómez\u2019s Masterclass", "gomez's"),
        ("Gómez\u2019s Masterclass", "GOMEZS"),
        ("Rock \u2019n\u2019 Roll", "rock n roll"),
        ("Łódź und Straße", "lodz STRASSE"),
        ("C++ and C#", "c#"),
        ("C++ and C#", "C++"),
        ("हिन्दी कविता", "हिन्दी"),
        ("Ελληνικός χορός", "ΧΟΡΟΣ"),
        ("Robo-Race", "robo race"),
        ("Robo Race", "robo-race"),
        ("100% Bhangra", "100%"),
    ],
)
def test_a_search_needs_no_accents_and_no_punctuation(database: OpenDatabase, title: str, words: str) -> None:
    add_event(database, title="Chess, hindi")
    add_event(database, title=title)
    assert titles(database, words=words) == [title]


@pytest.mark.parametrize("words", ["%", "_", "\\", "%%", "\\%", "'", '"', "*", "?", "a_o", "pl%n", "[a-z]"])
def test_wildcards_of_the_database_have_no_special_meaning(database: OpenDatabase, words: str) -> None:
    add_event(database, title="plain")
    assert titles(database, words=words) == []


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
)
@given(data=st.data(), title=texts("title", min_size=1))
def test_any_part_of_a_title_finds_the_event_and_other_text_does_not(
    database: OpenDatabase, data: st.DataObject, title: str
) -> None:
    category = f"Category {next(category_numbers)}"
    event = add_event(database, title=title, summary="", place="x", category=category)
    word = data.draw(st.sampled_from(title.split() or ["x"]))
    part = word[: data.draw(st.integers(1, len(word)))]
    assume(searchable(part))
    other_text = data.draw(texts("title", min_size=1))
    ids = {entry.id for entry in entries(database, words=part, category=category)}
    assert ids == {event.id}
    assume(any(word not in searchable(f"{title}\n\nx\n{category}") for word in words_of(other_text)))
    assert entries(database, words=other_text, category=category) == []


def test_next_events_are_neither_cancelled_nor_over(database: OpenDatabase) -> None:
    now = database.clock.now
    add_event(database, title="Over", starts_at=now - DAY)
    database.write(cancel_event, add_event(database, title="Off").slug)
    for number in range(8):
        add_event(database, title=f"Event {number}", starts_at=now + (number + 1) * HOUR)
    next_events = database.read(find_on_next, programme(database))
    assert [entry.title for entry in next_events] == [f"Event {number}" for number in range(6)]


def test_the_programme_has_its_categories_and_dates(database: OpenDatabase) -> None:
    def at(day: int, hour: int) -> Milliseconds:
        return milliseconds(datetime(2026, 3, day, hour, tzinfo=KOLKATA))

    database.clock.now = at(13, 8)
    add_event(database, title="First", category="technology", starts_at=at(13, 10))
    add_event(database, title="Last", category="Stage", starts_at=at(15, 22), ends_at=at(16, 1))
    add_event(database, title="Bare", category="", starts_at=at(14, 10))
    add_event(database, title="Draft", category="Secret", starts_at=at(20, 10), draft=True)
    database.write(
        cancel_event, add_event(database, title="Off", category="Games", starts_at=at(19, 10)).slug
    )
    loaded = programme(database)
    assert loaded.categories == ("Games", "Stage", "technology")
    # A night that ends at one in the morning belongs to the 15th; a cancelled event does not extend the fest.
    assert (loaded.first_day, loaded.last_day) == (date(2026, 3, 13), date(2026, 3, 15))


def test_an_empty_programme_has_no_dates_and_no_next_change(database: OpenDatabase) -> None:
    loaded = programme(database)
    assert (loaded.first_day, loaded.last_day, loaded.days, loaded.categories) == (None, None, (), ())
    assert loaded.until(database.clock.now) == NEVER
    assert entries(database) == entries(database, words="robo") == []
    assert total(database) == 0


def test_the_next_change_is_the_next_opening_closing_or_end(database: OpenDatabase) -> None:
    now = database.clock.now
    add_event(
        database,
        starts_at=now + 4 * HOUR,
        ends_at=now + 5 * HOUR,
        sales_open_at=now + 2 * HOUR,
        sales_close_at=now + 3 * HOUR,
    )
    add_event(database, starts_at=now - DAY)
    loaded = programme(database)
    moments = []
    at = now
    while at < NEVER:
        at = loaded.until(at)
        moments.append(at)
    assert moments[:3] == [now + hours * HOUR for hours in (2, 3, 5)]
    assert moments[3:] == [now - DAY + 2 * HOUR + REMEMBERED, now + 5 * HOUR + REMEMBERED, NEVER]


def test_events_that_ended_a_month_ago_are_found_only_by_their_day(database: OpenDatabase) -> None:
    event = add_event(database, title="Old", starts_at=database.clock.now - 3 * HOUR)
    day = moment(event.starts_at, KOLKATA).date()
    cached = Programmes(KOLKATA)
    assert database.read(cached.find).days == (day,)
    database.clock.move(REMEMBERED)
    assert database.read(cached.find).days == ()
    assert titles(database, day=day) == ["Old"]


Change = Callable[[OpenDatabase], object]


@pytest.mark.parametrize(
    "change",
    [
        partial(add_event, title="Another"),
        lambda database: database.write(cancel_event, "robo-race"),
        lambda database: database.write(
            edit_event, "robo-race", details(database.clock.now + 2 * DAY, category="Games")
        ),
    ],
    ids=["published", "cancelled", "edited"],
)
def test_a_cached_programme_is_updated_after_every_change(database: OpenDatabase, change: Change) -> None:
    add_event(database)
    cached = Programmes(KOLKATA)
    before = database.read(cached.find)
    change(database)
    database.clock.move(MINUTE)
    assert database.read(cached.find) == programme(database) != before


def test_a_cached_programme_is_updated_after_a_deleted_draft(database: OpenDatabase) -> None:
    cached = Programmes(KOLKATA)
    database.write(cancel_event, add_event(database, draft=True).slug)
    draft = add_event(database, title="Draft", draft=True, starts_at=0)
    database.read(cached.find)
    database.clock.move(1)
    database.write(cancel_event, draft.slug)
    add_event(database)
    assert len(database.read(all_events)) == 1
    assert database.read(cached.find).ends == programme(database).ends != ()
