"""the first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts_attempts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("window_ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_accounts_attempts")),
    )
    with op.batch_alter_table("accounts_attempts", schema=None) as batch_op:
        batch_op.create_index("ix_accounts_attempts_window_ends_at", ["window_ends_at"], unique=False)

    op.create_table(
        "accounts_people",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
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
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
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
    with op.batch_alter_table("catalogue_events", schema=None) as batch_op:
        batch_op.create_index("ix_catalogue_events_ends_at", ["ends_at"], unique=False)
        batch_op.create_index("ix_catalogue_events_starts_at", ["starts_at"], unique=False)

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
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kit_facts")),
    )
    with op.batch_alter_table("kit_facts", schema=None) as batch_op:
        batch_op.create_index(
            "ix_kit_facts_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at < 9007199254740992"),
            postgresql_where=sa.text("due_at < 9007199254740992"),
        )

    op.create_table(
        "kit_mail",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
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
    with op.batch_alter_table("kit_mail", schema=None) as batch_op:
        batch_op.create_index(
            "ix_kit_mail_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at < 9007199254740992"),
            postgresql_where=sa.text("due_at < 9007199254740992"),
        )

    op.create_table(
        "accounts_sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('cookie', 'token')", name=op.f("ck_accounts_sessions_kind")),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["accounts_people.id"],
            name=op.f("fk_accounts_sessions_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_accounts_sessions")),
    )
    with op.batch_alter_table("accounts_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_sessions_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_accounts_sessions_person_id"), ["person_id"], unique=False)

    op.create_table(
        "catalogue_seats",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("on_sale", sa.Integer(), nullable=False),
        sa.CheckConstraint("taken BETWEEN 0 AND capacity", name=op.f("ck_catalogue_seats_taken")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["catalogue_events.id"], name=op.f("fk_catalogue_seats_event_id")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_catalogue_seats")),
    )
    op.create_table(
        "checkout_orders",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["person_id"], ["accounts_people.id"], name=op.f("fk_checkout_orders_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout_orders")),
        sa.UniqueConstraint(
            "person_id", "idempotency_key", name=op.f("uq_checkout_orders_person_id_idempotency_key")
        ),
        sa.UniqueConstraint("ref", name=op.f("uq_checkout_orders_ref")),
    )
    with op.batch_alter_table("checkout_orders", schema=None) as batch_op:
        batch_op.create_index(
            "ix_checkout_orders_ask",
            ["ask_at"],
            unique=False,
            sqlite_where=sa.text("ask_at < 9007199254740992"),
            postgresql_where=sa.text("ask_at < 9007199254740992"),
        )
        batch_op.create_index("ix_checkout_orders_state", ["state", "created_at"], unique=False)

    op.create_table(
        "checkout_sandbox_refunds",
        sa.Column("refund", sa.Text(), nullable=False),
        sa.Column("charge", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["charge"], ["checkout_sandbox_charges.charge"], name=op.f("fk_checkout_sandbox_refunds_charge")
        ),
        sa.PrimaryKeyConstraint("refund", name=op.f("pk_checkout_sandbox_refunds")),
    )
    op.create_table(
        "kit_deliveries",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["fact_id"], ["kit_facts.id"], name=op.f("fk_kit_deliveries_fact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("fact_id", "handler", name=op.f("pk_kit_deliveries")),
    )
    op.create_table(
        "registrations_seats",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["event_id"], ["catalogue_events.id"], name=op.f("fk_registrations_seats_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["accounts_people.id"], name=op.f("fk_registrations_seats_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations_seats")),
    )
    with op.batch_alter_table("registrations_seats", schema=None) as batch_op:
        batch_op.create_index("ix_registrations_seats_event", ["event_id", "state"], unique=False)
        batch_op.create_index(
            "ix_registrations_seats_held",
            ["held_until"],
            unique=False,
            sqlite_where=sa.text("state = 'held'"),
            postgresql_where=sa.text("state = 'held'"),
        )
        batch_op.create_index("ix_registrations_seats_order", ["order_id"], unique=False)
        batch_op.create_index("ix_registrations_seats_person", ["person_id"], unique=False)
        batch_op.create_index(
            "uq_registrations_seats_live",
            ["event_id", "person_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('held', 'confirmed')"),
            postgresql_where=sa.text("state IN ('held', 'confirmed')"),
        )

    op.create_table(
        "checkout_lines",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seat_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["checkout_orders.id"], name=op.f("fk_checkout_lines_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["registrations_seats.id"], name=op.f("fk_checkout_lines_seat_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "seat_id", name=op.f("pk_checkout_lines")),
    )
    with op.batch_alter_table("checkout_lines", schema=None) as batch_op:
        batch_op.create_index("ix_checkout_lines_seat", ["seat_id"], unique=False)

    op.create_table(
        "checkout_refunds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seat_id", sa.BigInteger(), nullable=True),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["checkout_orders.id"], name=op.f("fk_checkout_refunds_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout_refunds")),
    )
    with op.batch_alter_table("checkout_refunds", schema=None) as batch_op:
        batch_op.create_index(
            "ix_checkout_refunds_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at < 9007199254740992"),
            postgresql_where=sa.text("due_at < 9007199254740992"),
        )
        batch_op.create_index("ix_checkout_refunds_order", ["order_id"], unique=False)

    op.create_table(
        "tickets_tickets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("seat_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('valid', 'void')", name=op.f("ck_tickets_tickets_state")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["catalogue_events.id"], name=op.f("fk_tickets_tickets_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["checkout_orders.id"], name=op.f("fk_tickets_tickets_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["accounts_people.id"], name=op.f("fk_tickets_tickets_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["registrations_seats.id"], name=op.f("fk_tickets_tickets_seat_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets_tickets")),
        sa.UniqueConstraint("code", name=op.f("uq_tickets_tickets_code")),
        sa.UniqueConstraint("seat_id", name=op.f("uq_tickets_tickets_seat_id")),
    )
    with op.batch_alter_table("tickets_tickets", schema=None) as batch_op:
        batch_op.create_index("ix_tickets_tickets_event_id", ["event_id", "id"], unique=False)
        batch_op.create_index("ix_tickets_tickets_person_id", ["person_id"], unique=False)
