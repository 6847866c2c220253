"""Events of a calendar that is imported again: recognised by UID, updated by newer versions, never changed silently."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from festgate.kit.clock import HOUR, milliseconds, moment
from festgate.kit.db.statements import Connection
from festgate.kit.messaging import outbox
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.calendars import write_calendar
from festgate.portal.catalogue.details import details_of
from festgate.portal.catalogue.events import cancel_event, edit_event
from festgate.portal.catalogue.files.calendars import read_calendar
from festgate.portal.catalogue.imports import (
    AnswersNeeded,
    NothingImported,
    OnlyTried,
    Options,
    Report,
    import_sheet,
)
from festgate.portal.catalogue.origins import known_with_uid
from festgate.portal.catalogue.proposals import Answers, Change, Proposal
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.seats import take_seats
from tests.portal.catalogue.files.calendar_files import calendar_of, event_of
from tests.portal.catalogue.files.trouble_files import read_trouble
from tests.portal.catalogue.programme import BEFORE, CONVENTIONS, KOLKATA, add_event
from tests.rig.database import OpenDatabase
from tests.rig.interrupted import InterruptedDriver

OPTIONS = Options(KOLKATA, "INR", publish=True, defaults={"fee": "0", "capacity": "60"})
UPDATE = Answers(update=True)
CANCEL = Answers(cancel=True)
MOVED_BY_A_WEEK = (
    Change("starts_at", "2031-06-20T23:30", "2031-06-27T23:30"),
    Change("ends_at", "2031-06-21T01:30", "2031-06-28T01:30"),
)


@pytest.fixture
def fest(database: OpenDatabase) -> OpenDatabase:
    """Provide a database of each kind at a time before the events."""
    database.clock.now = BEFORE
    return database


def import_data(database: OpenDatabase, data: bytes, **options: object) -> Report:
    sheet = read_calendar(data, CONVENTIONS)
    return database.write(import_sheet, sheet, replace(OPTIONS, **options))  # type: ignore[arg-type]


def import_trouble(database: OpenDatabase, name: str, **options: object) -> Report:
    return import_data(database, read_trouble(f"{name}.ics"), **options)


def import_events(database: OpenDatabase, *lines: str, **options: object) -> Report:
    return import_data(database, calendar_of(*lines), **options)


def proposals_of(database: OpenDatabase, data: bytes) -> list[Proposal]:
    """Return the proposals that an import without answers stops at."""
    with pytest.raises(AnswersNeeded) as caught:
        import_data(database, data)
    return caught.value.proposals


def counts_of(report: Report) -> tuple[int, int, int, int]:
    return (report.created, report.changed, report.unchanged, report.cancelled)


def sentences_of(report: Report) -> list[tuple[int, str]]:
    return [(notice.line, notice.sentence) for notice in report.notices]


def event(database: OpenDatabase, slug: str = "summer-concert") -> Event:
    return database.read(queries.any_event_by_slug, slug)


def starts(database: OpenDatabase) -> dict[str, str]:
    """Return the start in UTC of each event that is not cancelled."""
    every = database.read(queries.all_events)
    return {
        event.slug: f"{moment(event.starts_at):%m-%d %H:%M}" for event in every if event.state != "cancelled"
    }


def sell(database: OpenDatabase, slug: str = "summer-concert", seats: int = 2) -> None:
    for _ in range(seats):
        database.write(take_seats, event(database, slug).id, 1, {})


def change(database: OpenDatabase, slug: str = "summer-concert", **values: object) -> None:
    """Edit an event as an organiser does."""
    details = replace(details_of(event(database, slug)), **values)  # type: ignore[arg-type]
    database.write(edit_event, slug, details)


def test_a_newer_version_moves_the_event_and_the_same_one_changes_nothing(fest: OpenDatabase) -> None:
    assert counts_of(import_trouble(fest, "a13_first")) == (1, 0, 0, 0)
    before = event(fest)
    assert import_trouble(fest, "a13_first") == Report(unchanged=1)
    assert event(fest) == before
    report = import_trouble(fest, "a13_moved")
    assert counts_of(report) == (0, 1, 0, 0)
    assert [proposal.changes for proposal in report.proposals] == [MOVED_BY_A_WEEK]
    assert starts(fest) == {"summer-concert": "06-27 18:00"}
    assert [(kind, content["event_id"]) for kind, content in fest.read(outbox.waiting)] == [
        ("catalogue.EventChanged", before.id)
    ]
    assert import_trouble(fest, "a13_moved") == Report(unchanged=1)


def test_a_newer_version_of_an_event_with_seats_taken_needs_an_answer(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_first")
    sell(fest)
    (proposal,) = proposals_of(fest, read_trouble("a13_moved.ics"))
    assert proposal == Proposal("update", "summer-concert", MOVED_BY_A_WEEK)
    assert (proposal.title, proposal.line, proposal.taken) == ("Summer concert", 4, 2)
    assert starts(fest) == {"summer-concert": "06-20 18:00"}
    assert fest.read(outbox.waiting) == []
    kept = import_trouble(fest, "a13_moved", answers=Answers(update=False))
    assert counts_of(kept) == (0, 0, 1, 0)
    assert sentences_of(kept) == [(4, "“Summer concert” (summer-concert) was not updated.")]
    assert starts(fest) == {"summer-concert": "06-20 18:00"}
    agreed = Answers(single={proposal: True})
    assert counts_of(import_trouble(fest, "a13_moved", answers=agreed)) == (0, 1, 0, 0)
    assert starts(fest) == {"summer-concert": "06-27 18:00"}
    assert [kind for kind, _ in fest.read(outbox.waiting)] == ["catalogue.EventChanged"]


def test_an_answer_holds_only_for_the_changes_that_were_shown(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_first")
    sell(fest)
    (shown,) = proposals_of(fest, read_trouble("a13_moved.ics"))
    change(fest, starts_at=event(fest).starts_at + HOUR)
    with pytest.raises(AnswersNeeded) as caught:
        import_trouble(fest, "a13_moved", answers=Answers(single={shown: True}))
    assert caught.value.proposals[0].changes[0].before == "2031-06-21T00:30"


def test_a_file_with_an_old_and_a_new_event_creates_only_the_new_one(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_first")
    assert counts_of(import_trouble(fest, "h_old_and_new")) == (1, 0, 1, 0)
    assert starts(fest) == {"autumn-concert": "09-20 18:00", "summer-concert": "06-20 18:00"}


def test_an_event_that_the_calendar_cancels_is_cancelled_only_with_consent(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_first")
    sell(fest)
    (proposal,) = proposals_of(fest, read_trouble("a15_cancelled.ics"))
    assert (proposal.kind, proposal.slug, proposal.title, proposal.taken) == (
        "cancel",
        "summer-concert",
        "Summer concert",
        2,
    )
    assert event(fest).state == "published"
    kept = import_trouble(fest, "a15_cancelled", answers=Answers(cancel=False))
    assert sentences_of(kept) == [(4, "“Summer concert” (summer-concert) was not cancelled.")]
    assert event(fest).state == "published"
    with pytest.raises(AnswersNeeded):
        import_trouble(fest, "a15_cancelled", answers=UPDATE)
    assert counts_of(import_trouble(fest, "a15_cancelled", answers=CANCEL)) == (0, 0, 0, 1)
    assert event(fest).state == "cancelled"
    assert fest.read(outbox.waiting) == [("catalogue.EventCancelled", {"event_id": event(fest).id})]
    assert import_trouble(fest, "a15_cancelled") == Report(unchanged=1)
    # The version before the cancellation neither brings the event back nor creates another one.
    assert counts_of(import_trouble(fest, "a13_first")) == (0, 0, 1, 0)
    assert starts(fest) == {}


def test_a_cancelled_event_that_was_never_imported_is_left_out_with_a_notice(fest: OpenDatabase) -> None:
    report = import_trouble(fest, "a15_cancelled")
    assert sentences_of(report) == [
        (4, "the calendar has cancelled this event, which was never imported: left out.")
    ]
    assert counts_of(report) == (0, 0, 0, 0)


def test_an_older_version_changes_nothing_and_is_reported(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_moved")
    for report in (
        import_trouble(fest, "a13_first"),
        import_events(fest, *event_of("UID:a13@hunt.example", "STATUS:CANCELLED", "SEQUENCE:0")),
    ):
        assert counts_of(report) == (0, 0, 1, 0)
        ((_, sentence),) = sentences_of(report)
        assert sentence.startswith("this is an older version of the event")
    assert starts(fest) == {"summer-concert": "06-27 18:00"}


def test_edits_of_organisers_stay_where_the_calendar_has_changed_nothing(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_first")
    change(fest, title="Summer concert at the lake", description="Bring a blanket.", capacity=80)
    before = event(fest)
    assert import_trouble(fest, "a13_first") == Report(unchanged=1)
    assert event(fest) == before
    import_trouble(fest, "a13_moved")
    assert starts(fest) == {"summer-concert": "06-27 18:00"}
    after = event(fest)
    assert (after.title, after.description, after.capacity) == (
        "Summer concert at the lake",
        "Bring a blanket.",
        80,
    )


def test_a_later_time_of_change_makes_a_version_newer_and_the_same_one_needs_an_answer(
    fest: OpenDatabase,
) -> None:
    def lines(place: str, *more: str) -> list[str]:
        return event_of("UID:a", f"LOCATION:{place}", *more)

    import_events(fest, *lines("Hall", "LAST-MODIFIED:20301101T120000Z", "DTSTAMP:20301102T120000Z"))
    newer = lines("Yard", "LAST-MODIFIED:20301101T120001Z", "DTSTAMP:20301102T110000Z")
    assert counts_of(import_events(fest, *newer)) == (0, 1, 0, 0)
    # A later export of the same content is no change, and an earlier version is none either.
    again = lines("Yard", "LAST-MODIFIED:20301101T120001Z", "DTSTAMP:20301202T110000Z")
    assert import_events(fest, *again) == Report(unchanged=1)
    older = lines("Hall", "LAST-MODIFIED:20301101T120000Z")
    assert counts_of(import_events(fest, *older)) == (0, 0, 1, 0)
    unclear = calendar_of(*lines("Aula", "LAST-MODIFIED:20301101T120001Z"))
    (proposal,) = proposals_of(fest, unclear)
    assert (proposal.is_sure, proposal.taken, proposal.changes) == (
        False,
        0,
        (Change("place", "Yard", "Aula"),),
    )
    assert counts_of(import_data(fest, unclear, answers=UPDATE)) == (0, 1, 0, 0)
    assert event(fest, "training").place == "Aula"


def test_another_spelling_of_the_same_times_and_texts_is_no_change(fest: OpenDatabase) -> None:
    import_events(fest, *event_of("UID:a", "DESCRIPTION:Bring  a chair.\\n"))
    same = event_of(
        "UID:a",
        "SEQUENCE:4",
        "DESCRIPTION:Bring a chair.",
        start="DTSTART;TZID=Europe/Berlin:20310514T100000",
        end="DURATION:PT2H",
    )
    assert import_events(fest, *same) == Report(unchanged=1)
    # The higher number is remembered.
    assert counts_of(import_events(fest, *event_of("UID:a", "SEQUENCE:3", "LOCATION:Yard"))) == (
        0,
        0,
        1,
        0,
    )


def test_the_latest_version_in_a_file_wins_wherever_it_stands(fest: OpenDatabase) -> None:
    lines = [
        *event_of("UID:a", "SEQUENCE:1", "LOCATION:Yard"),
        *event_of("UID:a", "SEQUENCE:2", "LOCATION:Aula"),
        "END:VCALENDAR",
        "BEGIN:VCALENDAR",
        *event_of("UID:a", "LOCATION:Hall"),
    ]
    assert counts_of(import_events(fest, *lines)) == (1, 0, 0, 0)
    assert event(fest, "training").place == "Aula"
    cancelled = event_of("UID:a", "SEQUENCE:3", "STATUS:CANCELLED")
    report = import_events(fest, *cancelled, *lines, answers=CANCEL)
    assert counts_of(report) == (0, 0, 0, 1)


def test_a_cancelled_event_does_not_change_any_more(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_first")
    fest.write(cancel_event, "summer-concert")
    before = event(fest)
    assert import_trouble(fest, "a13_first") == Report(unchanged=1)
    report = import_trouble(fest, "a13_moved")
    assert counts_of(report) == (0, 0, 1, 0)
    assert sentences_of(report) == [
        (4, "the calendar has changed this event, but it is cancelled here, which cannot be undone.")
    ]
    assert event(fest) == before


def test_a_deleted_draft_is_imported_again(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_first", publish=False)
    fest.write(cancel_event, "summer-concert")
    assert fest.read(known_with_uid, "a13@hunt.example") == []
    assert counts_of(import_trouble(fest, "a13_first")) == (1, 0, 0, 0)


def test_an_event_that_exists_already_is_linked_with_the_calendar_and_not_changed(
    fest: OpenDatabase,
) -> None:
    starts_at = milliseconds(datetime(2031, 6, 20, 18, tzinfo=UTC))
    add_event(fest, "concert", title="Summer concert", place="Park", starts_at=starts_at)
    before = event(fest, "concert")
    report = import_trouble(fest, "a13_first", defaults={})
    assert counts_of(report) == (0, 0, 1, 0)
    assert sentences_of(report) == [
        (4, "this is the event concert, which exists already: it was linked and not changed.")
    ]
    assert event(fest, "concert") == before
    import_trouble(fest, "a13_moved")
    assert starts(fest) == {"concert": "06-27 18:00"}
    copy = read_trouble("a13_moved.ics").replace(b"a13@", b"copy@")
    with pytest.raises(NothingImported) as caught:
        import_data(fest, copy)
    assert "Give its slug, concert, to change it." in caught.value.errors[0].sentence


def test_events_that_make_room_for_others_are_changed_first(fest: OpenDatabase) -> None:
    import_events(fest, *event_of("UID:a"))
    moved = event_of("UID:a", "SEQUENCE:1", start="DTSTART:20310514T090000Z")
    assert counts_of(import_events(fest, *event_of("UID:b"), *moved)) == (1, 1, 0, 0)
    assert starts(fest) == {"training": "05-14 09:00", "training-2": "05-14 08:00"}
    gone = event_of("UID:a", "SEQUENCE:2", "STATUS:CANCELLED")
    again = event_of("UID:c", start="DTSTART:20310514T090000Z")
    assert counts_of(import_events(fest, *again, *gone, answers=CANCEL)) == (1, 0, 0, 1)


def test_a_new_version_that_is_wrong_or_over_is_an_error_and_changes_nothing(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_first")
    sell(fest)
    for line, start, sentence in (
        ("SUMMARY:", "DTSTART:20310620T180000Z", "title: This field is required."),
        ("SUMMARY:Old", "DTSTART:20210620T180000Z", "ends_at: The event is over."),
    ):
        lines = event_of("UID:a13@hunt.example", "SEQUENCE:7", line, start=start, end="DURATION:PT1H")
        with pytest.raises(NothingImported) as caught:
            import_events(fest, *lines)
        assert caught.value.errors[0].sentence.startswith(sentence)
    assert starts(fest) == {"summer-concert": "06-20 18:00"}


def test_a_dry_run_reports_what_would_be_asked(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_first")
    sell(fest)
    with pytest.raises(OnlyTried) as caught:
        import_trouble(fest, "a13_moved", keep=False)
    report = caught.value.report
    assert counts_of(report) == (0, 1, 0, 0)
    assert [proposal.slug for proposal in report.unanswered] == ["summer-concert"]
    assert starts(fest) == {"summer-concert": "06-20 18:00"}


def test_an_exported_calendar_names_its_events_by_slug_and_not_by_uid(fest: OpenDatabase) -> None:
    import_trouble(fest, "a13_first")
    text = write_calendar([event(fest)], "https://fest.example", KOLKATA)
    assert import_data(fest, text.encode()) == Report(unchanged=1)
    assert [known.sequence for known in fest.read(known_with_uid, "a13@hunt.example")] == [0]
    cancelled = text.replace("STATUS:CONFIRMED", "STATUS:CANCELLED")
    assert [proposal.kind for proposal in proposals_of(fest, cancelled.encode())] == ["cancel"]


WEEKLY = ("UID:class", "RRULE:FREQ=WEEKLY;COUNT=3")


def test_each_date_of_a_series_is_an_event_that_can_be_moved_and_cancelled(fest: OpenDatabase) -> None:
    import_events(fest, *event_of(*WEEKLY))
    moved = event_of(
        "UID:class",
        "RECURRENCE-ID:20310521T080000Z",
        "SEQUENCE:1",
        start="DTSTART:20310522T090000Z",
        end="DTEND:20310522T100000Z",
    )
    assert counts_of(import_events(fest, *event_of(*WEEKLY), *moved)) == (0, 1, 2, 0)
    dates = {"training": "05-14 08:00", "training-2": "05-22 09:00", "training-3": "05-28 08:00"}
    assert starts(fest) == dates
    # The change alone, as an invitation has it, is the same event.
    assert import_events(fest, *moved) == Report(unchanged=1)
    one = event_of("UID:class", "RECURRENCE-ID:20310521T080000Z", "SEQUENCE:2", "STATUS:CANCELLED")
    assert counts_of(import_events(fest, *one, answers=CANCEL)) == (0, 0, 0, 1)
    assert starts(fest).keys() == {"training", "training-3"}
    every = event_of(*WEEKLY, "SEQUENCE:3", "STATUS:CANCELLED")
    report = import_events(fest, *every, answers=CANCEL)
    assert counts_of(report) == (0, 0, 1, 2)
    assert starts(fest) == {}


def test_a_series_whose_time_changes_keeps_its_events_with_consent(fest: OpenDatabase) -> None:
    import_events(fest, *event_of(*WEEKLY))
    later = calendar_of(*event_of(*WEEKLY, "SEQUENCE:1", start="DTSTART:20310514T090000Z"))
    assert [proposal.is_sure for proposal in proposals_of(fest, later)] == [False] * 3
    assert counts_of(import_data(fest, later, answers=UPDATE)) == (0, 3, 0, 0)
    moved = {"training": "05-14 09:00", "training-2": "05-21 09:00", "training-3": "05-28 09:00"}
    assert starts(fest) == moved
    assert import_data(fest, later) == Report(unchanged=3)


def test_dates_that_a_series_has_lost_stay_and_are_named_beside_new_ones(fest: OpenDatabase) -> None:
    import_events(fest, *event_of(*WEEKLY))
    shifted = event_of(*WEEKLY, "SEQUENCE:1", start="DTSTART:20310521T080000Z", end="DTEND:20310521T100000Z")
    report = import_events(fest, *shifted)
    assert counts_of(report) == (1, 0, 2, 0)
    assert sentences_of(report) == [
        (
            3,
            "the event has new dates, and some are no longer in the file. They were left as they are: training.",
        )
    ]
    assert len(starts(fest)) == 4
    shorter = event_of("UID:class", "RRULE:FREQ=WEEKLY;COUNT=1", "SEQUENCE:2")
    assert import_events(fest, *shorter) == Report(unchanged=1)
    assert len(starts(fest)) == 4


def test_an_event_stays_the_same_when_it_begins_to_repeat_or_ends_to(fest: OpenDatabase) -> None:
    import_events(fest, *event_of("UID:class"))
    change(fest, "training", title="Yoga")
    assert counts_of(import_events(fest, *event_of(*WEEKLY, "SEQUENCE:1"))) == (2, 0, 1, 0)
    assert event(fest, "training").title == "Yoga"
    single = event_of("UID:class", "SEQUENCE:2", "LOCATION:Yard")
    assert counts_of(import_events(fest, *single)) == (0, 1, 0, 0)
    assert event(fest, "training").place == "Yard"
    assert len(starts(fest)) == 3


@pytest.mark.parametrize("moment_of", ["INSERT INTO catalogue_events", "INSERT INTO catalogue_origins"])
def test_two_imports_at_once_create_and_link_each_event_once(
    two_databases: tuple[OpenDatabase, OpenDatabase], moment_of: str
) -> None:
    database, other_database = two_databases
    database.clock.now = other_database.clock.now = BEFORE
    if "origins" in moment_of:
        starts_at = milliseconds(datetime(2031, 6, 20, 18, tzinfo=UTC))
        add_event(database, title="Summer concert", place="Park", starts_at=starts_at)
    sheet = read_calendar(read_trouble("a13_first.ics"), CONVENTIONS)
    others: list[Report] = []

    def import_meanwhile() -> None:
        others.append(other_database.write(import_sheet, sheet, OPTIONS))

    def operation(connection: Connection) -> Report:
        if others:
            return import_sheet(connection, sheet, OPTIONS)
        writer = database.real._engine.writer  # noqa: SLF001
        driver = InterruptedDriver(writer, moment_of, import_meanwhile)
        return import_sheet(Connection(driver, connection.now), sheet, OPTIONS)

    assert database.write(operation) == Report(unchanged=1)
    assert len(others) == 1
    assert starts(database) == {"summer-concert": "06-20 18:00"}
    assert len(database.read(known_with_uid, "a13@hunt.example")) == 1
