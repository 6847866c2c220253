"""teams: their captains take all seats together, and members join by a link."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

MODULE = "registrations"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "registrations_teams",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("event_id", _KEY, nullable=False),
        sa.Column("type_id", _KEY, nullable=False),
        sa.Column("captain_id", _KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("invited", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_registrations_teams_size")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["catalogue_events.id"], name=op.f("fk_registrations_teams_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["type_id"], ["catalogue_ticket_types.id"], name=op.f("fk_registrations_teams_type_id")
        ),
        sa.ForeignKeyConstraint(
            ["captain_id"], ["accounts_people.id"], name=op.f("fk_registrations_teams_captain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations_teams")),
        sa.UniqueConstraint("token", name=op.f("uq_registrations_teams_token")),
    )
    live = sa.text("size > 0")
    op.create_index(
        "uq_registrations_teams_name",
        "registrations_teams",
        ["event_id", "name_key"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
    op.create_index("ix_registrations_teams_captain", "registrations_teams", ["captain_id"])
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE registrations_seats ADD COLUMN team_id {key}"
        " CONSTRAINT fk_registrations_seats_team_id REFERENCES registrations_teams (id)"
    )
    op.execute(
        f"ALTER TABLE registrations_seats ADD COLUMN member_id {key}"
        " CONSTRAINT fk_registrations_seats_member_id REFERENCES accounts_people (id)"
    )
    in_team = sa.text("team_id IS NOT NULL")
    op.create_index(
        "ix_registrations_seats_team",
        "registrations_seats",
        ["team_id"],
        sqlite_where=in_team,
        postgresql_where=in_team,
    )
    member = sa.text("member_id IS NOT NULL")
    op.create_index(
        "ix_registrations_seats_member",
        "registrations_seats",
        ["member_id"],
        sqlite_where=member,
        postgresql_where=member,
    )
    live_member = sa.text("state IN ('held', 'confirmed') AND member_id IS NOT NULL")
    op.create_index(
        "uq_registrations_seats_member",
        "registrations_seats",
        ["event_id", "member_id"],
        unique=True,
        sqlite_where=live_member,
        postgresql_where=live_member,
    )
