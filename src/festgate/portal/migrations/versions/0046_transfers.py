"""transfers: the payer's UTR of an order, and the lines of bank statements."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

MODULE = "checkout"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NEVER = 9007199254740992


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "checkout_transfers",
        sa.Column("order_id", _KEY, autoincrement=False, nullable=False),
        sa.Column("utr", sa.Text(), nullable=False),
        sa.Column("utr_at", sa.BigInteger(), nullable=True),
        sa.Column("rejected_utr", sa.Text(), nullable=False),
        sa.Column("remind_at", sa.BigInteger(), nullable=False),
        sa.Column("by_hand_minor", sa.BigInteger(), nullable=False),
        sa.Column("waived_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["checkout_orders.id"], name=op.f("fk_checkout_transfers_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_checkout_transfers")),
    )
    op.create_index(
        "ix_checkout_transfers_remind",
        "checkout_transfers",
        ["remind_at"],
        sqlite_where=sa.text(f"remind_at < {_NEVER}"),
        postgresql_where=sa.text(f"remind_at < {_NEVER}"),
    )
    op.create_table(
        "checkout_bank_lines",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("booked_on", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("narration", sa.Text(), nullable=False),
        sa.Column("utr", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("order_id", _KEY, nullable=True),
        sa.Column("applied_minor", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("likely_ref", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("imported_by", _KEY, nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", _KEY, nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'assigned', 'ignored')", name=op.f("ck_checkout_bank_lines_state")
        ),
        sa.CheckConstraint(
            "(state = 'assigned') = (order_id IS NOT NULL)", name=op.f("ck_checkout_bank_lines_order")
        ),
        sa.CheckConstraint(
            "amount_minor > 0 AND applied_minor BETWEEN 0 AND amount_minor",
            name=op.f("ck_checkout_bank_lines_amount"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["checkout_orders.id"], name=op.f("fk_checkout_bank_lines_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["imported_by"], ["accounts_people.id"], name=op.f("fk_checkout_bank_lines_imported_by")
        ),
        sa.ForeignKeyConstraint(
            ["settled_by"], ["accounts_people.id"], name=op.f("fk_checkout_bank_lines_settled_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout_bank_lines")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_checkout_bank_lines_fingerprint")),
    )
    op.create_index("ix_checkout_bank_lines_order", "checkout_bank_lines", ["order_id"])
    op.create_index("ix_checkout_bank_lines_state", "checkout_bank_lines", ["state", "imported_at"])
