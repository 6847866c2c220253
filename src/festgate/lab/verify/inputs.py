"""The requests to both apps: two scenarios over data drawn from a seed, so that no student has seen it.

A scenario is a list of requests; the database file may be changed before a request. The first scenario begins without a
database, as the starter does; the second with other people, events and fees.
"""

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

DATABASE: Final = "fest.db"
SCHEMA: Final = (
    "CREATE TABLE users (username TEXT PRIMARY KEY, password TEXT)",
    "CREATE TABLE events (id INTEGER PRIMARY KEY, name TEXT, fee INTEGER)",
    "CREATE TABLE registrations (username TEXT, event_id INTEGER)",
)
"""The tables that the starter makes."""
PERSON: Final = "INSERT INTO users (username, password) VALUES (?, ?)"
EVENT: Final = "INSERT INTO events (id, name, fee) VALUES (?, ?, ?)"
REGISTRATION: Final = "INSERT INTO registrations (username, event_id) VALUES (?, ?)"
STARTER_EVENTS: Final = (
    "Hackathon",
    "Dance Battle",
    "AI Workshop",
    "Photography Walk",
    "Gaming Tournament",
    "Music Night",
    "Treasure Hunt",
    "Stand-up Comedy",
    "Robo Race",
)
LOAD_USER: Final = "locust_user"
"""The user of the locustfiles: a page must not treat this user differently."""
MANY: Final = 60
_FIRST: Final = (
    "Amber",
    "Brisk",
    "Coral",
    "Dusky",
    "Eager",
    "Frosty",
    "Giddy",
    "Humble",
    "Ivory",
    "Jolly",
    "Keen",
    "Lunar",
)
_SECOND: Final = (
    "Quiz",
    "Relay",
    "Debate",
    "Marathon",
    "Karaoke",
    "Puzzle",
    "Derby",
    "Sprint",
    "Chorus",
    "Forum",
)
_ODD: Final = ("Tea & <Talks>", 'The "Big" Quiz', "Année ünïcode ✓")
_PEOPLE: Final = ("meera", "tomás", "o'neil & co", "a<b>c", "x y z", "50%+1")
Expected = Literal["same", "no failure", "rejected"]
"""The expected response: the starter's; any but a server error; status 400 or 422."""
Statement = tuple[str, Sequence[Sequence[object]]]
"""An SQL statement, and the rows of its parameters."""


@dataclass(frozen=True, slots=True)
class RequestStep:
    """One request."""

    path: str
    form: dict[str, str] | None = None
    """Sent by POST; None makes it a GET."""
    expected: Expected = "same"
    database_changes: tuple[Statement, ...] = ()
    """Made in the database file before the request."""
    situation: str = ""
    """The state of the database in words."""

    @property
    def route(self) -> str:
        """Return the path without the query and an event's number."""
        path = self.path.partition("?")[0]
        return "/register_event" if path.startswith("/register_event/") else path

    @property
    def description(self) -> str:
        """Return the request in words."""
        request = f"GET {self.path}" if self.form is None else f"POST {self.path} with {self.form}"
        return f"{request}, {self.situation}" if self.situation else request


@dataclass(frozen=True)
class Scenario:
    """Requests in order, and the names that may appear in their responses."""

    title: str
    initial_data: tuple[Statement, ...]
    """Written to a new database before the app starts; empty: the app makes its own."""
    steps: tuple[RequestStep, ...]
    events: tuple[str, ...]
    people: tuple[str, ...] = field(default=())


def scenarios(seed: int) -> tuple[Scenario, Scenario]:
    """Return both scenarios, drawn from the seed."""
    rng = random.Random(seed)  # noqa: S311  (has to repeat)
    people = [f"{name} {rng.randrange(100, 1000)}" for name in rng.sample(_PEOPLE, 4)]
    return _with_starter_data(rng, people), _with_other_data(rng, people)


