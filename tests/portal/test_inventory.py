"""`festgate check` reports an error in any table of the office, on both databases."""

from collections.abc import Mapping, Sequence
from typing import Final

import pytest
from sqlalchemy import text

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND, Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.crew import set_role
from festgate.portal.catalogue.assignments import assign_events
from festgate.portal.checkout import queries, shifts
from festgate.portal.checkout.complimentary import give_ticket
from festgate.portal.checkout.exchanges import Wish, exchange_ticket
from festgate.portal.checkout.notes import write_note
from festgate.portal.checkout.part_refunds import refund_part
from festgate.portal.fest.logos import read_logo, replace_logo
from festgate.portal.inventory import checks
from tests.portal.checkout.factories import give_money_back
from tests.portal.checkout.test_reduced_orders import never_used
from tests.portal.checkout.test_sales import content, make, only_type
from tests.portal.checkout.transfer_fest import TransferFest, credit
from tests.portal.tickets.fest import FEST, Fest
from tests.rig.database import OpenDatabase

SELLER = 1
PNG = b"\x89PNG\r\n\x1a\n"
PLANTED: Final[Mapping[str, Sequence[str]]] = {
    "the sums of a shift are those of its sales": [
        "UPDATE checkout_shifts SET cash_minor = cash_minor + 1",
        "UPDATE checkout_shifts SET upi_minor = NULL",
        "DELETE FROM checkout_shift_refunds",
    ],
    "a closed shift is counted": [
        "UPDATE checkout_shifts SET counted_minor = NULL",
        "UPDATE checkout_shifts SET closed_at = NULL",
    ],
    "a shift pays out refunds that are done": [
        "UPDATE checkout_refunds SET done_at = NULL WHERE id IN (SELECT refund_id FROM checkout_shift_refunds)",
        "UPDATE checkout_shifts SET currency = 'EUR'",
    ],
    "an order of the box office is a sale": ["DELETE FROM checkout_sales"],
    "a sale agrees with its order and its shift": [
        "UPDATE checkout_sales SET undone_at = 1",
        "UPDATE checkout_sales SET seller_id = seller_id + 1",
    ],
    "a transfer order has its payments": [
        "UPDATE checkout_transfers SET by_hand_minor = by_hand_minor + 1",
        "UPDATE checkout_bank_lines SET state = 'open', order_id = NULL, applied_minor = 0",
    ],
    "an order by transfer is awaited": ["DELETE FROM checkout_transfers"],
    "a payment is for its order or returned": [
        "UPDATE checkout_bank_lines SET amount_minor = amount_minor + 1 WHERE state = 'assigned'"
    ],
    "a payment is in the currency of its order": ["UPDATE checkout_bank_lines SET currency = 'EUR'"],
    "refunds do not exceed the payment": ["UPDATE checkout_refunds SET amount_minor = 9000000"],
    "the counted refunds are the refunds": ["UPDATE checkout_orders SET refunded_minor = refunded_minor + 1"],
    "a refund is for its order": [
        "UPDATE checkout_refunds SET seat_id = 987654321",
        "UPDATE checkout_refunds SET amount_minor = -1",
    ],
    "an exchange agrees with its order and its difference": [
        "UPDATE checkout_exchanges SET settled_at = NULL",
        "UPDATE checkout_exchanges SET settlement = 'owed'",
        "UPDATE checkout_exchanges SET amount_minor = 0",
        "UPDATE checkout_exchanges SET new_seat_id = (SELECT max(id) FROM registrations_seats)",
    ],
    "a difference is open only while its seat is confirmed": [
        "UPDATE checkout_exchanges SET settlement = 'paid', seat_id = old_seat_id"
    ],
    "a note on an order is about its buyer": ["UPDATE checkout_notes SET person_id = 1"],
    "a complimentary ticket is free": [
        "UPDATE registrations_seats SET fee_minor = 1 WHERE id IN (SELECT seat_id FROM checkout_complimentary)"
    ],
    "an invitation is for its address": ["UPDATE accounts_invitations SET email = 'other@example.org'"],
    "the events of an invitation can be assigned": [
        "UPDATE accounts_invitations SET event_ids = '[1'",
        "UPDATE accounts_invitations SET event_ids = '[null]'",
        "UPDATE accounts_invitations SET role = 'organiser'",
    ],
    "a fest with organisers has an owner": [
        "UPDATE accounts_people SET role = 'organiser' WHERE role = 'owner'"
    ],
    "an event is assigned to an account": [
        "UPDATE catalogue_assignments SET person_id = (SELECT min(id) FROM accounts_people WHERE guest_key > '')"
    ],
    "a stored setting is known": ["INSERT INTO fest_settings (name, value) VALUES ('unheard_of', '1')"],
    "a stored setting is JSON": ["INSERT INTO fest_settings (name, value) VALUES ('fest_contact', 'a')"],
    "a stored secret is encrypted": [
        "INSERT INTO fest_settings (name, value) VALUES ('stripe_secret_key', 'sk_live_open')",
        "INSERT INTO fest_settings (name, value) VALUES ('stripe_secret_key', '\"é\"')",
    ],
    "a fest has one state": ["DELETE FROM fest_states"],
    "a logo's address is a hash of its content": ["UPDATE fest_logos SET digest = 'other'"],
    "the details of an entry are a JSON object": [
        (
            "INSERT INTO audit_entries (at, origin, address, action, subject, details, search)"
            " VALUES (1, 'command', '', 'role.changed', '', '[', '')"
        )
    ],
}
"""Errors by the rule that reports them."""
SWITCHED_OFF: Final = {
    "sqlite": "DROP TRIGGER audit_entries_no_delete",
    "postgresql": "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_append_only",
}


