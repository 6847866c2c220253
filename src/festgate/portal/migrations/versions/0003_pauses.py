"""pauses: the clock of holds stands still while nobody can pay."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

MODULE = "registrations"


def upgrade() -> None:
    op.create_table(
        "registrations_pauses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations_pauses")),
    )
    op.create_index(
        "uq_registrations_pauses_open",
        "registrations_pauses",
        ["applied_at"],
        unique=True,
        sqlite_where=sa.text("applied_at = 9007199254740992"),
        postgresql_where=sa.text("applied_at = 9007199254740992"),
    )
