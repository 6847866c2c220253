"""orders that change: lines can be dropped, a refund has its own currency, and who marked an order is recorded."""

from alembic import op

revision = "0008"
down_revision = "0007"

MODULE = "checkout"


def upgrade() -> None:
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute("ALTER TABLE checkout_orders ADD COLUMN request_hash TEXT")
    op.execute("ALTER TABLE checkout_orders ADD COLUMN revision INTEGER DEFAULT 0 NOT NULL")
    op.execute("ALTER TABLE checkout_orders ADD COLUMN asked_at BIGINT DEFAULT 0 NOT NULL")
    op.execute(
        f"ALTER TABLE checkout_orders ADD COLUMN paid_by {key}"
        " CONSTRAINT fk_checkout_orders_paid_by REFERENCES accounts_people (id)"
    )
    op.execute("ALTER TABLE checkout_lines ADD COLUMN dropped_at BIGINT")
    op.execute("ALTER TABLE checkout_refunds ADD COLUMN currency TEXT DEFAULT '' NOT NULL")
    op.execute(
        "UPDATE checkout_refunds SET currency ="
        " (SELECT currency FROM checkout_orders WHERE checkout_orders.id = checkout_refunds.order_id)"
    )
    for column in ("asked_by", "done_by"):
        op.execute(
            f"ALTER TABLE checkout_refunds ADD COLUMN {column} {key}"
            f" CONSTRAINT fk_checkout_refunds_{column} REFERENCES accounts_people (id)"
        )
