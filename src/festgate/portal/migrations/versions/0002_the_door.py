"""the door: when a ticket's holder came in, who let them in, and what of that was taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MODULE = "tickets"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Written as SQL: SQLite can add a column that refers to another table, at once and with all rows in place, where
    # Alembic would copy the table and lose the rule on its states.
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute("ALTER TABLE tickets_tickets ADD COLUMN admitted_at BIGINT")
    op.execute(
        f"ALTER TABLE tickets_tickets ADD COLUMN admitted_by {key}"
        " CONSTRAINT fk_tickets_tickets_admitted_by REFERENCES accounts_people (id)"
    )
    op.create_index(
        "ix_tickets_tickets_door",
        "tickets_tickets",
        ["event_id", "admitted_at", "state"],
        sqlite_where=sa.text("state = 'valid'"),
        postgresql_where=sa.text("state = 'valid'"),
    )
    op.create_table(
        "tickets_undone_admissions",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("ticket_id", _KEY, nullable=False),
        sa.Column("admitted_at", sa.BigInteger(), nullable=False),
        sa.Column("admitted_by", _KEY, nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=False),
        sa.Column("undone_by", _KEY, nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets_tickets.id"], name=op.f("fk_tickets_undone_admissions_ticket_id")
        ),
        sa.ForeignKeyConstraint(
            ["admitted_by"], ["accounts_people.id"], name=op.f("fk_tickets_undone_admissions_admitted_by")
        ),
        sa.ForeignKeyConstraint(
            ["undone_by"], ["accounts_people.id"], name=op.f("fk_tickets_undone_admissions_undone_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets_undone_admissions")),
    )
    op.create_index("ix_tickets_undone_admissions_ticket_id", "tickets_undone_admissions", ["ticket_id"])
