"""Steps on single events: open and close sales, withdraw, resize, move by days, and copy, on both databases."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from festgate.kit.clock import DAY, HOUR
from festgate.kit.errors import Invalid
from festgate.kit.messaging import outbox
from festgate.kit.money import Money
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.copies import copy_event, copy_title
from festgate.portal.catalogue.details import details_of
from festgate.portal.catalogue.errors import CapacityTaken, EventEdited, EventWasCancelled
from festgate.portal.catalogue.events import cancel_event, edit_event
from festgate.portal.catalogue.holder_rules import rules_of, set_holder_rules
from festgate.portal.catalogue.moves import MoveUnconfirmed
from festgate.portal.catalogue.offers import offer_of
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.question_changes import add_question
from festgate.portal.catalogue.questions import QuestionDetails, all_questions
from festgate.portal.catalogue.sales import (
    EventOver,
    NotPublished,
    WasRegisteredFor,
    close_sales,
    open_sales,
    resize_event,
    unpublish_event,
)
from festgate.portal.catalogue.shifts import move_event
from festgate.portal.catalogue.ticket_types import types_of
from festgate.portal.catalogue.type_changes import edit_ticket_type
from festgate.portal.registrations.holds import hold_seat
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

BERLIN = ZoneInfo("Europe/Berlin")


def no_seats(_connection: object, _event_id: int, _type_id: int) -> tuple[int, int]:
    return 0, 0


def state_of(database: OpenDatabase, event: Event) -> str:
    return offer_of(database.read(queries.event_by_id, event.id), {}, database.clock()).state


def test_sales_are_closed_and_opened_at_once(database: OpenDatabase) -> None:
    event = add_event(database)
    database.clock.move(HOUR)
    closed = database.write(close_sales, event.slug)
    assert closed.sales_close_at == database.clock()
    assert state_of(database, event) == "closed"
    assert database.write(close_sales, event.slug).version == closed.version
    database.clock.move(HOUR)
    opened = database.write(open_sales, event.slug, closed.version)
    assert opened.sales_close_at == event.starts_at
    assert state_of(database, event) in ("open", "few")
    assert database.write(open_sales, event.slug).version == opened.version


def test_sales_that_open_later_open_now(database: OpenDatabase) -> None:
    event = add_event(database)
    later = replace(details_of(event), sales_open_at=database.clock() + HOUR)
    database.write(edit_event, event.slug, later)
    assert state_of(database, event) == "soon"
    assert database.write(open_sales, event.slug).sales_open_at == database.clock()
    assert state_of(database, event) in ("open", "few")


def test_sales_that_open_later_do_not_open_any_more_once_closed(database: OpenDatabase) -> None:
    event = add_event(database)
    database.write(edit_event, event.slug, replace(details_of(event), sales_open_at=database.clock() + HOUR))
    database.write(close_sales, event.slug)
    database.clock.move(2 * HOUR)
    assert state_of(database, event) == "closed"


def test_an_event_that_has_begun_sells_until_its_end(database: OpenDatabase) -> None:
    event = add_event(database)
    database.clock.move(event.starts_at - database.clock() + 1000)
    assert database.write(open_sales, event.slug).sales_close_at == event.ends_at
    database.clock.move(event.ends_at - database.clock())
    with pytest.raises(EventOver):
        database.write(open_sales, event.slug)


def test_a_step_is_refused_for_another_version_or_state(database: OpenDatabase) -> None:
    event = add_event(database)
    for step in (open_sales, close_sales):
        with pytest.raises(EventEdited):
            database.write(step, event.slug, event.version - 1)
    draft = database.write(unpublish_event, event.slug, was_registered_for=False)
    assert draft.state == "draft"
    for step in (open_sales, close_sales):
        with pytest.raises(NotPublished):
            database.write(step, event.slug)
    other = add_event(database)
    database.write(cancel_event, other.slug)
    for step in (open_sales, close_sales):
        with pytest.raises(EventWasCancelled):
            database.write(step, other.slug)
    with pytest.raises(EventWasCancelled):
        database.write(move_event, other.slug, 1, BERLIN)


def test_an_event_is_withdrawn_only_while_nobody_has_registered(database: OpenDatabase) -> None:
    event = add_event(database)
    with pytest.raises(WasRegisteredFor):
        database.write(unpublish_event, event.slug, was_registered_for=True)
    database.write(hold_seat, add_someone(database), event.slug, 15)
    with pytest.raises(WasRegisteredFor):
        database.write(unpublish_event, event.slug, was_registered_for=False)
    assert database.read(queries.event_by_id, event.id).state == "published"


def test_a_withdrawn_event_can_be_published_and_deleted(database: OpenDatabase) -> None:
    event = add_event(database)
    assert database.write(unpublish_event, event.slug, was_registered_for=False).state == "draft"
    assert database.write(unpublish_event, event.slug, was_registered_for=False).state == "draft"
    database.write(cancel_event, event.slug)
    assert database.read(queries.id_of_slug, event.slug) is None


def test_the_number_of_seats_is_never_lower_than_those_taken(database: OpenDatabase) -> None:
    event = add_event(database)
    for _ in range(2):
        database.write(hold_seat, add_someone(database), event.slug, 15)
    with pytest.raises(CapacityTaken):
        database.write(resize_event, event.slug, 1)
    assert database.write(resize_event, event.slug, 2).capacity == 2


def test_an_event_moves_with_its_sales_and_deadlines_at_the_same_time_of_day(database: OpenDatabase) -> None:
    event = add_event(database)
    opens = database.clock() + HOUR
    details = replace(details_of(event), sales_open_at=opens, sales_close_at=event.starts_at - HOUR)
    event = database.write(edit_event, event.slug, details)
    (kind,) = database.read(types_of, event.id)
    database.write(
        edit_ticket_type,
        event.slug,
        kind.id,
        replace(kind.details, sales_close_at=event.starts_at - 2 * HOUR),
        no_seats,
    )
    rules = replace(rules_of(event), names_until=event.starts_at - 3 * HOUR)
    database.write(set_holder_rules, event.slug, rules)
    moved = database.write(move_event, event.slug, 7, ZoneInfo("Asia/Kolkata"))
    for name in ("starts_at", "ends_at", "sales_open_at", "sales_close_at"):
        assert getattr(moved, name) - getattr(event, name) == 7 * DAY
    assert moved.names_until == event.starts_at - 3 * HOUR + 7 * DAY
    (kind,) = database.read(types_of, event.id)
    assert kind.details.sales_close_at == event.starts_at - 2 * HOUR + 7 * DAY
    assert "catalogue.EventChanged" in {fact for fact, _ in database.read(outbox.waiting)}


def test_open_sales_stay_open_after_a_move(database: OpenDatabase) -> None:
    event = add_event(database)
    details = replace(details_of(event), sales_open_at=database.clock() - DAY)
    database.write(edit_event, event.slug, details)
    moved = database.write(move_event, event.slug, 30, BERLIN)
    assert moved.sales_open_at == database.clock() - DAY
    assert state_of(database, event) in ("open", "few")


@pytest.mark.parametrize("days", [0, 4000, -4000, 10**6])
def test_a_move_by_no_days_or_too_many_is_refused(database: OpenDatabase, days: int) -> None:
    event = add_event(database)
    with pytest.raises(Invalid):
        database.write(move_event, event.slug, days, BERLIN)


def test_a_sold_event_moves_far_only_after_a_confirmation(database: OpenDatabase) -> None:
    event = add_event(database)
    database.write(hold_seat, add_someone(database), event.slug, 15)
    with pytest.raises(MoveUnconfirmed):
        database.write(move_event, event.slug, 200, BERLIN)
    assert database.read(queries.event_by_id, event.id).starts_at == event.starts_at
    moved = database.write(lambda c: move_event(c, event.slug, 200, BERLIN, may_move=True))
    assert moved.starts_at > event.starts_at


def test_a_copy_has_the_types_questions_and_rules_but_no_seats(database: OpenDatabase) -> None:
    event = add_event(database, fee=45_000)
    (kind,) = database.read(types_of, event.id)
    changed = replace(kind.details, name="Student", tax_rate=1800, own_quota=5)
    database.write(edit_ticket_type, event.slug, kind.id, changed, no_seats)
    database.write(add_question, event.slug, QuestionDetails("text", "Diet"))
    database.write(set_holder_rules, event.slug, replace(rules_of(event), names="required"))
    database.write(hold_seat, add_someone(database), event.slug, 15)
    copy = database.write(
        lambda c: copy_event(c, event.slug, copy_title(event.title), BERLIN, days=7, opened_at=1)
    )
    assert (copy.state, copy.taken, copy.title) == ("draft", 0, f"{event.title} (copy)")
    assert copy.slug != event.slug
    assert copy.uid != event.uid
    assert copy.ticket_names == "required"
    assert copy.fee == Money(45_000, event.fee.currency)
    assert copy.starts_at > event.starts_at
    (own,) = database.read(types_of, copy.id)
    assert replace(own.details) == changed
    assert [question.details.label for question in database.read(all_questions, copy.id)] == ["Diet"]


def test_a_form_that_is_sent_twice_makes_one_copy(database: OpenDatabase) -> None:
    event = add_event(database)
    opened_at = database.clock()
    database.clock.move(1000)
    copies = {
        database.write(lambda c: copy_event(c, event.slug, "Again", BERLIN, opened_at=opened_at)).slug
        for _ in range(2)
    }
    assert len(copies) == 1


def test_a_copy_needs_a_free_slug_and_a_title(database: OpenDatabase) -> None:
    event = add_event(database)
    with pytest.raises(Invalid):
        database.write(lambda c: copy_event(c, event.slug, "Copy", BERLIN, new_slug=event.slug))
    with pytest.raises(Invalid):
        database.write(lambda c: copy_event(c, event.slug, " ", BERLIN))


def test_a_cancelled_event_can_be_copied(database: OpenDatabase) -> None:
    event = add_event(database)
    database.write(cancel_event, event.slug)
    assert database.write(copy_event, event.slug, "Once more", BERLIN).state == "draft"
