"""confirmed addresses: when an account's email address was confirmed, and when a session was last used."""

from alembic import op

revision = "0006"
down_revision = "0005"

MODULE = "accounts"


def upgrade() -> None:
    op.execute("ALTER TABLE accounts_people ADD COLUMN email_confirmed_at BIGINT")
    # Nobody could confirm an address before; accounts from that time keep all that they could do.
    op.execute("UPDATE accounts_people SET email_confirmed_at = created_at")
    op.execute("ALTER TABLE accounts_sessions ADD COLUMN seen_at BIGINT DEFAULT 0 NOT NULL")
    op.execute("UPDATE accounts_sessions SET seen_at = created_at")