def _with_starter_data(rng: random.Random, people: Sequence[str]) -> Scenario:
    one, two, three, _ = people
    first, second, third = rng.sample(range(1, 10), 3)
    passwords = {person: f"pass {rng.randrange(10**6)}&+é" for person in people}
    steps = [RequestStep("/register"), RequestStep("/login")]
    steps += [
        RequestStep("/register", {"username": person, "password": passwords[person]}) for person in (one, two)
    ]
    steps += [
        RequestStep("/register", {"username": one, "password": "another"}),
        RequestStep("/register", {"username": "", "password": ""}),
        RequestStep("/login", {"username": one, "password": passwords[one]}),
        RequestStep("/login", {"username": one, "password": passwords[two]}),
        RequestStep("/login", {"username": three, "password": passwords[three]}),
        RequestStep("/login", {"username": two, "password": passwords[two]}),
        *(_as("/events", person) for person in (one, two)),
        _as("/my-events", one),
        *(_as(f"/register_event/{event}", one) for event in (first, second, first)),
        _as(f"/register_event/{third}", two),
        *(_as("/my-events", person) for person in (one, two, three, one)),
        RequestStep("/checkout"),
        _as("/checkout", one),
        _as("/register_event/404", three, "no failure"),
        _as("/my-events", three),
        _as("/register_event/987654", three, "no failure"),
        _as("/my-events", three),
        RequestStep("/events", expected="rejected"),
        RequestStep("/my-events", expected="rejected"),
        RequestStep(f"/register_event/{first}", expected="rejected"),
        _as("/register_event/first", one, "rejected"),
        RequestStep("/nowhere"),
        RequestStep("/docs"),
        _as(f"/register_event/{second}", LOAD_USER),
        _as("/my-events", LOAD_USER),
        _as("/events", LOAD_USER),
    ]
    return Scenario("with the data of the starter", (), tuple(steps), STARTER_EVENTS, (*people, LOAD_USER))


def _with_other_data(rng: random.Random, people: Sequence[str]) -> Scenario:
    one, two, _, four = people
    names = _drawn_names(rng, 9 + MANY + 1)
    fees = [0, rng.randrange(10_000, 20_000), *(rng.randrange(1, 900) for _ in range(20))]
    first, new, many = [*_ODD, *names[:9]], names[9], names[10:]
    events = [(number, name, fees[number]) for number, name in enumerate(first, start=1)]
    # Numbers with gaps, in another order than the names.
    events = [(7 * number % 101, name, fee) for number, name, fee in events]
    registered = rng.sample([number for number, _, _ in events], 5)
    registrations = [(one, event) for event in registered[:3]] + [
        (LOAD_USER, event) for event in registered[2:]
    ]
    data: tuple[Statement, ...] = (
        *((statement, [()]) for statement in SCHEMA),
        (PERSON, [(person, "kept") for person in (one, two)]),
        (EVENT, events),
        (REGISTRATION, registrations),
    )
    changed = (
        ("UPDATE events SET fee = fee + 37 WHERE id = ?", [(registered[0],)]),
        (EVENT, [(500, new, 111)]),
    )
    more = [(600 + number, name, rng.randrange(1, 90)) for number, name in enumerate(many)]
    added = (
        (EVENT, more),
        (REGISTRATION, [(two, number) for number, _, _ in more]),
    )
    after_change = "after a fee was changed and an event added in the database"
    after_additions = f"after {MANY} events were added in the database"
    steps = (
        *(_as("/events", person) for person in (one, four, LOAD_USER)),
        *(_as("/my-events", person) for person in (one, four, LOAD_USER)),
        RequestStep("/checkout"),
        _as("/events", one, database_changes=changed, situation=after_change),
        _as("/my-events", one, situation=after_change),
        RequestStep("/checkout", situation=after_change),
        _as("/events", two, database_changes=added, situation=after_additions),
        _as("/my-events", two, situation=after_additions),
        RequestStep("/checkout", situation=after_additions),
        _as(
            "/my-events",
            two,
            database_changes=(("DELETE FROM registrations", [()]),),
            situation="after all registrations were deleted in the database",
        ),
        _as(
            "/events",
            one,
            database_changes=(("DELETE FROM events", [()]),),
            situation="after all events were deleted in the database",
        ),
        RequestStep("/checkout", situation="with no event in the database"),
        _as("/my-events", one, situation="with no event in the database"),
    )
    return Scenario(
        "with other people, events and fees", data, steps, (*first, new, *many), (*people, LOAD_USER)
    )


def _as(
    path: str,
    person: str,
    expected: Expected = "same",
    *,
    database_changes: tuple[Statement, ...] = (),
    situation: str = "",
) -> RequestStep:
    return RequestStep(f"{path}?user={quote(person)}", None, expected, database_changes, situation)


def _drawn_names(rng: random.Random, count: int) -> list[str]:
    both = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    return [f"{name} {rng.randrange(1_000, 10_000)}" for name in rng.sample(both, count)]


def change(database: Path, statements: Sequence[Statement]) -> None:
    """Execute all statements, or none. Raises sqlite3.Error; OSError if the path is not a regular file."""
    if database.exists() and (database.is_symlink() or not database.is_file()):
        msg = f"{database.name} is not a regular file"
        raise OSError(msg)
    with closing(sqlite3.connect(database, timeout=5)) as connection, connection:
        for statement, rows in statements:
            if any(rows):
                connection.executemany(statement, rows)
            else:
                connection.execute(statement)
