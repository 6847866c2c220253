"""The tables of people, guests, links, invitations, sessions, second factors, and counted attempts."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, func

from festgate.kit.db.statements import metadata, partial_index

WALK_IN = "WALK-IN "
"""The beginning of the guest key of a walk-in without an email address (walk_ins.py)."""

people = Table(
    "accounts_people",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    # Of a deleted account: a placeholder with the number of the row, and no email address.
    Column("username", Text, nullable=False),
    # The key (names.py) is unique: Asha and ASHA are one name.
    Column("username_key", Text, nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # When the email address was confirmed; null until then.
    Column("email_confirmed_at", BigInteger),
    # The person's own name; empty for accounts from before it was asked for, which are shown by their username.
    Column("name", Text, nullable=False),
    # The name, the username and the email address, folded for searches (names.py).
    Column("search", Text, nullable=False),
    # Of a guest without an account: the key of the email address, for which there can be several rows, one for each
    # browser. Empty once an account has claimed the guest's orders, or the guest has deleted everything.
    Column("guest_key", Text),
    # The person that has claimed the guest's orders.
    Column("claimed_by", ForeignKey("accounts_people.id")),
    CheckConstraint(
        "role IN ('attendee', 'staff', 'box-office', 'treasurer', 'lead', 'organiser', 'owner')", name="role"
    ),
)

IS_GUEST = people.c.guest_key.is_not(None)
IS_WALK_IN = func.substr(people.c.guest_key, 1, len(WALK_IN)) == WALK_IN
partial_index("ix_accounts_people_guest", people.c.guest_key, where=IS_GUEST)

guest_links = Table(
    "accounts_guest_links",
    metadata,
    # SHA-256 of the token in the link, as for sessions.
    Column("token_hash", Text, primary_key=True),
    Column("person_id", ForeignKey("accounts_people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

guest_forms = Table(
    "accounts_guest_forms",
    metadata,
    # A keyed hash of everything that a guest has sent from one browser, so that a second click is recognised.
    Column("key", Text, primary_key=True),
    Column("person_id", ForeignKey("accounts_people.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

invitations = Table(
    "accounts_invitations",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    # SHA-256 of the token in the link, as for sessions.
    Column("token_hash", Text, nullable=False, unique=True),
    Column("email", Text, nullable=False),
    # One invitation for each address.
    Column("email_key", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    # A JSON list. The events belong to a module above, so a deleted one may still be listed.
    Column("event_ids", Text, nullable=False),
    # Null: the account that invited was deleted.
    Column("invited_by", ForeignKey("accounts_people.id"), index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    CheckConstraint(
        "role IN ('staff', 'box-office', 'treasurer', 'lead', 'organiser', 'owner')", name="role"
    ),
)

sessions = Table(
    "accounts_sessions",
    metadata,
    # SHA-256 of the token, so that a reader of the table (or of a backup) cannot act as anyone. The token has 256
    # random bits, which nobody can try out, so a slow hash is not needed.
    Column("token_hash", Text, primary_key=True),
    Column("person_id", ForeignKey("accounts_people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    # When it was last used, to within some minutes.
    Column("seen_at", BigInteger, nullable=False),
    # When the person last entered the password in it, and the code if there is a second factor; 0 if never.
    Column("proved_at", BigInteger, nullable=False),
    CheckConstraint("kind IN ('cookie', 'token')", name="kind"),
)

second_factors = Table(
    "accounts_second_factors",
    metadata,
    Column("person_id", ForeignKey("accounts_people.id", ondelete="CASCADE"), primary_key=True),
    # The key of the one-time codes, encrypted with the fest's secret (kit/sealing.py).
    Column("sealed_key", Text, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    # When it was confirmed by a code; null while it is being set up, when nothing asks for it.
    Column("confirmed_at", BigInteger),
    # The number of the last half minute whose code was used: no code is accepted twice.
    Column("last_step", BigInteger, nullable=False),
)

recovery_codes = Table(
    "accounts_recovery_codes",
    metadata,
    # SHA-256 of a code of 80 random bits. A code that was used is deleted.
    Column("code_hash", Text, primary_key=True),
    Column("person_id", ForeignKey("accounts_people.id", ondelete="CASCADE"), nullable=False, index=True),
)

requirements = Table(
    "accounts_requirements",
    metadata,
    # A rule for all accounts of the team that the owner has switched on: `second-factor`.
    Column("name", Text, primary_key=True),
    Column("required_at", BigInteger, nullable=False),
)

address_changes = Table(
    "accounts_address_changes",
    metadata,
    Column("person_id", ForeignKey("accounts_people.id", ondelete="CASCADE"), primary_key=True),
    # The address that the link was sent to. It becomes the person's when the link is used.
    Column("email", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

attempts = Table(
    "accounts_attempts",
    metadata,
    # A keyed hash: it reveals neither the names that were tried nor anyone's address.
    Column("key", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("window_ends_at", BigInteger, nullable=False),
)
Index("ix_accounts_attempts_window_ends_at", attempts.c.window_ends_at)
