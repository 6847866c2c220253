"""Orders by transfer: their time, the payer's number, reminders, and the treasurer's confirmation."""

import json
from functools import partial

import pytest
from sqlalchemy import select

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Invalid, NotFound, StartupError
from festgate.kit.messaging import outbox
from festgate.kit.money import Money
from festgate.portal.audit import facade as audit
from festgate.portal.checkout import orders, queries
from festgate.portal.checkout.checks import check_money, check_seats, check_transfers
from festgate.portal.checkout.desk import desk_forms_of, mark_refunded_at_desk
from festgate.portal.checkout.errors import NotByTransfer, NotPending, OrderChanged
from festgate.portal.checkout.personal_data import end_orders, export_orders
from festgate.portal.checkout.placements import place_order
from festgate.portal.checkout.transfer_account import TransferAccount, transfer_account
from festgate.portal.checkout.transfer_queries import open_transfers
from festgate.portal.checkout.transfers import (
    confirm_transfer,
    enter_utr,
    reject_utr,
    remind_payers,
    shown_transfer,
    transfer_of,
)
from festgate.portal.registrations.holds import hold_seat
from festgate.settings import Settings
from tests.portal.checkout.transfer_fest import TransferFest, credit
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

UTR = "632109876541"
_facts = Statement(
    select(outbox.facts.c.payload)
    .where(outbox.facts.c.kind == "checkout.TransferAwaited")
    .order_by(outbox.facts.c.id)
)


@pytest.fixture
def fest(database: OpenDatabase) -> TransferFest:
    return TransferFest(database)


def check(database: OpenDatabase) -> None:
    for find in (check_money, check_seats, check_transfers):
        assert database.read(find) == []


def confirm(fest: TransferFest, ref: str) -> None:
    def operation(connection: Connection) -> None:
        order = queries.order_by_ref(connection, ref)
        shown = shown_transfer(order, transfer_of(connection, order.id))
        confirm_transfer(connection, ref, fest.treasurer, fest.actor, shown)

    fest.database.write(operation)


def causes(database: OpenDatabase) -> list[str]:
    """Return the causes of the emails about transfers, in their order."""
    rows = database.read(lambda connection: connection.all(_facts))
    return [json.loads(payload)["cause"] for (payload,) in rows]


def test_an_order_keeps_its_seats_for_the_time_of_transfers_and_a_confirmation_pays_it(
    fest: TransferFest,
) -> None:
    order = fest.order()
    assert order.expires_at == fest.database.clock.now + 3 * DAY
    confirm(fest, order.ref)
    confirm(fest, order.ref)
    paid = fest.now(order)
    assert (paid.state, paid.paid, paid.paid_by) == ("paid", order.total, fest.treasurer)
    check(fest.database)


def test_an_order_by_transfer_ends_with_the_sales_of_its_first_event(fest: TransferFest) -> None:
    now = fest.database.clock.now
    assert fest.order(days=1).expires_at == now + DAY


def test_a_payment_that_was_confirmed_late_takes_the_seats_again_while_they_are_free(
    fest: TransferFest,
) -> None:
    order = fest.order()
    fest.database.clock.move(3 * DAY)
    fest.database.write(orders.expire_order, order.id)
    assert fest.now(order).state == "expired"
    confirm(fest, order.ref)
    assert fest.now(order).state == "paid"
    check(fest.database)


def test_a_payment_that_was_confirmed_after_the_seats_were_sold_is_to_be_returned(fest: TransferFest) -> None:
    order = fest.order(capacity=1)
    fest.database.clock.move(3 * DAY + MINUTE)
    fest.database.write(orders.expire_order, order.id)
    fest.database.write(hold_seat, add_someone(fest.database), order.lines[0].slug, 15)
    confirm(fest, order.ref)
    assert (fest.now(order).state, fest.back(order)) == ("refunding", [45_000])

    def give_back(connection: Connection) -> None:
        form = desk_forms_of(connection, order.ref)
        mark_refunded_at_desk(connection, order.ref, fest.treasurer, form.refunded)

    fest.database.write(give_back)
    assert fest.now(order).state == "refunded"
    check(fest.database)


def test_a_confirmation_of_an_order_that_has_changed_meanwhile_does_nothing(fest: TransferFest) -> None:
    order = fest.order()
    shown = shown_transfer(order, fest.database.read(transfer_of, order.id))
    fest.database.write(enter_utr, order.person_id, order.ref, UTR)
    with pytest.raises(OrderChanged):
        fest.database.write(confirm_transfer, order.ref, fest.treasurer, fest.actor, shown)
    fest.database.write(orders.cancel_order, order.person_id, order.ref)
    with pytest.raises(NotPending):
        fest.database.write(confirm_transfer, order.ref, fest.treasurer, fest.actor, None)


def test_the_payer_changes_the_number_until_the_payment_is_confirmed(fest: TransferFest) -> None:
    order = fest.order()
    for text in (" 6321 0987 6541", "exmpn2630700123-4"):
        fest.database.write(enter_utr, order.person_id, order.ref, text)
    assert fest.database.read(transfer_of, order.id).utr == "EXMPN26307001234"
    with pytest.raises(NotFound):
        fest.database.write(enter_utr, fest.treasurer, order.ref, UTR)
    confirm(fest, order.ref)
    with pytest.raises(NotPending):
        fest.database.write(enter_utr, order.person_id, order.ref, UTR)


