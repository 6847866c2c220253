"""Creating, editing, publishing and cancelling events, on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.db import schema
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.messaging import outbox
from festgate.kit.money import Money
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.details import Details, details_of
from festgate.portal.catalogue.errors import CapacityTaken, EventWasCancelled, NotOnSale, SoldOut
from festgate.portal.catalogue.events import cancel_event, create_event, edit_event, publish_event
from festgate.portal.catalogue.moves import FAR, MoveUnconfirmed
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.seats import give_back_seats, lock_seats, take_seats
from festgate.portal.catalogue.ticket_types import types_of
from festgate.settings import Settings
from tests.portal.catalogue.programme import add_event, details
from tests.rig.database import OpenDatabase, open_database


def test_a_new_event_is_a_draft_visible_only_to_organisers(database: OpenDatabase) -> None:
    event = add_event(database, draft=True)
    assert (event.slug, event.state, event.taken) == ("robo-race", "draft", 0)
    assert database.read(queries.any_event_by_slug, "robo-race") == event
    assert database.read(queries.event_by_id, event.id) == event
    with pytest.raises(NotFound):
        database.read(queries.event_by_slug, "robo-race")


def test_an_event_stores_all_entered_details(database: OpenDatabase) -> None:
    now = database.clock.now
    entered_details = details(
        now + DAY,
        title="ദീപം ✨",
        description="one\n\ntwo",
        fee=Money(10**12, "JPY"),
        sales_open_at=now + HOUR,
        sales_close_at=now + DAY + HOUR,
    )
    assert details_of(database.write(create_event, entered_details)) == entered_details


def test_events_of_two_fests_have_different_names_in_calendars(
    database: OpenDatabase, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path / "other")
    schema.upgrade(settings)
    with open_database(settings.url) as other:
        first, second = add_event(database), add_event(other)
    assert first.id == second.id
    assert first.uid != second.uid


def test_similar_titles_get_different_slugs(database: OpenDatabase) -> None:
    slugs = [
        add_event(database, draft=True, title=title).slug
        for title in ("Robo Race", "Robo, race!", "ROBO RACE")
    ]
    assert slugs == ["robo-race", "robo-race-2", "robo-race-3"]


def test_similar_long_titles_get_slugs_of_limited_length(database: OpenDatabase) -> None:
    slugs = {add_event(database, draft=True, title="very " * 23).slug for _ in range(12)}
    assert len(slugs) == 12
    assert max(map(len, slugs)) <= 60


def test_a_title_without_latin_letters_gets_a_slug(database: OpenDatabase) -> None:
    slugs = {add_event(database, title="നൃത്തം").slug, add_event(database, title="നൃത്തം").slug}
    assert len(slugs) == 2
    assert all(database.read(queries.event_by_slug, slug).title == "നൃത്തം" for slug in slugs)


def test_no_event_gets_a_slug_that_the_portal_uses(database: OpenDatabase) -> None:
    assert add_event(database, title="New").slug == "new-2"


def test_a_taken_slug_is_refused(database: OpenDatabase) -> None:
    add_event(database, "robo")
    with pytest.raises(Invalid, match="Another event has this address"):
        add_event(database, "robo")


def test_simultaneously_created_events_get_different_slugs(database: OpenDatabase) -> None:
    event = details(database.clock.now + DAY)
    events = database.write_together(*[partial(create_event, details=event)] * 10)
    assert len({event.slug for event in events}) == 10


@pytest.mark.parametrize("title", ["Robo Race", "നൃത്തം"])
def test_a_form_that_is_sent_twice_creates_one_event_also_in_two_processes(
    database: OpenDatabase, title: str
) -> None:
    add_event(database, title=title)  # an older one does not matter
    database.clock.move(MINUTE)
    opened_at = database.clock.now
    forms = [details(opened_at + DAY, title=title, place=f"Room {number}") for number in range(10)]

    def send(writer: OpenDatabase, entered: Details) -> int:
        return writer.write(partial(create_event, opened_at=opened_at), entered).id

    with open_database(database.url) as other, ThreadPoolExecutor(2) as threads:
        database.clock.move(MINUTE)
        other.clock.move(database.clock.now - other.clock.now)
        for entered in forms:
            assert len(set(threads.map(send, (database, other), (entered, entered)))) == 1
    assert len(database.read(queries.all_events)) == 1 + len(forms)


def test_another_form_or_other_details_create_another_event(database: OpenDatabase) -> None:
    opened_at = database.clock.now
    entered = details(opened_at + DAY)
    create = partial(create_event, opened_at=opened_at)
    database.clock.move(MINUTE)
    first = database.write(create, entered)
    assert database.write(create, replace(entered, place="Yard 2")).id != first.id
    assert database.write(partial(create_event, opened_at=opened_at + 2 * MINUTE), entered).id != first.id
    assert database.write(create_event, entered).id != first.id
    database.write(publish_event, first.slug)
    assert database.write(create, entered).id == first.id
    database.write(edit_event, first.slug, replace(entered, summary="Changed since."))
    assert database.write(create, entered).id != first.id


def test_two_processes_create_events_with_the_same_title_at_once(database: OpenDatabase) -> None:
    def create(writer: OpenDatabase) -> str:
        return writer.write(create_event, details()).slug

    with open_database(database.url) as other_process, ThreadPoolExecutor(2) as threads:
        slugs = [slug for _ in range(10) for slug in threads.map(create, (database, other_process))]
    assert len(set(slugs)) == 20


def test_publishing_requires_a_place_times_and_seats(database: OpenDatabase) -> None:
    slug = add_event(database, draft=True, starts_at=0, place="", capacity=0).slug
    with pytest.raises(Invalid) as caught:
        database.write(publish_event, slug)
    assert caught.value.fields.keys() == {"place", "starts_at", "ends_at", "capacity"}
    assert database.read(queries.any_event_by_slug, slug).state == "draft"


def test_a_published_event_is_public_and_publishing_it_again_changes_nothing(
    database: OpenDatabase,
) -> None:
    slug = add_event(database).slug
    published = database.read(queries.event_by_slug, slug)
    database.clock.move(MINUTE)
    assert database.write(publish_event, slug) == published


def test_a_published_event_cannot_lose_its_place_times_or_seats(database: OpenDatabase) -> None:
    event = add_event(database)
    with pytest.raises(Invalid) as caught:
        database.write(edit_event, event.slug, replace(details_of(event), place="", capacity=0))
    assert caught.value.fields.keys() == {"place", "capacity"}
    assert database.read(queries.event_by_id, event.id) == event


def edit(database: OpenDatabase, event: Event, **changes: object) -> Event:
    return database.write(edit_event, event.slug, replace(details_of(event), **changes))  # type: ignore[arg-type]


def test_an_edit_keeps_the_slug(database: OpenDatabase) -> None:
    event = add_event(database)
    assert edit(database, event, title="Robot Derby").slug == event.slug
    assert database.read(queries.event_by_slug, event.slug).title == "Robot Derby"


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Robot Derby"},
        {"place": "Yard"},
        {"ends_at": 7_000_000_000_000},
        {"starts_at": 1_600_000_000_000},
    ],
)
def test_a_new_title_time_or_place_records_the_values_before_it_and_raises_the_sequence(
    database: OpenDatabase, changes: dict[str, object]
) -> None:
    event = add_event(database)
    edited = edit(database, event, **changes)
    assert database.read(outbox.waiting) == [("catalogue.EventChanged", known(event))]
    assert (edited.sequence, edited.uid) == (event.sequence + 1, event.uid)


def known(event: Event) -> dict[str, object]:
    return {
        "event_id": event.id,
        "title": event.title,
        "place": event.place,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
    }


def test_a_change_before_the_last_one_was_emailed_records_what_attendees_know(database: OpenDatabase) -> None:
    event, other = add_event(database), add_event(database, title="Open Talk")
    edit(database, other, place="Gallery 7")
    between = edit(database, event, title="Robot Derby")
    assert edit(database, between, place="Yard").sequence == event.sequence + 2
    fields = [fields for _, fields in database.read(outbox.waiting)]
    assert fields == [known(other), known(event), known(event)]
    for fact in database.read(outbox.find_due):
        database.write(outbox.settle, fact.id)
    edited = database.read(queries.event_by_id, event.id)
    edit(database, edited, place="Workshop")
    assert [fields for _, fields in database.read(outbox.waiting)] == [known(edited)]


def test_other_changes_record_no_fact(database: OpenDatabase) -> None:
    event, draft = add_event(database), add_event(database, draft=True)
    edited = edit(database, event, fee=Money(0, "INR"), capacity=60, summary="Other.", description="Other.")
    edit(database, draft, title="Robot Derby")
    assert database.read(outbox.waiting) == []
    assert edited.sequence == event.sequence


def test_saving_the_same_details_changes_nothing(database: OpenDatabase) -> None:
    event = add_event(database)
    database.clock.move(MINUTE)
    version = database.read(queries.programme_version)
    assert edit(database, event) == event
    assert database.read(queries.programme_version) == version


def test_the_capacity_cannot_be_lower_than_the_seats_taken(database: OpenDatabase) -> None:
    event = add_event(database, capacity=5)
    for _ in range(3):
        database.write(take_seats, event.id, 1, {})
    with pytest.raises(
        CapacityTaken, match="3 seats are taken already, so the capacity cannot be lower than 3"
    ):
        edit(database, event, capacity=2, title="Robot Derby")
    unchanged = database.read(queries.event_by_id, event.id)
    assert (unchanged.capacity, unchanged.title) == (5, event.title)
    assert edit(database, event, capacity=3).capacity == 3
    with pytest.raises(SoldOut):
        database.write(take_seats, event.id, 1, {})


@pytest.mark.parametrize(
    "start, length, slip",
    [
        (-HOUR, 2 * HOUR, "past"),
        (-3 * HOUR, HOUR, "past"),
        (DAY + FAR + MINUTE, 2 * HOUR, "far"),
        (DAY, FAR + 3 * HOUR, "far"),
    ],
)
def test_a_sold_event_moves_into_the_past_or_far_away_only_when_that_is_confirmed(
    database: OpenDatabase, start: int, length: int, slip: str
) -> None:
    event = add_event(database)
    starts_at = event.starts_at - DAY + start
    new = replace(
        details_of(event), starts_at=starts_at, ends_at=starts_at + length, sales_close_at=starts_at
    )
    database.write(take_seats, event.id, 1, {})
    with pytest.raises(MoveUnconfirmed) as refusal:
        database.write(edit_event, event.slug, new)
    assert refusal.value.slip == slip
    assert "1 person holds a seat." in refusal.value.message
    assert database.read(queries.event_by_id, event.id).starts_at == event.starts_at
    moved = database.write(partial(edit_event, slug=event.slug, details=new, may_move=True))
    assert moved.starts_at == starts_at
    # It is there already: nothing moves.
    database.write(edit_event, event.slug, replace(new, title="Another title"))


@pytest.mark.parametrize("start", [HOUR, DAY + FAR, 8 * DAY])
def test_a_sold_event_moves_by_up_to_half_a_year_without_a_question(
    database: OpenDatabase, start: int
) -> None:
    event = add_event(database)
    database.write(take_seats, event.id, 1, {})
    moved = edit(
        database,
        event,
        starts_at=event.starts_at - DAY + start,
        ends_at=event.ends_at - DAY + start,
        sales_close_at=event.starts_at - DAY + start,
    )
    assert moved.starts_at == event.starts_at - DAY + start


def test_an_event_without_seats_taken_moves_anywhere_without_a_question(database: OpenDatabase) -> None:
    event = add_event(database)
    assert edit(database, event, ends_at=event.ends_at + 400 * DAY).ends_at == event.ends_at + 400 * DAY


def test_seats_are_taken_and_released_within_the_capacity(database: OpenDatabase) -> None:
    event = add_event(database, capacity=2)
    (only,) = database.read(types_of, event.id)
    results = database.write_together(*[partial(take_seats, event_id=event.id, count=1, quotas={})] * 5)
    assert [type(result) for result in results].count(SoldOut) == 3
    database.write(give_back_seats, event.id, {only.id: 2})
    assert database.read(queries.event_by_id, event.id).taken == 0
    with pytest.raises(Exception, match=r"(?i)check"):
        database.write(give_back_seats, event.id, {only.id: 1})


def test_no_seat_can_be_taken_before_an_event_is_published_or_after_it_is_cancelled(
    database: OpenDatabase,
) -> None:
    event = add_event(database, draft=True)
    with pytest.raises(NotOnSale):
        database.write(take_seats, event.id, 1, {})
    database.write(publish_event, event.slug)
    database.write(take_seats, event.id, 1, {})
    database.write(cancel_event, event.slug)
    with pytest.raises(NotOnSale):
        database.write(take_seats, event.id, 1, {})
    assert database.read(queries.event_by_id, event.id).taken == 1


def test_a_cancelled_event_records_one_fact_and_stays_visible(database: OpenDatabase) -> None:
    event = add_event(database)
    for _ in range(2):
        cancelled = database.write(cancel_event, event.slug)
        assert (cancelled.state, cancelled.sequence, cancelled.uid) == (
            "cancelled",
            event.sequence + 1,
            event.uid,
        )
    assert database.read(outbox.waiting) == [("catalogue.EventCancelled", {"event_id": event.id})]
    assert database.read(queries.event_by_slug, event.slug).state == "cancelled"


def test_a_cancelled_event_cannot_be_changed_or_published(database: OpenDatabase) -> None:
    event = add_event(database)
    database.write(cancel_event, event.slug)
    with pytest.raises(EventWasCancelled):
        edit(database, event, title="Robot Derby")
    with pytest.raises(EventWasCancelled):
        database.write(publish_event, event.slug)


def test_cancelling_a_draft_deletes_it(database: OpenDatabase) -> None:
    draft = add_event(database, draft=True)
    database.write(cancel_event, draft.slug)
    with pytest.raises(NotFound):
        database.read(queries.any_event_by_slug, draft.slug)
    assert database.read(outbox.waiting) == []
    assert add_event(database, draft=True).slug == draft.slug


@pytest.mark.parametrize("operation", [publish_event, cancel_event, partial(edit_event, details=details())])
def test_a_missing_event_is_not_found(database: OpenDatabase, operation: object) -> None:
    assert callable(operation)
    with pytest.raises(NotFound):
        database.write(operation, "nothing")
    with pytest.raises(NotFound):
        database.write(lock_seats, 1)


def test_every_change_raises_the_version_of_the_programme(database: OpenDatabase) -> None:
    versions = [database.read(queries.programme_version)]

    def note_version() -> None:
        versions.append(database.read(queries.programme_version))

    event = add_event(database, draft=True)
    note_version()
    database.write(publish_event, event.slug)
    note_version()
    edit(database, event, title="Robot Derby")
    note_version()
    database.write(cancel_event, event.slug)
    note_version()
    assert versions == sorted(set(versions))


def test_invalid_details_are_refused(database: OpenDatabase) -> None:
    invalid_details: Details = replace(details(database.clock.now + DAY), ends_at=database.clock.now)
    with pytest.raises(Invalid):
        database.write(create_event, invalid_details)
