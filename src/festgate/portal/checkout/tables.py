"""Orders, their lines, refunds, and the books of the play-money provider."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from festgate.kit.clock import NEVER
from festgate.kit.db.statements import metadata, partial_index


def _key() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


orders = Table(
    "checkout_orders",
    metadata,
    _key(),
    Column("ref", Text, nullable=False, unique=True),
    Column("person_id", ForeignKey("accounts_people.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # The time until which its seats are kept.
    Column("expires_at", BigInteger, nullable=False),
    # When the payment is looked up next; NEVER if it need not be.
    Column("ask_at", BigInteger, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("paid_at", BigInteger),
    # The amount that the provider received. If it is not the total, it is refunded.
    Column("paid_minor", BigInteger),
    # The provider's reference of the payment, and the address of its payment page on another site.
    Column("provider_ref", Text),
    Column("pay_url", Text),
    # The reason for which it is not paid, as a sentence for the attendee.
    Column("reason", Text),
    # The reason for which the outcome of the payment is unknown, for organisers.
    Column("ask_error", Text),
    # SHA-256 of the request's content, so that its key cannot be used for another order; null in old orders.
    Column("request_hash", Text),
    # Rises when lines are dropped: the provider then makes a new payment page.
    Column("revision", Integer, nullable=False),
    # When the payment was last looked up because somebody opened the order's page.
    Column("asked_at", BigInteger, nullable=False),
    # The organiser who marked it paid; null for payments that a provider reports.
    Column("paid_by", ForeignKey("accounts_people.id")),
    # The sum of the refunds of its own charge. The update that raises it is refused above `paid_minor`.
    Column("refunded_minor", BigInteger, nullable=False),
    UniqueConstraint("person_id", "idempotency_key"),
    CheckConstraint(
        "state IN ('pending', 'paid', 'declined', 'cancelled', 'expired', 'refunding', 'refunded')",
        name="state",
    ),
    CheckConstraint("total_minor >= 0", name="total"),
)
partial_index("ix_checkout_orders_ask", orders.c.ask_at, where=orders.c.ask_at < NEVER)
Index("ix_checkout_orders_state", orders.c.state, orders.c.created_at)

lines = Table(
    "checkout_lines",
    metadata,
    Column("order_id", ForeignKey("checkout_orders.id"), primary_key=True),
    Column("seat_id", ForeignKey("registrations_seats.id"), primary_key=True),
    Column("event_id", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    # When the seat left the unpaid order, because its event was cancelled; null while it is part of it.
    Column("dropped_at", BigInteger),
    # The refund rule of the event when the order was placed.
    Column("refund_rule", Text, nullable=False),
    # The tax in `fee_minor`, and its rate in hundredths of a percent.
    Column("tax_minor", BigInteger, nullable=False),
    Column("tax_rate", Integer, nullable=False),
)
Index("ix_checkout_lines_seat", lines.c.seat_id)

refunds = Table(
    "checkout_refunds",
    metadata,
    _key(),
    Column("order_id", ForeignKey("checkout_orders.id"), nullable=False),
    # The seat that is refunded; null for the whole charge.
    Column("seat_id", BigInteger),
    # The payment that is refunded: a second charge for one order has its own reference.
    Column("provider_ref", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # The currency of the refunded charge, which may not be the order's.
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # The organiser who started the refund; null for an automatic one.
    Column("asked_by", ForeignKey("accounts_people.id")),
    # The organiser who marked the refund as done; null where a provider did it.
    Column("done_by", ForeignKey("accounts_people.id")),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("done_at", BigInteger),
    Column("error", Text),
    # The key of the form or call of an organiser that asked for it, so that it is made once; null for others.
    Column("request_key", Text),
)
Index("ix_checkout_refunds_order", refunds.c.order_id)
partial_index(
    "uq_checkout_refunds_request",
    refunds.c.order_id,
    refunds.c.request_key,
    unique=True,
    where=refunds.c.request_key.is_not(None),
)
partial_index("ix_checkout_refunds_due", refunds.c.due_at, where=refunds.c.due_at < NEVER)

shifts = Table(
    "checkout_shifts",
    metadata,
    _key(),
    # The seller at the box office whose cash it counts.
    Column("person_id", ForeignKey("accounts_people.id"), nullable=False),
    Column("currency", Text, nullable=False),
    # The cash in the drawer at the beginning.
    Column("float_minor", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    # Null while it is open, as the following columns.
    Column("closed_at", BigInteger),
    # The cash that was counted at the end.
    Column("counted_minor", BigInteger),
    # Sales without refunds in cash, by card machine and by UPI when it was closed.
    Column("cash_minor", BigInteger),
    Column("card_minor", BigInteger),
    Column("upi_minor", BigInteger),
    Column("note", Text, nullable=False),
    CheckConstraint("float_minor >= 0", name="float"),
)
_IS_OPEN = shifts.c.closed_at.is_(None)
# A seller has one open shift, even if two sales begin it at once.
partial_index("uq_checkout_shifts_open", shifts.c.person_id, unique=True, where=_IS_OPEN)

sales = Table(
    "checkout_sales",
    metadata,
    Column("order_id", ForeignKey("checkout_orders.id"), primary_key=True),
    Column("shift_id", ForeignKey("checkout_shifts.id"), nullable=False),
    Column("seller_id", ForeignKey("accounts_people.id"), nullable=False),
    # The key of the form or the call, so that a second click finds this sale, and a keyed hash of its content.
    Column("form_key", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    # The cash that the customer gave; null if it was not entered.
    Column("received_minor", BigInteger),
    Column("sold_at", BigInteger, nullable=False),
    # When the seller took it back.
    Column("undone_at", BigInteger),
    UniqueConstraint("seller_id", "form_key"),
)
Index("ix_checkout_sales_shift", sales.c.shift_id)

shift_refunds = Table(
    "checkout_shift_refunds",
    metadata,
    # A refund that was paid out during that shift.
    Column("refund_id", ForeignKey("checkout_refunds.id"), primary_key=True),
    Column("shift_id", ForeignKey("checkout_shifts.id"), nullable=False),
)
Index("ix_checkout_shift_refunds_shift", shift_refunds.c.shift_id)
transfers = Table(
    "checkout_transfers",
    metadata,
    Column("order_id", ForeignKey("checkout_orders.id"), primary_key=True, autoincrement=False),
    # The bank's number of the payment (UTR) that the payer has entered; empty without one.
    Column("utr", Text, nullable=False),
    Column("utr_at", BigInteger),
    # The number that a treasurer rejected; empty without one.
    Column("rejected_utr", Text, nullable=False),
    # When the payer is reminded; NEVER if that has been done.
    Column("remind_at", BigInteger, nullable=False),
    # The amount that a treasurer confirmed by hand and no line of a statement has.
    Column("by_hand_minor", BigInteger, nullable=False),
    # The difference by which the order was lowered, since less was paid and accepted.
    Column("waived_minor", BigInteger, nullable=False),
)
partial_index("ix_checkout_transfers_remind", transfers.c.remind_at, where=transfers.c.remind_at < NEVER)

bank_lines = Table(
    "checkout_bank_lines",
    metadata,
    _key(),
    # A keyed hash of date, amount, text and number of occurrence, by which an overlapping statement is recognised.
    Column("fingerprint", Text, nullable=False, unique=True),
    Column("booked_on", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("narration", Text, nullable=False),
    Column("utr", Text, nullable=False),
    Column("state", Text, nullable=False),
    # The order that it pays. While the line is open: null.
    Column("order_id", ForeignKey("checkout_orders.id")),
    # The part that pays for the order. The rest is to be returned.
    Column("applied_minor", BigInteger, nullable=False),
    # The reason for which it was not matched, as a code.
    Column("problem", Text, nullable=False),
    # The reference of the order that it seems to be for; empty without one.
    Column("likely_ref", Text, nullable=False),
    Column("imported_at", BigInteger, nullable=False),
    Column("imported_by", ForeignKey("accounts_people.id"), nullable=False),
    Column("settled_at", BigInteger),
    Column("settled_by", ForeignKey("accounts_people.id")),
    CheckConstraint("state IN ('open', 'assigned', 'ignored')", name="state"),
    CheckConstraint("(state = 'assigned') = (order_id IS NOT NULL)", name="order"),
    CheckConstraint("amount_minor > 0 AND applied_minor BETWEEN 0 AND amount_minor", name="amount"),
)
"""Incoming payments of bank statements."""
Index("ix_checkout_bank_lines_order", bank_lines.c.order_id)
Index("ix_checkout_bank_lines_state", bank_lines.c.state, bank_lines.c.imported_at)
exchanges = Table(
    "checkout_exchanges",
    metadata,
    _key(),
    # The order that paid for the seat; null for a free one.
    Column("order_id", ForeignKey("checkout_orders.id")),
    Column("old_seat_id", ForeignKey("registrations_seats.id"), nullable=False, unique=True),
    Column("new_seat_id", ForeignKey("registrations_seats.id"), nullable=False),
    # The present seat: it follows later exchanges.
    Column("seat_id", ForeignKey("registrations_seats.id"), nullable=False),
    Column("old_title", Text, nullable=False),
    Column("new_title", Text, nullable=False),
    # What became of the difference (exchanges.py), and the difference.
    Column("settlement", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("made_by", ForeignKey("accounts_people.id")),
    Column("made_at", BigInteger, nullable=False),
    Column("settled_by", ForeignKey("accounts_people.id")),
    Column("settled_at", BigInteger),
    CheckConstraint(
        "settlement IN ('even', 'owed', 'paid', 'waived', 'replaced', 'refunded', 'kept', 'due', 'returned')",
        name="settlement",
    ),
    CheckConstraint("amount_minor >= 0", name="amount"),
)
"""Tickets that organisers exchanged for one of another type or event."""
shift_differences = Table(
    "checkout_shift_differences",
    metadata,
    _key(),
    # An exchange whose difference was paid, or given back, in cash during that shift.
    Column("exchange_id", ForeignKey("checkout_exchanges.id"), nullable=False),
    Column("shift_id", ForeignKey("checkout_shifts.id"), nullable=False),
    # Below zero if it was given back.
    Column("amount_minor", BigInteger, nullable=False),
)
Index("ix_checkout_shift_differences_shift", shift_differences.c.shift_id)
Index("ix_checkout_exchanges_order", exchanges.c.order_id)
Index("ix_checkout_exchanges_seat", exchanges.c.seat_id)

notes = Table(
    "checkout_notes",
    metadata,
    _key(),
    # The guest that it is about; for a note on an order, its buyer.
    Column("person_id", ForeignKey("accounts_people.id"), nullable=False),
    Column("order_id", ForeignKey("checkout_orders.id")),
    Column("text", Text, nullable=False),
    Column("written_by", ForeignKey("accounts_people.id")),
    Column("written_at", BigInteger, nullable=False),
    # The key of the form or call, so that a second click adds nothing.
    Column("request_key", Text, nullable=False),
    UniqueConstraint("person_id", "request_key"),
)
"""Internal notes of organisers."""
Index("ix_checkout_notes_order", notes.c.order_id)

complimentary = Table(
    "checkout_complimentary",
    metadata,
    Column("seat_id", ForeignKey("registrations_seats.id"), primary_key=True, autoincrement=False),
    Column("given_by", ForeignKey("accounts_people.id")),
    Column("given_at", BigInteger, nullable=False),
    # The key of the form or call, so that a second click gives nothing.
    Column("request_key", Text, nullable=False, unique=True),
)
"""The seats of complimentary tickets."""

sandbox_charges = Table(
    "checkout_sandbox_charges",
    metadata,
    Column("order_ref", Text, primary_key=True),
    Column("charge", Text, nullable=False, unique=True),
    Column("approved", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)
"""The provider's side, not ours: what a real one keeps in its own database."""

sandbox_refunds = Table(
    "checkout_sandbox_refunds",
    metadata,
    # The name that we gave the refund: asked for twice, it is made once.
    Column("refund", Text, primary_key=True),
    Column("charge", ForeignKey("checkout_sandbox_charges.charge"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
)
