"""A starter's tables are recognised by what is in them, whatever their names."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.verify.tables import (
    PROBE,
    Tables,
    UnknownTables,
    change,
    copy_database,
    events_in,
    is_locked,
    read_rows,
    schema_of,
    table_with,
)

SCHEMA = """
CREATE TABLE accounts (id INTEGER PRIMARY KEY, login TEXT, secret TEXT, role TEXT NOT NULL);
CREATE TABLE "fest events" (number INTEGER PRIMARY KEY, place TEXT NOT NULL, title TEXT, seats INTEGER, price INTEGER);
CREATE TABLE seats (id INTEGER PRIMARY KEY AUTOINCREMENT, visitor TEXT, event INTEGER, at TEXT NOT NULL);
CREATE INDEX by_visitor ON seats (visitor);
INSERT INTO "fest events" VALUES (1, 'Hall', 'Quiz', 90, 50), (2, 'Hall', 'Relay', 80, 70);
INSERT INTO accounts (login, secret, role) VALUES ('festgate-probe', 'festgate-secret', 'guest');
INSERT INTO seats (visitor, event, at) VALUES ('festgate-probe', 2, 'noon');
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database whose tables and columns have other names than our starter's, with columns that may not be empty."""
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(SCHEMA)
    return file


def found_in(database: Path) -> Tables:
    """Recognise the tables."""
    rows = read_rows(database)
    events, programme = events_in(rows, BUILT_IN)
    people = table_with(rows, PROBE, "its users", BUILT_IN)
    registrations = table_with(rows, (PROBE[0], 2), "who registered", BUILT_IN)
    return Tables(schema_of(database), people, events, registrations, programme)


def test_tables_are_recognised_by_a_person_that_signed_up_and_registered(database: Path) -> None:
    tables = found_in(database)
    assert (tables.people.name, tables.people.columns) == ("accounts", ("login", "secret"))
    assert (tables.events.name, tables.events.columns) == ("fest events", ("number", "title", "price"))
    assert (tables.registrations.name, tables.registrations.columns) == ("seats", ("visitor", "event"))
    assert tables.programme == ((1, "Quiz", 50), (2, "Relay", 70))


def test_rows_are_inserted_into_new_tables_with_what_the_starter_gave_the_other_columns(
    database: Path, tmp_path: Path
) -> None:
    tables = found_in(database)
    new = tmp_path / "data" / "new.db"
    change(
        new,
        [
            *tables.new,
            tables.people.insert([("meera", "kept"), ("tomás", "kept")]),
            tables.events.insert([(7, "Derby", 100)]),
            # Nobody is kept from registering twice where the starter does not.
            tables.registrations.insert([("meera", 7), ("meera", 7)]),
            tables.raise_fee(7, 37),
        ],
    )
    people, events, seats = read_rows(new)
    assert [row["role"] for row in people.rows] == ["guest", "guest"]
    assert events.rows == ({"number": 7, "place": "Hall", "title": "Derby", "seats": 90, "price": 137},)
    assert [row["at"] for row in seats.rows] == ["noon", "noon"]
    change(new, [tables.events.clear(), tables.registrations.clear()])
    assert [len(rows.rows) for rows in read_rows(new)] == [2, 0, 0]


def test_what_cannot_be_recognised_is_named_with_what_to_correct(database: Path) -> None:
    rows = read_rows(database)
    with pytest.raises(
        UnknownTables, match=r"where the starter in .* keeps its tickets: no table of fest\.db"
    ):
        table_with(rows, ("somebody", 9), "its tickets", BUILT_IN)
    with pytest.raises(
        UnknownTables, match=r"no table with events.*correct `fill` and `database` in lab\.toml"
    ):
        events_in([content for content in rows if content.table == "accounts"], BUILT_IN)


def test_an_open_transaction_locks_the_database_and_copying_it_still_works(
    database: Path, tmp_path: Path
) -> None:
    assert not is_locked(database)
    assert not is_locked(tmp_path / "none.db")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO seats (visitor, event, at) VALUES ('meera', 1, 'noon')")
        assert is_locked(database)
        copy_database(database, tmp_path / "copy.db")
    assert not is_locked(database)
    assert len(read_rows(tmp_path / "copy.db")[2].rows) == 1
