"""invitations: emails that invite somebody to the team of the fest, with the role that they offer."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

MODULE = "accounts"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "accounts_invitations",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("event_ids", sa.Text(), nullable=False),
        sa.Column("invited_by", _KEY, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "role IN ('staff', 'box-office', 'treasurer', 'lead', 'organiser', 'owner')",
            name=op.f("ck_accounts_invitations_role"),
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["accounts_people.id"], name=op.f("fk_accounts_invitations_invited_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_accounts_invitations_token_hash")),
        sa.UniqueConstraint("email_key", name=op.f("uq_accounts_invitations_email_key")),
    )
    op.create_index("ix_accounts_invitations_invited_by", "accounts_invitations", ["invited_by"])
    op.create_index("ix_accounts_invitations_expires_at", "accounts_invitations", ["expires_at"])
