"""shifts: the differences of exchanges that a seller was paid, or gave back, in cash."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

MODULE = "checkout"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "checkout_shift_differences",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("exchange_id", _KEY, nullable=False),
        sa.Column("shift_id", _KEY, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange_id"],
            ["checkout_exchanges.id"],
            name=op.f("fk_checkout_shift_differences_exchange_id"),
        ),
        sa.ForeignKeyConstraint(
            ["shift_id"], ["checkout_shifts.id"], name=op.f("fk_checkout_shift_differences_shift_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout_shift_differences")),
    )
    op.create_index("ix_checkout_shift_differences_shift", "checkout_shift_differences", ["shift_id"])
