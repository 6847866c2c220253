"""folded searches: accents and punctuation do not matter, and people have a text for searches, too."""

import re
import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BATCH = 1_000
"""Rows that are read at once."""
ACCENTS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670]"
)
PLAIN = str.maketrans(
    "øđðħ\u0131łŧ", "oddhilt", "'\u2018\u2019\u201b\u02b9\u02bb\u02bc\u2032\uff07`\u00b4"
) | str.maketrans({"æ": "ae", "œ": "oe", "þ": "th"})


def upgrade() -> None:
    """Make the change."""
    op.execute("ALTER TABLE accounts_people ADD COLUMN search TEXT DEFAULT '' NOT NULL")
    _set_search("accounts_people", ("username", "email"))
    _set_search("catalogue_events", ("title", "summary", "place", "category"))


def _set_search(name: str, fields: Sequence[str]) -> None:
    """Set the column `search` of every row to the folded text of its fields."""
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
        connection.execute(
            change, [{"row": row, "text": _folded(" ".join(values))} for row, *values in batch]
        )
        last = batch[-1][0]


def _folded(text: str) -> str:
    """Return what `kit.text.searchable` returned at this version."""
    decomposed = unicodedata.normalize("NFKD", text.translate(PLAIN)).casefold()
    letters = ACCENTS.sub("", unicodedata.normalize("NFKD", decomposed)).translate(PLAIN)
    kinds = ((sign, unicodedata.category(sign)) for sign in letters)
    words = "".join(" " if kind[0] == "P" and sign != "#" else sign for sign, kind in kinds if kind != "Cf")
    return unicodedata.normalize("NFC", " ".join(words.split()))
