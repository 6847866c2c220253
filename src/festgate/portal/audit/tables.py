"""The table of the audit log; triggers of the database refuse changes and deletions."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from festgate.kit.db.statements import metadata

entries = Table(
    "audit_entries",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", BigInteger, nullable=False),
    # Null: a command, or the portal itself. No foreign key: this module is below that of people, and entries stay.
    Column("person_id", BigInteger),
    Column("origin", Text, nullable=False),
    Column("address", Text, nullable=False),
    # A key of actions.py.
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    # The event that it concerns, if it is one.
    Column("event_id", BigInteger),
    # A JSON object of short texts and numbers.
    Column("details", Text, nullable=False),
    # Action, subject and details, folded for searches.
    Column("search", Text, nullable=False),
    Index("ix_audit_entries_person", "person_id"),
    Index("ix_audit_entries_action", "action"),
    Index("ix_audit_entries_subject", "subject"),
)