class Undo(Exception):
    """Undoes the transaction, and carries the rules that it violated."""

    def __init__(self, rules: set[str]) -> None:
        """Take the rules."""
        super().__init__()
        self.rules = rules


def violated_rules(connection: Connection) -> set[str]:
    return {finding.rule for check in checks() for finding in check(connection)}


def rules_after(database: OpenDatabase, sql: str) -> set[str]:
    """Return the rules that the data violates after a statement, and undo it."""

    def operation(connection: Connection) -> None:
        connection.run(Statement(text(sql)))
        raise Undo(violated_rules(connection))

    with pytest.raises(Undo) as undone:
        database.write(operation)
    return undone.value.rules


def fill(database: OpenDatabase) -> None:
    """Add a row to every table of the office, by its operations."""
    fest = Fest(database)
    seller = fest.person("seller")
    assert seller.id == SELLER
    database.write(set_role, "seller", "owner")
    actor = Actor(SELLER, "session")
    event, cheaper = fest.event("Robo Race", 45_000), fest.event("Workshop", 30_000)
    sale = make(fest, content(fest, event))
    fest.deliver()
    wish = Wish(cheaper.slug, only_type(fest, cheaper), "refunded")
    database.write(exchange_ticket, actor, sale.order.lines[0].seat_id, wish, never_used)
    database.write(give_money_back, sale.order.ref, SELLER)
    database.write(shifts.close_shift, actor, SELLER, Money(30_000, "INR"), "", None)
    guest = fest.person("asha")
    order = fest.buy(guest, fest.event("Quiz", 10_000))
    database.write(refund_part, actor, order.ref, Money(1_000, "INR"), "part")
    database.write(write_note, actor, guest.id, "A note", "note", ref=order.ref)
    lead = fest.person("lead")
    database.write(set_role, "lead", "lead")
    database.write(assign_events, lead.id, [event.id])
    free = fest.event("Gala", 0)
    ravi = accounts.GuestEntry("Ravi", "ravi@example.org")
    database.write(give_ticket, COMMAND, free.slug, only_type(fest, free), ravi, "gift")
    assigned = [(event.id, event.title)]
    database.write(accounts.invite, actor, "uma@example.org", "lead", assigned, b"secret", FEST)
    database.write(replace_logo, read_logo(PNG))
    transfers = TransferFest(database)
    awaited = transfers.order()
    transfers.upload(credit(f"UPI {awaited.ref}", awaited.total.minor))
    fest.send_refunds()
    fest.deliver()
    assert database.read(queries.order_by_id, awaited.id).state == "paid"
    database.clock.move(DAY)


def test_an_error_in_any_table_of_the_office_is_reported(database: OpenDatabase) -> None:
    fill(database)
    assert database.read(violated_rules) == set()
    missed = [
        (rule, sql)
        for rule, statements in PLANTED.items()
        for sql in statements
        if rule not in rules_after(database, sql)
    ]
    assert missed == []
    assert "the audit log is append-only" in rules_after(database, SWITCHED_OFF[database.dialect])
    assert database.read(violated_rules) == set()
