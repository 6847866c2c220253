"""answers to the organisers' questions, and the files among them."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

MODULE = "registrations"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "registrations_files",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["accounts_people.id"], name=op.f("fk_registrations_files_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations_files")),
    )
    op.create_index("ix_registrations_files_person", "registrations_files", ["person_id"])
    op.create_table(
        "registrations_file_space",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_registrations_file_space_used")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_registrations_file_space")),
    )
    op.create_table(
        "registrations_answers",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("question_id", _KEY, nullable=False),
        sa.Column("event_id", _KEY, nullable=False),
        sa.Column("seat_id", _KEY, nullable=True),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("file_id", _KEY, nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["question_id"], ["catalogue_questions.id"], name=op.f("fk_registrations_answers_question_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["catalogue_events.id"], name=op.f("fk_registrations_answers_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["registrations_seats.id"], name=op.f("fk_registrations_answers_seat_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["accounts_people.id"], name=op.f("fk_registrations_answers_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["registrations_files.id"], name=op.f("fk_registrations_answers_file_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations_answers")),
    )
    of_ticket, of_order = sa.text("seat_id IS NOT NULL"), sa.text("seat_id IS NULL")
    op.create_index(
        "uq_registrations_answers_seat",
        "registrations_answers",
        ["seat_id", "question_id"],
        unique=True,
        sqlite_where=of_ticket,
        postgresql_where=of_ticket,
    )
    op.create_index(
        "uq_registrations_answers_order",
        "registrations_answers",
        ["person_id", "event_id", "question_id"],
        unique=True,
        sqlite_where=of_order,
        postgresql_where=of_order,
    )
    op.create_index("ix_registrations_answers_event", "registrations_answers", ["event_id"])
    op.create_index("ix_registrations_answers_person", "registrations_answers", ["person_id"])
    op.create_index("ix_registrations_answers_question", "registrations_answers", ["question_id"])
    with_file = sa.text("file_id IS NOT NULL")
    op.create_index(
        "ix_registrations_answers_file",
        "registrations_answers",
        ["file_id"],
        unique=True,
        sqlite_where=with_file,
        postgresql_where=with_file,
    )
