"""the box office: shifts of sellers, the sales of each, and the refunds that were paid out in them."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

MODULE = "checkout"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "checkout_shifts",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("float_minor", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("counted_minor", sa.BigInteger(), nullable=True),
        sa.Column("cash_minor", sa.BigInteger(), nullable=True),
        sa.Column("card_minor", sa.BigInteger(), nullable=True),
        sa.Column("upi_minor", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("float_minor >= 0", name=op.f("ck_checkout_shifts_float")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["accounts_people.id"], name=op.f("fk_checkout_shifts_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout_shifts")),
    )
    is_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_checkout_shifts_open",
        "checkout_shifts",
        ["person_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "checkout_sales",
        sa.Column("order_id", _KEY, nullable=False),
        sa.Column("shift_id", _KEY, nullable=False),
        sa.Column("seller_id", _KEY, nullable=False),
        sa.Column("form_key", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("received_minor", sa.BigInteger(), nullable=True),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["checkout_orders.id"], name=op.f("fk_checkout_sales_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["shift_id"], ["checkout_shifts.id"], name=op.f("fk_checkout_sales_shift_id")
        ),
        sa.ForeignKeyConstraint(
            ["seller_id"], ["accounts_people.id"], name=op.f("fk_checkout_sales_seller_id")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_checkout_sales")),
        sa.UniqueConstraint("seller_id", "form_key", name=op.f("uq_checkout_sales_seller_id_form_key")),
    )
    op.create_index("ix_checkout_sales_shift", "checkout_sales", ["shift_id"])
    op.create_table(
        "checkout_shift_refunds",
        sa.Column("refund_id", _KEY, nullable=False),
        sa.Column("shift_id", _KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["checkout_refunds.id"], name=op.f("fk_checkout_shift_refunds_refund_id")
        ),
        sa.ForeignKeyConstraint(
            ["shift_id"], ["checkout_shifts.id"], name=op.f("fk_checkout_shift_refunds_shift_id")
        ),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_checkout_shift_refunds")),
    )
    op.create_index("ix_checkout_shift_refunds_shift", "checkout_shift_refunds", ["shift_id"])
