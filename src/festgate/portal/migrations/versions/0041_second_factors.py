"""second factors of accounts with their recovery codes, and when the person of a session last entered the password."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

MODULE = "accounts"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change. Nobody has entered a password in an open session yet, as far as is known."""
    op.execute("ALTER TABLE accounts_sessions ADD COLUMN proved_at BIGINT DEFAULT 0 NOT NULL")
    op.create_table(
        "accounts_second_factors",
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("sealed_key", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["accounts_people.id"],
            name=op.f("fk_accounts_second_factors_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_accounts_second_factors")),
    )
    op.create_table(
        "accounts_recovery_codes",
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["accounts_people.id"],
            name=op.f("fk_accounts_recovery_codes_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_accounts_recovery_codes")),
    )
    op.create_index("ix_accounts_recovery_codes_person_id", "accounts_recovery_codes", ["person_id"])
    op.create_table(
        "accounts_requirements",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("required_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_accounts_requirements")),
    )
