"""The database: one SQLite file beside the code, created when the app starts."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = Path(__file__).parent / "fest.db"
EVENTS = [
    ("Hackathon", 500),
    ("Dance Battle", 300),
    ("AI Workshop", 400),
    ("Photography Walk", 200),
    ("Gaming Tournament", 350),
    ("Music Night", 250),
    ("Treasure Hunt", 150),
    ("Stand-up Comedy", 300),
    ("Robo Race", 450),
]
TABLES = """
CREATE TABLE IF NOT EXISTS users (username TEXT PRIMARY KEY, password TEXT);
CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, name TEXT, fee INTEGER);
CREATE TABLE IF NOT EXISTS registrations (username TEXT, event_id INTEGER);
"""


@contextmanager
def connect() -> Iterator[sqlite3.Connection]:
    """Open a connection for one request; commit its changes unless an error was raised."""
    connection = sqlite3.connect(FILE)
    connection.row_factory = sqlite3.Row
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def prepare() -> None:
    """Create the tables, and insert the nine events into an empty table."""
    with connect() as connection:
        connection.executescript(TABLES)
        if connection.execute("SELECT count(*) FROM events").fetchone()[0] == 0:
            connection.executemany("INSERT INTO events (name, fee) VALUES (?, ?)", EVENTS)
