"""Importing a file of events on SQLite and PostgreSQL: either all events or none."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from festgate.kit.clock import DAY, HOUR
from festgate.kit.money import Money
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.calendars import write_calendar
from festgate.portal.catalogue.details import TIMES, Details, details_of
from festgate.portal.catalogue.events import cancel_event, create_event
from festgate.portal.catalogue.files.calendars import read_calendar
from festgate.portal.catalogue.files.rows import LineError, Row, Sheet
from festgate.portal.catalogue.files.separated import read_sheet
from festgate.portal.catalogue.imports import (
    NothingImported,
    OnlyTried,
    Options,
    Report,
    import_sheet,
    without_errors,
)
from festgate.portal.catalogue.seats import take_seats
from festgate.portal.catalogue.sheets import write_sheet
from tests.portal.catalogue.files.calendar_files import calendar_of, event_of
from tests.portal.catalogue.programme import CONVENTIONS, KOLKATA, add_event, any_details
from tests.rig.database import OpenDatabase

OPTIONS = Options(KOLKATA, "INR")
ROW = {
    "title": "Robo Race",
    "place": "Yard",
    "starts_at": "2199-03-14T10:00",
    "ends_at": "2199-03-14T12:00",
    "fee": "450",
    "capacity": "50",
}


def import_rows(
    database: OpenDatabase, *rows: dict[str, str], options: Options = OPTIONS, **sheet: object
) -> Report:
    numbered = [Row(line, fields) for line, fields in enumerate(rows, start=2)]
    return database.write(import_sheet, Sheet(numbered, **sheet), options)  # type: ignore[arg-type]


def errors_of(database: OpenDatabase, *rows: dict[str, str], **options: object) -> list[tuple[int, str]]:
    with pytest.raises(NothingImported) as caught:
        import_rows(database, *rows, **options)  # type: ignore[arg-type]
    return [(error.line, error.sentence) for error in caught.value.errors]


def test_each_row_becomes_a_draft(database: OpenDatabase) -> None:
    report = import_rows(database, ROW, {"title": "Idea", "fee": "0"})
    assert report == Report(created=2)
    events = database.read(queries.all_events)
    assert [(event.slug, event.state) for event in events] == [("idea", "draft"), ("robo-race", "draft")]


def test_the_rows_can_be_published_at_once(database: OpenDatabase) -> None:
    options = replace(OPTIONS, publish=True)
    assert import_rows(database, ROW, options=options) == Report(created=1, published=1)
    assert database.read(queries.event_by_slug, "robo-race").fee == Money(45_000, "INR")


def test_one_bad_row_prevents_the_import_and_every_bad_row_is_named(database: OpenDatabase) -> None:
    errors = errors_of(
        database,
        ROW,
        ROW | {"title": "", "fee": "much"},
        ROW | {"ends_at": "2199-03-14T09:00"},
        {"title": "Fine", "fee": "0"},
    )
    assert errors == [
        (3, "title: This field is required."),
        (3, "fee: 'much' is not an amount; write it like 250 or 250.50."),
        (4, "ends_at: The end must be after the start."),
    ]
    assert database.read(queries.count_events) == 0
    assert errors_of(database, ROW, errors=[LineError(9, "Too few cells.")]) == [(9, "Too few cells.")]
    assert database.read(queries.count_events) == 0


def test_an_incomplete_event_cannot_be_imported_as_published(database: OpenDatabase) -> None:
    errors = errors_of(database, ROW | {"place": ""}, options=replace(OPTIONS, publish=True))
    assert errors == [(2, "place: Enter a place before you publish the event.")]


def test_a_dry_run_reports_the_result_and_stores_nothing(database: OpenDatabase) -> None:
    add_event(database, "there")
    with pytest.raises(OnlyTried) as caught:
        import_rows(database, ROW, ROW | {"slug": "there"}, options=replace(OPTIONS, keep=False))
    assert caught.value.report == Report(created=1, changed=1)
    assert database.read(queries.count_events) == 1
    assert database.read(queries.event_by_slug, "there").place == "Workshop"


def test_an_existing_slug_is_changed_and_a_new_one_created(database: OpenDatabase) -> None:
    event = add_event(database, "there", fee=Money(0, "INR"))
    assert import_rows(database, {"slug": "there", "place": "Yard"}, ROW | {"slug": "mine"}) == Report(1, 1)
    changed = database.read(queries.event_by_id, event.id)
    assert details_of(changed) == replace(details_of(event), place="Yard")
    assert database.read(queries.any_event_by_slug, "mine").title == "Robo Race"


@pytest.mark.parametrize(
    "row, sentence",
    [
        ({"slug": "No Slug"}, "slug: 'No Slug' cannot be part of an address"),
        ({"slug": "new"}, "slug: 'new' is an address that the portal needs itself."),
        ({"slug": "off", "place": "Yard"}, "A cancelled event cannot be changed."),
        ({"slug": "full", "capacity": "1"}, "2 seats are taken already"),
        ({"slug": "full", "place": ""}, "place: Enter a place"),
        ({"title": "Robo Race", "place": "Workshop", "starts_at": ""}, "fee: This field is required"),
    ],
)
def test_a_row_with_an_invalid_change_is_refused(
    database: OpenDatabase, row: dict[str, str], sentence: str
) -> None:
    database.write(cancel_event, add_event(database, "off").slug)
    full = add_event(database, "full", capacity=2)
    for _ in range(2):
        database.write(take_seats, full.id, 1, {})
    ((line, message),) = errors_of(database, row)
    assert line == 2
    assert sentence in message
    assert database.read(queries.event_by_id, full.id).capacity == 2


def test_a_new_event_that_is_over_is_imported_only_on_request(database: OpenDatabase) -> None:
    past = ROW | {"starts_at": "2021-03-22T10:00", "ends_at": "2021-03-22T12:00"}
    assert errors_of(database, past, ROW | {"title": "Fine"}) == [
        (2, "ends_at: The event is over. Correct the date, or import it with --allow-past.")
    ]
    assert database.read(queries.count_events) == 0
    options = replace(OPTIONS, allow_past=True)
    assert import_rows(database, past, options=options) == Report(created=1)
    # An event that exists may be over: an exported programme can be imported at any time.
    assert import_rows(database, past | {"slug": "robo-race"}) == Report(unchanged=1)


def test_the_rest_of_a_file_can_be_imported_without_the_rows_with_errors(database: OpenDatabase) -> None:
    rows = (
        ROW | {"slug": "a"},
        ROW | {"slug": "a"},
        ROW | {"title": "", "slug": "b"},
        ROW | {"title": "Last"},
    )
    sheet = Sheet([Row(line, fields) for line, fields in enumerate(rows, start=2)], [LineError(9, "Odd.")])
    with pytest.raises(NothingImported) as caught:
        database.write(import_sheet, sheet, OPTIONS)
    assert [error.line for error in caught.value.errors] == [3, 4, 9]
    assert database.read(queries.count_events) == 0
    rest = without_errors(sheet, caught.value)
    assert database.write(import_sheet, rest, OPTIONS) == Report(created=2)
    assert [event.slug for event in database.read(queries.all_events)] == ["a", "last"]


def test_a_repeating_event_of_a_calendar_is_published_as_several_events(database: OpenDatabase) -> None:
    data = calendar_of(*event_of("RRULE:FREQ=WEEKLY;COUNT=3"), *event_of("SUMMARY:Dinner"))
    options = replace(OPTIONS, publish=True, defaults={"fee": "0", "capacity": "60"})
    report = database.write(import_sheet, read_calendar(data, CONVENTIONS), options)
    assert report == Report(created=4, published=4)
    assert sorted(event.slug for event in database.read(queries.all_events)) == [
        "dinner",
        "training",
        "training-2",
        "training-3",
    ]


def test_a_repeated_slug_is_refused(database: OpenDatabase) -> None:
    row = ROW | {"slug": "robo"}
    assert errors_of(database, row, row) == [(3, "slug: 'robo' is in line 2 already.")]


def test_importing_a_file_twice_does_not_duplicate_events(database: OpenDatabase) -> None:
    import_rows(database, ROW)
    assert errors_of(database, ROW) == [
        (2, "title: This event exists already. Give its slug, robo-race, to change it.")
    ]
    assert (
        import_rows(database, ROW | {"place": "Hall"}, ROW | {"starts_at": "2199-03-14T11:00"}).created == 2
    )


def test_a_field_missing_from_the_file_is_required_as_an_option(
    database: OpenDatabase,
) -> None:
    row = {name: value for name, value in ROW.items() if name != "capacity"}
    hints = {"capacity": "Give --capacity."}
    assert errors_of(database, row, needed=hints) == [(2, "capacity: Give --capacity.")]
    options = replace(OPTIONS, defaults={"capacity": "40"})
    import_rows(database, row, ROW | {"title": "Own"}, options=options, needed=hints)
    capacities = {event.title: event.capacity for event in database.read(queries.all_events)}
    assert capacities == {"Robo Race": 40, "Own": 50}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(generated=st.lists(any_details(), max_size=4))
def test_an_exported_event_can_be_imported_without_a_change(
    database: OpenDatabase, generated: list[Details]
) -> None:
    created = [database.write(create_event, details) for details in generated]
    events_with_times = [event for event in created if event.starts_at and event.ends_at]
    for sheet, events in (
        (read_sheet(write_sheet(created, KOLKATA).encode(), CONVENTIONS), created),
        (
            read_calendar(
                write_calendar(events_with_times, "http://localhost", KOLKATA).encode(), CONVENTIONS
            ),
            events_with_times,
        ),
    ):
        report = database.write(import_sheet, sheet, OPTIONS)
        assert report == Report(unchanged=len(events))
    assert [database.read(queries.event_by_id, event.id) for event in created] == created


def test_exported_events_can_be_imported_as_new_equal_events(database: OpenDatabase) -> None:
    add_event(database, title="=SUM(A1)", description="- one\n- two")
    add_event(
        database,
        title="Late",
        sales_open_at=database.clock.now + HOUR,
        starts_at=database.clock.now + 2 * DAY,
    )
    add_event(database, title="Idea", draft=True, starts_at=0, capacity=0)
    before = database.read(queries.all_events)
    text = write_sheet(before, KOLKATA)
    renamed = (
        text.replace(",sum-a1,\r", ",other-1,\r")
        .replace(",late,\r", ",other-2,\r")
        .replace(",idea,\r", ",other-3,\r")
    )
    assert database.write(import_sheet, read_sheet(renamed.encode(), CONVENTIONS), OPTIONS).created == 3
    after = [event for event in database.read(queries.all_events) if event.slug.startswith("other")]
    # Times are stored in whole seconds.
    in_whole_seconds = [
        replace(details, **{name: getattr(details, name) // 1000 * 1000 for name in TIMES})
        for details in map(details_of, before)
    ]
    assert [details_of(event) for event in after] == in_whole_seconds
