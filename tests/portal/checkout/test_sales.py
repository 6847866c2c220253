"""Sales at the box office: paid orders for people without an account, and taking them back."""

from dataclasses import replace
from functools import partial

import pytest

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.messaging.mail_erasure import find_emails_to
from festgate.kit.money import Money
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries, shifts
from festgate.portal.checkout.cancellations import cancel_registrations
from festgate.portal.checkout.errors import KeyReused, RefundTooHigh
from festgate.portal.checkout.exchanges import Wish, exchange_ticket
from festgate.portal.checkout.part_refunds import refund_part
from festgate.portal.checkout.personal_data import PERSONAL_RECORDS
from festgate.portal.checkout.sales import (
    UNDO_WITHIN,
    Sale,
    SaleContent,
    SaleFinal,
    SaleNotHere,
    sell,
    undo_sale,
)
from festgate.portal.composition import personal_records
from festgate.portal.inventory import checks
from festgate.portal.registrations import facade as registrations
from tests.portal.checkout.factories import give_money_back
from tests.portal.checkout.test_reduced_orders import never_used
from tests.portal.tickets.fest import SECRET, Fest
from tests.rig.database import OpenDatabase

SELLER = 1


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    new_fest = Fest(database)
    assert new_fest.person("seller").id == SELLER
    return new_fest


def only_type(fest: Fest, event: catalogue.Event) -> int:
    (kind,) = fest.database.read(catalogue.types_of, event.id)
    return kind.id


def content(fest: Fest, event: catalogue.Event, count: int = 1, **parts: object) -> SaleContent:
    choice = registrations.Choice({only_type(fest, event): count})
    plain = SaleContent(event.slug, choice, "cash")
    return replace(plain, **parts)  # type: ignore[arg-type]


def make(fest: Fest, sold: SaleContent, key: str = "key", seller: int = SELLER) -> Sale:
    """Sell, and return the sale."""
    actor = Actor(seller, "session")
    return fest.database.write(sell, actor, seller, sold, key, sold.hash(SECRET), None)[0]


def take_back(fest: Fest, sale: Sale, seller: int = SELLER) -> Sale:
    return fest.database.write(
        undo_sale, Actor(seller, "session"), seller, sale.order.ref, lambda _connection, _seat: False
    )


def several_per_order(fest: Fest, event: catalogue.Event, most: int = 5) -> None:
    (kind,) = fest.database.read(catalogue.types_of, event.id)
    details = replace(kind.details, max_per_order=most)
    fest.database.write(catalogue.edit_ticket_type, event.slug, kind.id, details, registrations.count_of_type)


def assert_sound(fest: Fest) -> None:
    def read(connection: Connection) -> list[object]:
        return [finding for check in checks() for finding in check(connection)]

    assert fest.database.read(read) == []


