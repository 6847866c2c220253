"""the fest itself: settings that were saved in the browser, its logo, and whether it waits for its first owner."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

MODULE = "fest"


def upgrade() -> None:
    """Make the change. A fest that has people already does not wait for its first owner."""
    op.create_table(
        "fest_settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_fest_settings")),
    )
    op.create_table(
        "fest_logos",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_fest_logos_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fest_logos")),
    )
    states = op.create_table(
        "fest_states",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("set_up_at", sa.BigInteger(), nullable=True),
        sa.Column("link_hash", sa.Text(), nullable=True),
        sa.Column("link_ends_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_fest_states_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fest_states")),
    )
    has_people = op.get_bind().execute(sa.text("SELECT EXISTS (SELECT 1 FROM accounts_people)")).scalar()
    now = int(time.time() * 1000)
    op.bulk_insert(
        states,
        [
            {
                "id": 1,
                "version": 0,
                "set_up_at": now if has_people else None,
                "link_hash": None,
                "link_ends_at": None,
            }
        ],
    )
