"""The tables of people, their sessions, and attempts that are counted."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from festgate.kit.db.statements import metadata

people = Table(
    "accounts_people",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("username", Text, nullable=False),
    # What is unique is the key (see names.py): Asha and ASHA are one name.
    Column("username_key", Text, nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # When the person showed that email reaches them; null until then.
    Column("email_confirmed_at", BigInteger),
    CheckConstraint("role IN ('attendee', 'staff', 'organiser')", name="role"),
)

sessions = Table(
    "accounts_sessions",
    metadata,
    # SHA-256 of the token, so that who reads the table (or a backup of it) cannot act as anyone. The token has 256 bits
    # of chance: there is nothing to try out, so no slow hash is needed.
    Column("token_hash", Text, primary_key=True),
    Column("person_id", ForeignKey("accounts_people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    # When it was last used, to within some minutes.
    Column("seen_at", BigInteger, nullable=False),
    CheckConstraint("kind IN ('cookie', 'token')", name="kind"),
)

attempts = Table(
    "accounts_attempts",
    metadata,
    # A keyed hash: neither the names that were tried nor anyone's address can be read from it.
    Column("key", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("window_ends_at", BigInteger, nullable=False),
)
Index("ix_accounts_attempts_window_ends_at", attempts.c.window_ends_at)
