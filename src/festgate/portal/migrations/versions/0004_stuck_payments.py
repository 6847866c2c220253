"""stuck payments: why a provider's answer to an order is missing."""

from alembic import op

revision = "0004"
down_revision = "0003"

MODULE = "checkout"


def upgrade() -> None:
    # Written as SQL, which adds it in place on either database; Alembic would copy SQLite's table.
    op.execute("ALTER TABLE checkout_orders ADD COLUMN ask_error TEXT")