@pytest.mark.parametrize("text", ["", "12345", "T26110312345678901234567", "ABCDEFGHIJKL", "1" * 13])
def test_a_number_that_no_bank_gives_is_refused(fest: TransferFest, text: str) -> None:
    order = fest.order()
    with pytest.raises(Invalid, match="12 digits"):
        fest.database.write(enter_utr, order.person_id, order.ref, text)


def test_a_rejected_number_is_emailed_once_and_can_be_entered_again(fest: TransferFest) -> None:
    order = fest.order()
    fest.database.write(enter_utr, order.person_id, order.ref, UTR)
    for _ in range(2):
        fest.database.write(reject_utr, order.ref, fest.actor, UTR)
    assert causes(fest.database) == ["placed", "rejected"]
    state = fest.database.read(transfer_of, order.id)
    assert (state.utr, state.rejected_utr) == ("", UTR)
    fest.database.write(enter_utr, order.person_id, order.ref, UTR)
    assert fest.database.read(transfer_of, order.id).rejected_utr == ""
    with pytest.raises(OrderChanged):
        fest.database.write(reject_utr, order.ref, fest.actor, "999999999999")


def test_a_payer_is_reminded_once_a_day_before_the_end_unless_a_number_is_there(fest: TransferFest) -> None:
    silent, answered, paid = fest.order(), fest.order(), fest.order()
    fest.database.write(enter_utr, answered.person_id, answered.ref, UTR)
    confirm(fest, paid.ref)
    fest.database.clock.move(2 * DAY - HOUR)
    fest.database.write(remind_payers)
    assert causes(fest.database) == 3 * ["placed"]
    fest.database.clock.move(HOUR)
    for _ in range(2):
        fest.database.write(remind_payers)
    assert causes(fest.database) == [*3 * ["placed"], "ending"]
    assert fest.now(silent).state == "pending"


def test_an_order_that_lasts_less_than_a_day_has_no_reminder(fest: TransferFest) -> None:
    fest.order(days=1)
    fest.database.clock.move(DAY - MINUTE)
    fest.database.write(remind_payers)
    assert causes(fest.database) == ["placed"]


def test_another_method_has_no_transfer(fest: TransferFest) -> None:
    person = add_someone(fest.database)
    fest.database.write(hold_seat, person, add_event(fest.database).slug, 15)
    order, _ = fest.database.write(partial(place_order, asks=False), person, "desk", DAY, "key")
    with pytest.raises(NotByTransfer):
        fest.database.write(confirm_transfer, order.ref, fest.treasurer, fest.actor, None)


def test_the_list_has_those_with_a_number_first_and_is_searched_by_what_a_treasurer_knows(
    fest: TransferFest,
) -> None:
    first, second = fest.order(), fest.order(fee=99_900)
    fest.database.write(enter_utr, second.person_id, second.ref, UTR)
    listed = fest.database.report(open_transfers)
    assert [row.ref for row in listed] == [second.ref, first.ref]
    for words in (second.ref.lower(), UTR, "999.00", listed[0].username):
        assert [row.ref for row in fest.database.report(open_transfers, words)] == [second.ref], words
    assert fest.database.report(open_transfers, "nobody") == []


def test_texts_of_payments_are_exported_and_erased_with_the_account(fest: TransferFest) -> None:
    order = fest.order()
    fest.database.write(enter_utr, order.person_id, order.ref, UTR)
    fest.upload(credit(f"Asha {order.ref}", utr=UTR))
    exported = str(fest.database.read(export_orders, order.person_id))
    assert UTR in exported
    assert f"Asha {order.ref}" in exported
    fest.database.write(end_orders, order.person_id)
    exported = str(fest.database.read(export_orders, order.person_id))
    assert UTR not in exported
    assert "Asha" not in exported
    check(fest.database)


ACCOUNT = TransferAccount("Aurora & Co", "00012345678", "Example Bank", "EXMP0000123", "fest@examplebank")


def test_the_address_for_upi_apps_has_amount_and_reference() -> None:
    assert ACCOUNT.upi_link(Money(45_000, "INR"), "7GK2M9QX04") == (
        "upi://pay?pa=fest@examplebank&pn=Aurora%20%26%20Co&am=450.00&cu=INR&tn=7GK2M9QX04"
    )
    assert ACCOUNT.upi_link(Money(45_000, "EUR"), "7GK2M9QX04") == ""


@pytest.mark.parametrize(
    "named, sentence",
    [
        ({}, "transfer_account_holder is not set"),
        ({"transfer_account_holder": "Fest"}, "neither transfer_account nor"),
        (
            {"transfer_account_holder": "Fest", "transfer_upi_id": "fest@examplebank", "currency": "EUR"},
            "neither transfer_account nor",
        ),
    ],
)
def test_the_portal_does_not_start_without_an_account(named: dict[str, str], sentence: str) -> None:
    settings = Settings.model_validate({"payment_methods": ("transfer",), **named})
    with pytest.raises(StartupError, match=sentence):
        transfer_account(settings)


def test_the_audit_log_does_not_keep_the_number_that_is_erased_with_the_account(fest: TransferFest) -> None:
    order = fest.order()
    fest.database.write(enter_utr, order.person_id, order.ref, UTR)
    fest.database.write(reject_utr, order.ref, fest.actor, UTR)
    fest.database.write(enter_utr, order.person_id, order.ref, UTR)
    confirm(fest, order.ref)
    entries, _ = fest.database.report(audit.find_entries, audit.Filters(), 100, 0)
    assert {"transfer.rejected", "transfer.confirmed"} <= {entry.action for entry in entries}
    assert UTR not in str(entries)