def test_a_sale_is_a_paid_order_with_confirmed_seats_for_somebody_without_an_account(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    several_per_order(fest, event)
    sale = make(fest, content(fest, event, 3, received=Money(150_000, "INR")))
    order = sale.order
    assert (order.state, order.method, order.total.minor, order.paid_by) == ("paid", "cash", 135_000, SELLER)
    assert sale.change == Money(15_000, "INR")
    seats = fest.database.read(registrations.seats_of_order, order.id)
    assert [seat.state for seat in seats] == ["confirmed"] * 3
    buyer = fest.database.read(accounts.person_by_id, order.person_id)
    assert (buyer.email, buyer.is_guest, buyer.is_deleted) == ("", True, False)
    assert buyer.shown_name == f"Box office #{buyer.id}"
    fest.deliver()
    assert fest.emails() == []
    assert_sound(fest)


def test_with_an_address_the_tickets_are_emailed_and_an_account_can_claim_them(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    first = make(fest, content(fest, event, email="asha@example.org", name="Asha"), "one")
    # The limit of one ticket for each person does not hold here.
    second = make(fest, content(fest, event, email="asha@example.org"), "two")
    fest.deliver()
    assert [recipient for _, recipient, _, _ in fest.emails()] == ["asha@example.org"] * 2
    assert first.order.person_id != second.order.person_id
    guests = fest.database.read(accounts.guest_ids, "asha@example.org")
    assert sorted(guests) == sorted([first.order.person_id, second.order.person_id])
    assert_sound(fest)


def test_a_sale_without_an_address_can_be_claimed_by_nobody_but_be_found_and_deleted(fest: Fest) -> None:
    sale = make(fest, content(fest, fest.event("Robo Race", 45_000), name="Asha Rao"))
    walk_in = sale.order.person_id
    assert fest.database.read(accounts.guest_ids, "") == []
    (person,) = fest.database.report(accounts.find_people, "asha rao", 10)
    assert (person.id, person.is_walk_in) == (walk_in, True)
    assert fest.database.read(accounts.guest_to_delete, walk_in).name == "Asha Rao"
    plan = fest.database.report(accounts.plan_deletion, walk_in, personal_records())
    assert "There is a paid ticket" in plan.obstacles[0]
    fest.deliver()
    take_back(fest, sale)
    fest.deliver()
    plan = fest.database.report(accounts.plan_deletion, walk_in, personal_records())
    assert not plan.obstacles
    stored = fest.database.report(find_emails_to, "")
    fest.database.write(accounts.delete_account, walk_in, personal_records(), stored)
    assert fest.database.read(accounts.person_by_id, walk_in).is_deleted
    assert_sound(fest)


def test_the_same_key_makes_one_sale_and_other_content_is_refused(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    sold = content(fest, event)
    assert make(fest, sold).order.ref == make(fest, sold).order.ref
    with pytest.raises(KeyReused):
        make(fest, replace(sold, method="upi"))
    assert len(fest.database.read(queries.count_by_currency)) == 1
    shift = fest.database.read(shifts.open_shift, SELLER)
    assert shift is not None
    assert (shift.sales, shift.expected.minor) == (1, 45_000)


def test_sales_at_once_never_oversell_and_the_same_form_is_one_sale(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000, capacity=3)
    sellers = [fest.person(f"seller{number}").id for number in range(3)]

    def selling(seller: int, key: str) -> object:
        sold = content(fest, event)
        hashed = sold.hash(SECRET)
        actor = Actor(seller, "session")
        return lambda connection: sell(connection, actor, seller, sold, key, hashed, None)

    operations = [selling(seller, key) for seller in sellers for key in ("a", "a", "b")]
    results = fest.database.write_together(*operations)  # type: ignore[arg-type]
    refs = {result[0].order.ref for result in results if isinstance(result, tuple)}
    assert len(refs) == 3
    assert all(isinstance(result, tuple | catalogue.SoldOut) for result in results)
    assert_sound(fest)


def test_limits_of_an_order_capacity_and_periods_of_sale_hold(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000, capacity=2)
    with pytest.raises(Exception, match="You can have one ticket of this type"):
        make(fest, content(fest, event, 2))
    several_per_order(fest, event)
    with pytest.raises(catalogue.SoldOut):
        make(fest, content(fest, event, 3))
    assert fest.database.read(shifts.open_shift, SELLER) is None
    with pytest.raises(SaleNotHere):
        fest.database.write(
            sell, Actor(SELLER, "session"), SELLER, content(fest, event), "k", "h", {event.id + 1}
        )
    assert_sound(fest)


def test_less_cash_than_the_price_is_refused(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    with pytest.raises(Invalid, match="less than the 450"):
        make(fest, content(fest, event, received=Money(40_000, "INR")))


def test_a_free_ticket_has_an_order_too_and_can_be_taken_back(fest: Fest) -> None:
    event = fest.event("Opening")
    sale = make(fest, content(fest, event))
    assert (sale.order.state, sale.order.total.minor) == ("paid", 0)
    assert [seat.state for seat in fest.database.read(registrations.seats_of_order, sale.order.id)] == [
        "confirmed"
    ]
    fest.deliver()
    assert take_back(fest, sale).order.state == "refunded"
    fest.deliver()
    assert_sound(fest)


def test_names_are_entered_for_each_ticket_where_the_event_requires_them(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    several_per_order(fest, event)
    rules = replace(catalogue.rules_of(event), names="required")
    fest.database.write(catalogue.set_holder_rules, event.slug, rules)
    with pytest.raises(Invalid) as refusal:
        make(fest, content(fest, event, 2, names=("Asha",)))
    assert "Enter 2 names" in refusal.value.fields["names"]
    sale = make(fest, content(fest, event, 2, names=("Asha", "Ravi")))
    seats = fest.database.read(registrations.seats_of_order, sale.order.id)
    assert sorted(seat.attendee_name for seat in seats) == ["Asha", "Ravi"]
    assert_sound(fest)


def test_a_promo_code_and_required_questions(fest: Fest) -> None:
    event = fest.event("Robo Race", 40_000)
    fest.database.write(
        catalogue.add_question, event.slug, catalogue.QuestionDetails("text", "College", is_required=True)
    )
    fest.database.write(catalogue.create_code, "HALF", catalogue.CodeTerms("percentage", 5_000, max_uses=1))
    sold = content(fest, event)
    sale = make(fest, replace(sold, choice=replace(sold.choice, code="half")))
    assert sale.order.total.minor == 20_000
    take_back(fest, sale)
    again = make(fest, replace(sold, choice=replace(sold.choice, code="half")), "again")
    assert again.order.total.minor == 20_000
    assert_sound(fest)


def test_taking_a_sale_back_frees_its_seats_and_returns_its_money_once(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000, capacity=1)
    sale = make(fest, content(fest, event))
    fest.deliver()
    fest.database.clock.move(UNDO_WITHIN)
    for _ in range(2):
        assert take_back(fest, sale).order.state == "refunded"
    fest.deliver()
    shift = fest.database.read(shifts.open_shift, SELLER)
    assert shift is not None
    assert (shift.sold["cash"].minor, shift.refunded["cash"].minor, shift.expected.minor) == (
        45_000,
        45_000,
        0,
    )
    make(fest, content(fest, event), "next")
    fest.deliver()
    assert_sound(fest)


def test_a_sale_is_final_after_ten_minutes_for_others_when_used_and_when_its_shift_is_closed(
    fest: Fest,
) -> None:
    event = fest.event("Robo Race", 45_000)
    sale = make(fest, content(fest, event))
    other = fest.person("other").id
    with pytest.raises(SaleFinal, match="Only its seller"):
        take_back(fest, sale, other)
    with pytest.raises(SaleFinal, match="checked in"):
        fest.database.write(
            undo_sale, Actor(SELLER, "session"), SELLER, sale.order.ref, lambda _connection, _seat: True
        )
    fest.database.write(shifts.close_shift, Actor(SELLER, "session"), SELLER, Money(45_000, "INR"), "", None)
    with pytest.raises(SaleFinal, match="shift is closed"):
        take_back(fest, sale)
    late = make(fest, content(fest, event), "late")
    fest.database.clock.move(UNDO_WITHIN + MINUTE)
    with pytest.raises(SaleFinal, match="older than 10 minutes"):
        take_back(fest, late)
    assert_sound(fest)


def test_a_cash_refund_counts_against_the_open_shift_of_the_person_who_pays_it_out(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    sale = make(fest, content(fest, event))
    fest.deliver()
    other = fest.person("other").id
    fest.database.write(shifts.set_float, other, Money(100_000, "INR"))
    fest.database.write(catalogue.cancel_event, event.slug)
    fest.deliver()
    assert fest.database.read(queries.order_by_id, sale.order.id).state == "refunding"
    fest.database.write(give_money_back, sale.order.ref, other)
    fest.deliver()
    shift = fest.database.read(shifts.open_shift, other)
    assert shift is not None
    assert (shift.expected.minor, shift.refunded["cash"].minor) == (55_000, 45_000)
    assert fest.database.read(shifts.paid_outside_shifts) == ()
    assert_sound(fest)


def test_a_refund_in_another_currency_counts_against_no_shift(fest: Fest) -> None:
    event = fest.event("Robo Race", 45_000)
    sale = make(fest, content(fest, event))
    fest.deliver()
    other = fest.person("other").id
    fest.database.write(shifts.set_float, other, Money(10_000, "EUR"))
    fest.database.write(catalogue.cancel_event, event.slug)
    fest.deliver()
    fest.database.write(give_money_back, sale.order.ref, other)
    shift = fest.database.read(shifts.open_shift, other)
    assert shift is not None
    assert shift.expected == Money(10_000, "EUR")
    assert fest.database.read(shifts.paid_outside_shifts) == (Money(45_000, "INR"),)
    fest.database.write(shifts.close_shift, Actor(other, "session"), other, Money(10_000, "EUR"), "", None)
    assert_sound(fest)


@pytest.mark.parametrize("method", ["cash", "card-machine"])
def test_the_difference_of_a_sale_that_was_given_back_by_hand_counts_once_by_its_way_of_payment(
    fest: Fest, method: str
) -> None:
    event, cheaper = fest.event("Robo Race", 45_000), fest.event("Workshop", 30_000)
    sale, actor = make(fest, content(fest, event, method=method)), Actor(SELLER, "session")
    wish = Wish(cheaper.slug, only_type(fest, cheaper), "refunded", by_hand=True)
    fest.database.write(exchange_ticket, actor, sale.order.lines[0].seat_id, wish, never_used)
    shift = fest.database.read(shifts.open_shift, SELLER)
    assert shift is not None
    assert (shift.net(method).minor, shift.refunded[method].minor, shift.returned.minor) == (
        30_000,
        15_000,
        0,
    )
    fest.deliver()
    assert_sound(fest)


def test_an_exchange_a_part_and_a_cancellation_of_a_sale_return_no_more_than_was_paid(fest: Fest) -> None:
    event, cheaper = fest.event("Robo Race", 45_000), fest.event("Workshop", 30_000)
    sale, actor = make(fest, content(fest, event)), Actor(SELLER, "session")
    ref, seat_id = sale.order.ref, sale.order.lines[0].seat_id
    fest.deliver()
    wish = Wish(cheaper.slug, only_type(fest, cheaper), "refunded")
    fest.database.write(exchange_ticket, actor, seat_id, wish, never_used)
    with pytest.raises(SaleFinal, match="A part of it was cancelled"):
        take_back(fest, sale)
    fest.database.write(partial(refund_part, by_hand=True), actor, ref, Money(20_000, "INR"), "part")
    with pytest.raises(RefundTooHigh):
        fest.database.write(refund_part, actor, ref, Money(10_001, "INR"), "more")
    fest.database.write(cancel_registrations, ref, None, SELLER, never_used)
    fest.database.write(give_money_back, ref, SELLER)
    fest.deliver()
    order = fest.database.read(queries.order_by_ref, ref)
    assert order.state == "refunded"
    assert sum(refund.amount.minor for refund in fest.database.read(queries.refunds_of, order.id)) == 45_000
    shift = fest.database.read(shifts.open_shift, SELLER)
    assert shift is not None
    assert shift.expected.minor == 0
    assert_sound(fest)


def test_the_download_of_a_seller_has_their_shifts_and_the_deletion_keeps_them(fest: Fest) -> None:
    make(fest, content(fest, fest.event("Robo Race", 45_000)))
    note = "a coin fell"
    counted = Money(44_900, "INR")
    fest.database.write(shifts.close_shift, Actor(SELLER, "session"), SELLER, counted, note, None)
    exported = fest.database.report(PERSONAL_RECORDS.export, SELLER)["shifts"]
    assert [(shift["sales"], shift["note"]) for shift in exported] == [(1, note)]  # type: ignore[attr-defined]
    assert "1 shift at the box office" in fest.database.report(PERSONAL_RECORDS.foresee, SELLER).kept[0]
