"""Rooms and the events in them, on SQLite and on PostgreSQL."""

from dataclasses import replace
from functools import partial

import icalendar
import pytest
from sqlalchemy import select, update

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Invalid, NotFound
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.calendars import calendar, write_calendar
from festgate.portal.catalogue.checks import check_rooms
from festgate.portal.catalogue.details import Details, details_of, search_text
from festgate.portal.catalogue.errors import EventWasCancelled
from festgate.portal.catalogue.events import cancel_event, edit_event
from festgate.portal.catalogue.files.calendars import read_calendar
from festgate.portal.catalogue.files.rows import Row, Sheet
from festgate.portal.catalogue.files.separated import read_sheet
from festgate.portal.catalogue.imports import NothingImported, Options, Report, import_sheet
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.room_changes import add_room, count_in_rooms, drop_room, edit_room
from festgate.portal.catalogue.rooms import (
    Room,
    RoomDetails,
    all_rooms,
    read_room,
    room_by_id,
    room_named,
    with_room,
    written_room,
)
from festgate.portal.catalogue.sheets import write_sheet
from festgate.portal.catalogue.tables import events
from tests.portal.catalogue.programme import CONVENTIONS, KOLKATA, add_event
from tests.rig.database import OpenDatabase

HALL = RoomDetails("Main Hall", 200, "1 College Road", "https://maps.example/hall")
NOON = 7_232_932_800_000
"""A time of the year 2199."""
OPTIONS = Options(KOLKATA, "INR")
ROW = {
    "title": "Quiz",
    "starts_at": "2199-03-14T10:00",
    "ends_at": "2199-03-14T12:00",
    "fee": "0",
    "capacity": "50",
}


def read_again(database: OpenDatabase, event: Event) -> Event:
    return database.read(queries.event_by_id, event.id)


