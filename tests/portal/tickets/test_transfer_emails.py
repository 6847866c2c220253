"""Emails about orders by transfer: how to pay, the reminder, and a number with which no payment arrived."""

from functools import partial

import pytest

from festgate.kit.clock import DAY
from festgate.kit.messaging.outbox import Relay
from festgate.kit.visitors import COMMAND
from festgate.portal.checkout.placements import place_order
from festgate.portal.checkout.records import Order
from festgate.portal.checkout.transfers import confirm_transfer, enter_utr, reject_utr, remind_payers
from festgate.portal.registrations.holds import hold_seat
from festgate.portal.tickets.handlers import TicketHandlers
from tests.portal.tickets.fest import FEST, SECRET, Fest
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event

TRANSFERS = FEST.model_copy(
    update={
        "payment_methods": ("transfer",),
        "transfer_account_holder": "Aurora Fest Committee",
        "transfer_account": "000123456789",
        "transfer_upi_id": "fest@examplebank",
    }
)
UTR = "632109876541"


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    fest = Fest(database)
    fest.relay = Relay(database.real, TicketHandlers(TRANSFERS, SECRET).subscriptions())
    return fest


def order_of(fest: Fest) -> Order:
    person = fest.person()
    fest.database.write(hold_seat, person.id, add_event(fest.database, days=9).slug, 15)
    place = partial(place_order, asks=False)
    return fest.database.write(place, person.id, "transfer", 3 * DAY, "key")[0]


def test_a_new_order_is_emailed_with_account_reference_and_upi(fest: Fest) -> None:
    order = order_of(fest)
    fest.deliver()
    ((_, recipient, subject, body),) = fest.emails()
    assert recipient == "asha@example.org"
    assert subject.startswith(f"Order {order.ref}: ₹500.00 to transfer by ")
    for part in (
        f"Reference: {order.ref}\n",
        "Account holder: Aurora Fest Committee\n",
        "Account number: 000123456789\n",
        f"upi://pay?pa=fest@examplebank&pn=Aurora%20Fest%20Committee&am=500.00&cu=INR&tn={order.ref}\n",
        f"https://fest.example/orders/{order.ref}",
    ):
        assert part in body, part


def test_a_reminder_comes_a_day_before_the_end_but_not_after_a_number(fest: Fest) -> None:
    order = order_of(fest)
    fest.database.clock.move(2 * DAY)
    fest.database.write(remind_payers)
    fest.deliver()
    assert fest.subjects()[1:] == [f"Order {order.ref} ends soon: ₹500.00 to pay"]
    assert "Transfer ₹500.00 now, or your seats are released:" in fest.emails()[1][3]


def test_a_rejected_number_is_named_in_an_email_unless_it_was_corrected(fest: Fest) -> None:
    order = order_of(fest)
    for corrected in (False, True):
        fest.database.write(enter_utr, order.person_id, order.ref, UTR)
        fest.database.clock.move(1000)
        fest.database.write(reject_utr, order.ref, COMMAND, UTR)
        if corrected:
            fest.database.write(enter_utr, order.person_id, order.ref, "632109876542")
        fest.deliver()
        assert fest.subjects()[1:] == [f"Order {order.ref}: no payment with your number"]
    assert f"No payment arrived with the number {UTR}" in fest.emails()[1][3]


def test_an_order_that_was_paid_before_the_email_gets_only_its_tickets(fest: Fest) -> None:
    order = order_of(fest)
    fest.database.write(confirm_transfer, order.ref, fest.person("meena").id, COMMAND, None)
    fest.deliver()
    (subject,) = fest.subjects()
    assert subject.startswith("Your ticket: ")
