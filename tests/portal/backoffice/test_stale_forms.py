"""An organiser's form is accepted only for the state that it showed, on both databases."""

from dataclasses import replace

import pytest

from festgate.kit.clock import HOUR, MINUTE
from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND
from festgate.portal.backoffice.cancellations import CancellationChanged, cancel_as_shown, find_concerned
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries, refunds
from festgate.portal.checkout.desk import desk_forms, desk_forms_of, mark_paid_at_desk, mark_refunded_at_desk
from festgate.portal.checkout.errors import OrderChanged
from festgate.portal.checkout.orders import expire_order
from festgate.portal.checkout.placements import place_order
from festgate.portal.checkout.records import Order
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.errors import SeatInOrder, SeatPaid
from festgate.portal.registrations.holds import hold_seat
from tests.portal.checkout.factories import mark_order_paid
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


def order_at_desk(database: OpenDatabase, fees: tuple[int, ...] = (45_000, 30_000)) -> Order:
    person = add_someone(database)
    for fee in fees:
        database.write(hold_seat, person, add_event(database, fee=fee).slug, 15)
    order, _ = database.write(place_order, person, "desk", HOUR, "key", asks=False)
    return order


def test_an_order_that_expired_after_the_page_was_opened_is_not_marked_paid(database: OpenDatabase) -> None:
    order, organiser = order_at_desk(database), add_someone(database)
    shown = database.read(desk_forms)[order.ref].paid
    assert shown == "pending;0;75000 INR"
    database.clock.move(HOUR + MINUTE)
    database.write(expire_order, order.id)
    with pytest.raises(OrderChanged):
        database.write(mark_paid_at_desk, order.ref, organiser, shown)
    assert database.read(queries.order_by_id, order.id).state == "expired"
    assert database.write(mark_order_paid, order.ref, organiser).state == "paid"
    # A second submission of the accepted form changes nothing.
    assert database.write(mark_paid_at_desk, order.ref, organiser, "expired;0;75000 INR").state == "paid"


def test_only_the_shown_refunds_are_marked_refunded(database: OpenDatabase) -> None:
    order, organiser = order_at_desk(database), add_someone(database)
    database.write(mark_order_paid, order.ref, organiser)
    paid = database.read(queries.order_by_id, order.id)
    first, second = (line.seat_id for line in paid.lines)
    database.write(refunds.refund_seat, paid, first, "It was cancelled.")
    forms = database.read(desk_forms_of, order.ref)
    assert forms.due == paid.lines[0].fee
    database.write(refunds.refund_seat, paid, second, "It was cancelled.")
    with pytest.raises(OrderChanged):
        database.write(mark_refunded_at_desk, order.ref, organiser, forms.refunded)
    assert [refund.done_at for refund in database.read(queries.refunds_of, order.id)] == [None, None]
    fresh = database.read(desk_forms_of, order.ref)
    assert fresh.due == Money(75_000, "INR")
    for _ in range(2):
        database.write(mark_refunded_at_desk, order.ref, organiser, fresh.refunded)
    assert all(refund.done_at for refund in database.read(queries.refunds_of, order.id))


def test_cancelling_an_event_is_refused_if_more_people_or_money_are_affected_than_shown(
    database: OpenDatabase,
) -> None:
    event = add_event(database, fee=45_000)
    person = add_someone(database)
    seen = database.read(find_concerned, event.slug).shown
    database.write(hold_seat, person, event.slug, 15)
    with pytest.raises(CancellationChanged):
        database.write(cancel_as_shown, event.slug, seen, COMMAND)
    held = database.read(find_concerned, event.slug).shown
    order, _ = database.write(place_order, person, "desk", HOUR, "key", asks=False)
    database.write(mark_order_paid, order.ref, add_someone(database))
    with pytest.raises(CancellationChanged):
        database.write(cancel_as_shown, event.slug, held, COMMAND)
    assert database.read(catalogue.any_event_by_slug, event.slug).state == "published"
    paid = database.read(find_concerned, event.slug)
    assert (paid.held, paid.confirmed, paid.refunds) == (0, 1, (Money(45_000, "INR"),))
    for _ in range(2):
        assert database.write(cancel_as_shown, event.slug, paid.shown, COMMAND).state == "cancelled"


def test_an_expired_hold_is_not_counted_as_affected_by_a_cancellation(database: OpenDatabase) -> None:
    event = add_event(database)
    database.write(hold_seat, add_someone(database), event.slug, 15)
    assert database.read(find_concerned, event.slug).held == 1
    database.clock.move(16 * MINUTE)
    assert database.read(find_concerned, event.slug).held == 0


def test_an_event_is_edited_or_published_only_in_the_shown_version(database: OpenDatabase) -> None:
    event = add_event(database)
    larger = replace(catalogue.details_of(event), capacity=80)
    edited = database.write(catalogue.edit_event, event.slug, larger, event.version)
    assert edited.version != event.version
    other_details = replace(larger, fee=Money(1, "INR"))
    with pytest.raises(catalogue.EventEdited):
        database.write(catalogue.edit_event, event.slug, other_details, event.version)
    assert database.read(catalogue.any_event_by_slug, event.slug).fee == event.fee
    # Details that are already stored are no change in any version, as after a double click.
    assert database.write(catalogue.edit_event, event.slug, larger, event.version).version == edited.version
    draft = database.write(catalogue.create_event, larger)
    database.write(catalogue.edit_event, draft.slug, other_details)
    with pytest.raises(catalogue.EventEdited):
        database.write(catalogue.publish_event, draft.slug, draft.version)


def test_cancelling_a_hold_is_refused_if_the_seat_is_in_an_order_or_paid(
    database: OpenDatabase,
) -> None:
    person, event = add_someone(database), add_event(database)
    seat = database.write(hold_seat, person, event.slug, 15)
    order, _ = database.write(place_order, person, "desk", HOUR, "key", asks=False)
    with pytest.raises(SeatInOrder):
        database.write(cancel_seat, person, seat)
    database.write(mark_order_paid, order.ref, add_someone(database))
    with pytest.raises(SeatPaid):
        database.write(cancel_seat, person, seat)
