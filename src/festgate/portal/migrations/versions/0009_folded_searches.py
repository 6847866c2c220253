"""folded searches: accents and punctuation do not matter, and people have a text for searches, too."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from alembic import op

from festgate.kit.text import searchable

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BATCH = 1_000
"""Rows that are read at once."""


def upgrade() -> None:
    """Make the change."""
    op.execute("ALTER TABLE accounts_people ADD COLUMN search TEXT DEFAULT '' NOT NULL")
    _fold("accounts_people", ("username", "email"), lambda values: searchable(" ".join(values)))
    fields = ("title", "summary", "place", "category")
    _fold("catalogue_events", fields, lambda values: searchable("\n".join(values)))


def _fold(name: str, fields: Sequence[str], text_of: Callable[[Sequence[str]], str]) -> None:
    """Set the column `search` of every row to the text of its fields."""
    connection = op.get_bind()
    rows = sa.table(name, sa.column("id"), sa.column("search"), *map(sa.column, fields))
    page = (
        sa.select(rows.c.id, *(rows.c[field] for field in fields))
        .where(rows.c.id > sa.bindparam("last"))
        .order_by(rows.c.id)
        .limit(BATCH)
    )
    change = sa.update(rows).where(rows.c.id == sa.bindparam("row")).values(search=sa.bindparam("text"))
    last = 0
    while batch := connection.execute(page, {"last": last}).all():
        connection.execute(change, [{"row": row, "text": text_of(values)} for row, *values in batch])
        last = batch[-1][0]