def location(text: str) -> str:
    (component,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    return str(component["LOCATION"])


def import_rows(database: OpenDatabase, *rows: dict[str, str]) -> Report:
    return database.write(import_sheet, Sheet([Row(line, row) for line, row in enumerate(rows, 2)]), OPTIONS)


@pytest.fixture
def hall(database: OpenDatabase) -> Room:
    return database.write(add_room, HALL)


def test_an_event_whose_place_is_the_name_of_a_room_is_in_it(database: OpenDatabase, hall: Room) -> None:
    event = add_event(database, place="main  hall")
    assert (event.room, event.place) == (hall, "Main Hall")
    assert database.read(count_in_rooms) == {hall.id: 1}
    moved = database.write(edit_event, event.slug, replace(details_of(event), place="Yard"))
    assert (moved.room, moved.place) == (None, "Yard")
    back = database.write(edit_event, event.slug, replace(details_of(event), place="MAIN HALL"))
    assert (back.room, back.place) == (hall, "Main Hall")


def test_a_new_room_is_linked_with_the_events_whose_place_is_its_name(database: OpenDatabase) -> None:
    inside, outside = add_event(database, place="Main Hall"), add_event(database, place="Yard")
    hall = database.write(add_room, HALL)
    linked = read_again(database, inside)
    assert linked.room == hall
    assert linked.version > inside.version
    assert linked.sequence == inside.sequence + 1
    assert read_again(database, outside) == outside


def test_a_new_name_of_a_room_becomes_the_place_of_its_events(database: OpenDatabase, hall: Room) -> None:
    event = add_event(database, place="Main Hall")
    renamed = database.write(edit_room, hall.id, replace(HALL, name="Great Hall"))
    after = read_again(database, event)
    assert (after.place, after.room) == ("Great Hall", renamed)
    assert after.sequence == event.sequence + 1
    assert after.version > event.version

    assert database.read(Connection.value, Statement(select(events.c.search))) == search_text(after)
    assert database.read(check_rooms) == []


def test_a_new_address_of_a_room_gives_its_events_a_newer_entry_for_calendars(
    database: OpenDatabase, hall: Room
) -> None:
    event = add_event(database, place="Main Hall")
    database.write(edit_room, hall.id, replace(HALL, address="2 College Road"))
    after = read_again(database, event)
    assert (after.place, after.sequence) == (event.place, event.sequence + 1)
    assert location(calendar(after, "http://fest.test")) == "Main Hall, 2 College Road"


def test_a_room_that_is_saved_without_a_change_leaves_its_events_as_they_are(
    database: OpenDatabase, hall: Room
) -> None:
    event = add_event(database, place="Main Hall")
    database.write(edit_room, hall.id, HALL)
    database.write(edit_room, hall.id, replace(HALL, capacity=10))
    assert read_again(database, event).version == event.version


def test_two_rooms_cannot_have_one_name(database: OpenDatabase, hall: Room) -> None:
    with pytest.raises(Invalid):
        database.write(add_room, RoomDetails("MAIN HALL"))
    lab = database.write(add_room, RoomDetails("Lab"))
    with pytest.raises(Invalid):
        database.write(edit_room, lab.id, RoomDetails("main hall"))
    assert database.read(all_rooms) == [lab, hall]


def test_only_a_room_that_no_event_uses_can_be_deleted(database: OpenDatabase, hall: Room) -> None:
    event = add_event(database, place="Main Hall")
    with pytest.raises(Invalid):
        database.write(drop_room, hall.id)
    database.write(cancel_event, event.slug)
    database.write(drop_room, hall.id)
    after = read_again(database, event)
    assert (after.state, after.place, after.room) == ("cancelled", "Main Hall", None)
    with pytest.raises(NotFound):
        database.read(room_by_id, hall.id)


def test_a_cancelled_event_keeps_the_place_that_it_had(database: OpenDatabase, hall: Room) -> None:
    event = add_event(database, place="Main Hall")
    database.write(cancel_event, event.slug)
    database.write(edit_room, hall.id, replace(HALL, name="Great Hall"))
    assert read_again(database, event).place == "Main Hall"
    assert database.read(check_rooms) == []
    with pytest.raises(EventWasCancelled):
        database.write(edit_event, event.slug, replace(details_of(event), place="Yard"))


def test_a_room_that_is_renamed_while_events_move_into_it_keeps_its_name_as_their_place(
    database: OpenDatabase, hall: Room
) -> None:
    moving = [add_event(database, place="Yard") for _ in range(4)]

    def move(connection: Connection, event: Event) -> Event:
        return edit_event(connection, event.slug, replace(details_of(event), place="Main Hall"))

    results = database.write_together(
        *(partial(move, event=event) for event in moving[:2]),
        partial(edit_room, room_id=hall.id, details=replace(HALL, name="Great Hall")),
        *(partial(move, event=event) for event in moving[2:]),
    )
    assert [result for result in results if isinstance(result, Exception)] == []
    assert database.read(check_rooms) == []
    places = {read_again(database, event).place for event in moving}
    assert places <= {"Main Hall", "Great Hall"}


def test_the_check_names_an_event_whose_place_is_not_its_room(database: OpenDatabase, hall: Room) -> None:
    event = add_event(database, place="Main Hall")

    database.write(Connection.run, Statement(update(events).values(place="Yard")))
    (finding,) = database.read(check_rooms)
    assert (finding.where, "Yard" in finding.what, hall.name in finding.what) == (
        f"event {event.slug}",
        True,
        True,
    )


def test_a_calendar_entry_has_the_address_of_the_room(database: OpenDatabase, hall: Room) -> None:
    assert hall.where == "Main Hall, 1 College Road"
    event = add_event(database, starts_at=NOON, place="Main Hall")
    assert location(calendar(event, "http://fest.test")) == hall.where
    assert location(calendar(replace(event, room=None), "http://fest.test")) == "Main Hall"


def test_exported_events_are_imported_again_without_a_change(database: OpenDatabase, hall: Room) -> None:
    inside = add_event(database, starts_at=NOON, place="Main Hall")
    outside = add_event(database, starts_at=NOON, place="Yard", title="Quiz")
    text = write_sheet([inside, outside], KOLKATA)
    sheet = read_sheet(text.encode(), CONVENTIONS)
    assert [row.fields["room"] for row in sheet.rows] == [hall.name, ""]
    assert database.write(import_sheet, sheet, OPTIONS) == Report(unchanged=2)
    dates = read_calendar(write_calendar([inside], "http://fest.test", KOLKATA).encode(), CONVENTIONS)
    assert database.write(import_sheet, dates, OPTIONS) == Report(unchanged=1)


@pytest.mark.parametrize(
    "fields", [{"place": "MAIN HALL"}, {"room": "main hall"}, {"room": "Main Hall", "place": "Yard"}]
)
def test_an_imported_event_is_in_the_room_that_its_row_names(
    database: OpenDatabase, hall: Room, fields: dict[str, str]
) -> None:
    import_rows(database, ROW | fields)
    event = database.read(queries.any_event_by_slug, "quiz")
    assert (event.room, event.place) == (hall, "Main Hall")


def test_a_place_that_was_changed_in_an_exported_file_moves_the_event_out_of_its_room(
    database: OpenDatabase, hall: Room
) -> None:
    import_rows(database, ROW | {"room": hall.name})
    import_rows(database, ROW | {"slug": "quiz", "room": hall.name, "place": "Yard"})
    event = database.read(queries.any_event_by_slug, "quiz")
    assert (event.room, event.place) == (None, "Yard")


def test_a_row_with_an_unknown_room_is_an_error_that_names_it(database: OpenDatabase) -> None:
    with pytest.raises(NothingImported) as caught:
        import_rows(database, ROW | {"room": "Attic"})
    (error,) = caught.value.errors
    assert (error.line, error.sentence) == (
        2,
        "room: There is no room 'Attic'. Add it under Organise, Rooms, or leave the room empty.",
    )


@pytest.mark.parametrize(
    "field, text",
    [
        ("name", ""),
        ("name", "x" * 121),
        ("capacity", "many"),
        ("map_url", "http://maps.example/hall"),
        ("map_url", "javascript:alert(1)"),
        ("map_url", "https://"),
        ("map_url", "https://fest@maps.example/"),
        ("map_url", "https://maps.example/a b"),
    ],
)
def test_a_room_with_a_wrong_field_is_refused(field: str, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_room(written_room(HALL) | {field: text})
    assert list(caught.value.fields) == [field]


def test_a_written_room_is_read_unchanged() -> None:
    assert read_room(written_room(HALL)) == HALL
    assert read_room({"name": " Lab "}) == RoomDetails("Lab")


def test_an_event_without_a_room_has_the_same_details_as_before(database: OpenDatabase) -> None:
    event = add_event(database, starts_at=NOON, place="Yard")
    assert event.room is None
    assert isinstance(event, Details)


@pytest.mark.parametrize("name", ["a" + "\u0301" * 60, "x" * 100_000], ids=["many marks", "very long"])
def test_a_text_that_cannot_be_the_name_of_a_room_names_none(database: OpenDatabase, name: str) -> None:
    assert database.read(room_named, name) is None
    with pytest.raises(Invalid, match="There is no room"):
        database.read(with_room, {"room": name})
