"""The tables of the fest itself: the settings that were saved in the browser, its logo, and its state."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, LargeBinary, Table, Text

from festgate.kit.db.statements import metadata

stored_settings = Table(
    "fest_settings",
    metadata,
    # A name of settings.py that fields.py lists.
    Column("name", Text, primary_key=True),
    # JSON; a secret is sealed (kit/sealing.py).
    Column("value", Text, nullable=False),
)

logos = Table(
    "fest_logos",
    metadata,
    # One row at most.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("content_type", Text, nullable=False),
    # A hash of the content, which is part of the address, so that browsers may keep the file for ever.
    Column("digest", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

states = Table(
    "fest_states",
    metadata,
    # Exactly one row.
    Column("id", Integer, primary_key=True, autoincrement=False),
    # Rises with each change of the settings or the logo.
    Column("version", BigInteger, nullable=False),
    # When the fest got its first person; null while an empty fest waits for its owner.
    Column("set_up_at", BigInteger),
    # The link that makes the first owner: a keyed hash of its token, and its end.
    Column("link_hash", Text),
    Column("link_ends_at", BigInteger),
    CheckConstraint("id = 1", name="one"),
)
