"""the first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _foreign(table: str, column: str, target: str, **options: Any) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), **options)


def _where(condition: str) -> dict[str, Any]:
    """Return the condition of a partial index, for either database."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "accounts_attempts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("window_ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_accounts_attempts")),
    )
    op.create_index("ix_accounts_attempts_window_ends_at", "accounts_attempts", ["window_ends_at"])

    op.create_table(
        "accounts_people",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("username_key", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "role IN ('attendee', 'staff', 'organiser')", name=op.f("ck_accounts_people_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts_people")),
        sa.UniqueConstraint("email_key", name=op.f("uq_accounts_people_email_key")),
        sa.UniqueConstraint("username_key", name=op.f("uq_accounts_people_username_key")),
    )
    op.create_table(
        "catalogue_events",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("sales_open_at", sa.BigInteger(), nullable=False),
        sa.Column("sales_close_at", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'published', 'cancelled')", name=op.f("ck_catalogue_events_state")
        ),
        sa.CheckConstraint("fee_minor >= 0", name=op.f("ck_catalogue_events_fee")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_events")),
        sa.UniqueConstraint("slug", name=op.f("uq_catalogue_events_slug")),
        sa.UniqueConstraint("version", name=op.f("uq_catalogue_events_version")),
    )
    op.create_index("ix_catalogue_events_ends_at", "catalogue_events", ["ends_at"])
    op.create_index("ix_catalogue_events_starts_at", "catalogue_events", ["starts_at"])

    op.create_table(
        "checkout_sandbox_charges",
        sa.Column("order_ref", sa.Text(), nullable=False),
        sa.Column("charge", sa.Text(), nullable=False),
        sa.Column("approved", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_ref", name=op.f("pk_checkout_sandbox_charges")),
        sa.UniqueConstraint("charge", name=op.f("uq_checkout_sandbox_charges_charge")),
    )
    op.create_table(
        "kit_facts",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kit_facts")),
    )
    op.create_index("ix_kit_facts_due", "kit_facts", ["due_at"], **_where("due_at < 9007199254740992"))

    op.create_table(
        "kit_mail",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("attachments", sa.Text(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kit_mail")),
        sa.UniqueConstraint("topic", name=op.f("uq_kit_mail_topic")),
    )
    op.create_index("ix_kit_mail_due", "kit_mail", ["due_at"], **_where("due_at < 9007199254740992"))

    op.create_table(
        "accounts_sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('cookie', 'token')", name=op.f("ck_accounts_sessions_kind")),
        _foreign("accounts_sessions", "person_id", "accounts_people.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_accounts_sessions")),
    )
    op.create_index(op.f("ix_accounts_sessions_expires_at"), "accounts_sessions", ["expires_at"])
    op.create_index(op.f("ix_accounts_sessions_person_id"), "accounts_sessions", ["person_id"])

    op.create_table(
        "catalogue_seats",
        sa.Column("event_id", _KEY, nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("on_sale", sa.Integer(), nullable=False),
        sa.CheckConstraint("taken BETWEEN 0 AND capacity", name=op.f("ck_catalogue_seats_taken")),
        _foreign("catalogue_seats", "event_id", "catalogue_events.id"),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_catalogue_seats")),
    )
    op.create_table(
        "checkout_orders",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ask_at", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("paid_at", sa.BigInteger(), nullable=True),
        sa.Column("paid_minor", sa.BigInteger(), nullable=True),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("pay_url", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'paid', 'declined', 'cancelled', 'expired', 'refunding', 'refunded')",
            name=op.f("ck_checkout_orders_state"),
        ),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_checkout_orders_total")),
        _foreign("checkout_orders", "person_id", "accounts_people.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout_orders")),
        sa.UniqueConstraint(
            "person_id", "idempotency_key", name=op.f("uq_checkout_orders_person_id_idempotency_key")
        ),
        sa.UniqueConstraint("ref", name=op.f("uq_checkout_orders_ref")),
    )
    op.create_index(
        "ix_checkout_orders_ask", "checkout_orders", ["ask_at"], **_where("ask_at < 9007199254740992")
    )
    op.create_index("ix_checkout_orders_state", "checkout_orders", ["state", "created_at"])

    op.create_table(
        "checkout_sandbox_refunds",
        sa.Column("refund", sa.Text(), nullable=False),
        sa.Column("charge", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        _foreign("checkout_sandbox_refunds", "charge", "checkout_sandbox_charges.charge"),
        sa.PrimaryKeyConstraint("refund", name=op.f("pk_checkout_sandbox_refunds")),
    )
    op.create_table(
        "kit_deliveries",
        sa.Column("fact_id", _KEY, nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=False),
        _foreign("kit_deliveries", "fact_id", "kit_facts.id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("fact_id", "handler", name=op.f("pk_kit_deliveries")),
    )
    op.create_table(
        "registrations_seats",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("event_id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("held_until", sa.BigInteger(), nullable=False),
        sa.Column("hold_ends_at", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('held', 'confirmed', 'cancelled', 'lapsed')", name=op.f("ck_registrations_seats_state")
        ),
        _foreign("registrations_seats", "event_id", "catalogue_events.id"),
        _foreign("registrations_seats", "person_id", "accounts_people.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations_seats")),
    )
    op.create_index("ix_registrations_seats_event", "registrations_seats", ["event_id", "state"])
    op.create_index(
        "ix_registrations_seats_held", "registrations_seats", ["held_until"], **_where("state = 'held'")
    )
    op.create_index("ix_registrations_seats_order", "registrations_seats", ["order_id"])
    op.create_index("ix_registrations_seats_person", "registrations_seats", ["person_id"])
    op.create_index(
        "uq_registrations_seats_live",
        "registrations_seats",
        ["event_id", "person_id"],
        unique=True,
        **_where("state IN ('held', 'confirmed')"),
    )

    op.create_table(
        "checkout_lines",
        sa.Column("order_id", _KEY, nullable=False),
        sa.Column("seat_id", _KEY, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        _foreign("checkout_lines", "order_id", "checkout_orders.id"),
        _foreign("checkout_lines", "seat_id", "registrations_seats.id"),
        sa.PrimaryKeyConstraint("order_id", "seat_id", name=op.f("pk_checkout_lines")),
    )
    op.create_index("ix_checkout_lines_seat", "checkout_lines", ["seat_id"])

    op.create_table(
        "checkout_refunds",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("order_id", _KEY, nullable=False),
        sa.Column("seat_id", sa.BigInteger(), nullable=True),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        _foreign("checkout_refunds", "order_id", "checkout_orders.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout_refunds")),
    )
    op.create_index(
        "ix_checkout_refunds_due", "checkout_refunds", ["due_at"], **_where("due_at < 9007199254740992")
    )
    op.create_index("ix_checkout_refunds_order", "checkout_refunds", ["order_id"])

    op.create_table(
        "tickets_tickets",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("seat_id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("event_id", _KEY, nullable=False),
        sa.Column("order_id", _KEY, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('valid', 'void')", name=op.f("ck_tickets_tickets_state")),
        _foreign("tickets_tickets", "event_id", "catalogue_events.id"),
        _foreign("tickets_tickets", "order_id", "checkout_orders.id"),
        _foreign("tickets_tickets", "person_id", "accounts_people.id"),
        _foreign("tickets_tickets", "seat_id", "registrations_seats.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets_tickets")),
        sa.UniqueConstraint("code", name=op.f("uq_tickets_tickets_code")),
        sa.UniqueConstraint("seat_id", name=op.f("uq_tickets_tickets_seat_id")),
    )
    op.create_index("ix_tickets_tickets_event_id", "tickets_tickets", ["event_id", "id"])
    op.create_index("ix_tickets_tickets_person_id", "tickets_tickets", ["person_id"])
