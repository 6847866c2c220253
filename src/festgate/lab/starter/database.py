"""The database of the fest: one SQLite file beside the code, made when the app starts."""

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
    """A connection for one request; what it wrote is kept when nothing went wrong."""
    connection = sqlite3.connect(FILE)
    connection.row_factory = sqlite3.Row
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def prepare() -> None:
    """Make the tables, and fill in the nine events where there is none."""
    with connect() as connection:
        connection.executescript(TABLES)
        if connection.execute("SELECT count(*) FROM events").fetchone()[0] == 0:
            connection.executemany("INSERT INTO events (name, fee) VALUES (?, ?)", EVENTS)
