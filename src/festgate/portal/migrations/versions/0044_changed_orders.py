"""changed orders: refunds in part, exchanged and complimentary tickets, and notes."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

MODULE = "checkout"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.execute("ALTER TABLE checkout_orders ADD COLUMN refunded_minor BIGINT DEFAULT 0 NOT NULL")
    op.execute(
        "UPDATE checkout_orders SET refunded_minor = (SELECT SUM(amount_minor) FROM checkout_refunds"
        " WHERE checkout_refunds.order_id = checkout_orders.id"
        " AND checkout_refunds.provider_ref = checkout_orders.provider_ref)"
        " WHERE EXISTS (SELECT 1 FROM checkout_refunds WHERE checkout_refunds.order_id = checkout_orders.id"
        " AND checkout_refunds.provider_ref = checkout_orders.provider_ref)"
    )
    op.execute("ALTER TABLE checkout_refunds ADD COLUMN request_key TEXT")
    op.create_index(
        "uq_checkout_refunds_request",
        "checkout_refunds",
        ["order_id", "request_key"],
        unique=True,
        sqlite_where=sa.text("request_key IS NOT NULL"),
        postgresql_where=sa.text("request_key IS NOT NULL"),
    )
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject"])
    op.create_table(
        "checkout_exchanges",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("order_id", _KEY, nullable=True),
        sa.Column("old_seat_id", _KEY, nullable=False),
        sa.Column("new_seat_id", _KEY, nullable=False),
        sa.Column("seat_id", _KEY, nullable=False),
        sa.Column("old_title", sa.Text(), nullable=False),
        sa.Column("new_title", sa.Text(), nullable=False),
        sa.Column("settlement", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("made_by", _KEY, nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_by", _KEY, nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "settlement IN ('even', 'owed', 'paid', 'waived', 'replaced', 'refunded', 'kept', 'due', 'returned')",
            name=op.f("ck_checkout_exchanges_settlement"),
        ),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_checkout_exchanges_amount")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["checkout_orders.id"], name=op.f("fk_checkout_exchanges_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["old_seat_id"], ["registrations_seats.id"], name=op.f("fk_checkout_exchanges_old_seat_id")
        ),
        sa.ForeignKeyConstraint(
            ["new_seat_id"], ["registrations_seats.id"], name=op.f("fk_checkout_exchanges_new_seat_id")
        ),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["registrations_seats.id"], name=op.f("fk_checkout_exchanges_seat_id")
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["accounts_people.id"], name=op.f("fk_checkout_exchanges_made_by")
        ),
        sa.ForeignKeyConstraint(
            ["settled_by"], ["accounts_people.id"], name=op.f("fk_checkout_exchanges_settled_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout_exchanges")),
        sa.UniqueConstraint("old_seat_id", name=op.f("uq_checkout_exchanges_old_seat_id")),
    )
    op.create_index("ix_checkout_exchanges_order", "checkout_exchanges", ["order_id"])
    op.create_index("ix_checkout_exchanges_seat", "checkout_exchanges", ["seat_id"])
    op.create_table(
        "checkout_notes",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("order_id", _KEY, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_by", _KEY, nullable=True),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["accounts_people.id"], name=op.f("fk_checkout_notes_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["checkout_orders.id"], name=op.f("fk_checkout_notes_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["written_by"], ["accounts_people.id"], name=op.f("fk_checkout_notes_written_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout_notes")),
        sa.UniqueConstraint("person_id", "request_key", name=op.f("uq_checkout_notes_person_id_request_key")),
    )
    op.create_index("ix_checkout_notes_order", "checkout_notes", ["order_id"])
    op.create_table(
        "checkout_complimentary",
        sa.Column("seat_id", _KEY, autoincrement=False, nullable=False),
        sa.Column("given_by", _KEY, nullable=True),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["registrations_seats.id"], name=op.f("fk_checkout_complimentary_seat_id")
        ),
        sa.ForeignKeyConstraint(
            ["given_by"], ["accounts_people.id"], name=op.f("fk_checkout_complimentary_given_by")
        ),
        sa.PrimaryKeyConstraint("seat_id", name=op.f("pk_checkout_complimentary")),
        sa.UniqueConstraint("request_key", name=op.f("uq_checkout_complimentary_request_key")),
    )
