"""Rows that the database returns as one JSON text."""

from sqlalchemy import bindparam, literal, select

from festgate.kit.db.json_rows import JsonRows, read_rows
from festgate.kit.db.statements import Statement
from festgate.portal.accounts.tables import people
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_someone

_listed = (
    select(people.c.id, people.c.name, people.c.guest_key, (people.c.id + 2**50).label("large"))
    .where(people.c.id > bindparam("after"))
    .order_by(people.c.username.desc())
    .limit(bindparam("limit"))
    .subquery("listed")
)
_rows = Statement(select(JsonRows(*_listed.c, literal('a "quoted" text'))))


def test_rows_keep_their_order_types_and_nulls(database: OpenDatabase) -> None:
    first, second = add_someone(database, "asha"), add_someone(database, "zoe")
    rows = database.read(lambda connection: read_rows(connection, _rows, after=0, limit=5))
    text = 'a "quoted" text'
    assert rows == [[second, "", None, second + 2**50, text], [first, "", None, first + 2**50, text]]


def test_no_rows_are_an_empty_list(database: OpenDatabase) -> None:
    assert database.read(lambda connection: read_rows(connection, _rows, after=999, limit=5)) == []
