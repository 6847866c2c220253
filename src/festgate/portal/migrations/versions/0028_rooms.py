"""rooms: an event can take place in a room of the fest, which has an address and a number of seats."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

MODULE = "catalogue"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "catalogue_rooms",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("map_url", sa.Text(), nullable=False),
        sa.CheckConstraint("capacity >= 1", name=op.f("ck_catalogue_rooms_capacity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_rooms")),
        sa.UniqueConstraint("name_key", name=op.f("uq_catalogue_rooms_name_key")),
    )
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE catalogue_events ADD COLUMN room_id {key}"
        " CONSTRAINT fk_catalogue_events_room_id REFERENCES catalogue_rooms (id)"
    )
    op.create_index("ix_catalogue_events_room_id", "catalogue_events", ["room_id"])
