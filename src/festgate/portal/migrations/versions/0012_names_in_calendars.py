"""names in calendars: every event has a UID of its own and a SEQUENCE, so that later files update its entry."""

from urllib.parse import urlsplit
from uuid import uuid4

import sqlalchemy as sa
from alembic import context, op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

HERE = ("", "localhost", "127.0.0.1", "::1")
"""Hosts that only their own machine can reach: nobody else has a calendar entry from there."""


def upgrade() -> None:
    """Make the change."""
    op.execute("ALTER TABLE catalogue_events ADD COLUMN uid TEXT DEFAULT '' NOT NULL")
    op.execute("ALTER TABLE catalogue_events ADD COLUMN sequence INTEGER DEFAULT 0 NOT NULL")
    _set_uids()
    # Entries without a SEQUENCE count as 0, so the next file of an event is newer than any before.
    op.execute("UPDATE catalogue_events SET sequence = 1 WHERE state <> 'draft'")


def _set_uids() -> None:
    """Keep the UID of events that may be in calendars, if the portal's address is known; others get a random one."""
    connection = op.get_bind()
    host = urlsplit(context.config.attributes.get("base_url", "")).hostname or ""
    rows = sa.table("catalogue_events", sa.column("id"), sa.column("state"), sa.column("uid"))
    change = sa.update(rows).where(rows.c.id == sa.bindparam("row")).values(uid=sa.bindparam("new_uid"))
    values = [
        {
            "row": number,
            "new_uid": str(uuid4()) if state == "draft" or host in HERE else f"event-{number}@{host}",
        }
        for number, state in connection.execute(sa.select(rows.c.id, rows.c.state)).all()
    ]
    if values:
        connection.execute(change, values)
