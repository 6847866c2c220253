"""guests: buyers without an account, the links that open their orders, and forms that were sent twice."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

MODULE = "accounts"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute("ALTER TABLE accounts_people ADD COLUMN guest_key TEXT")
    op.execute(
        f"ALTER TABLE accounts_people ADD COLUMN claimed_by {key}"
        " CONSTRAINT fk_accounts_people_claimed_by REFERENCES accounts_people (id)"
    )
    is_guest = sa.text("guest_key IS NOT NULL")
    op.create_index(
        "ix_accounts_people_guest",
        "accounts_people",
        ["guest_key"],
        sqlite_where=is_guest,
        postgresql_where=is_guest,
    )
    op.create_table(
        "accounts_guest_links",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["accounts_people.id"],
            name=op.f("fk_accounts_guest_links_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_accounts_guest_links")),
    )
    op.create_index("ix_accounts_guest_links_person_id", "accounts_guest_links", ["person_id"])
    op.create_index("ix_accounts_guest_links_expires_at", "accounts_guest_links", ["expires_at"])
    op.create_table(
        "accounts_guest_forms",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["accounts_people.id"],
            name=op.f("fk_accounts_guest_forms_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_accounts_guest_forms")),
    )
    op.create_index("ix_accounts_guest_forms_expires_at", "accounts_guest_forms", ["expires_at"])
