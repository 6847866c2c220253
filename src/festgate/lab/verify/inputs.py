"""What both apps are asked: two scenarios over data that is drawn from a seed, so that no student has seen it.

A play is a list of steps; before a step the database file may be changed from outside. The first play begins without a
database, as the lab is handed out; the second with other people, events and fees in it.
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
"""As the starter makes it."""
PERSON: Final = "INSERT INTO users (username, password) VALUES (?, ?)"
EVENT: Final = "INSERT INTO events (id, name, fee) VALUES (?, ?, ?)"
REGISTRATION: Final = "INSERT INTO registrations (username, event_id) VALUES (?, ?)"
HANDED_OUT: Final = (
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
OF_THE_LOAD: Final = "locust_user"
"""Whom the locustfiles ask as: a page must not be another for them."""
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
Like = Literal["same", "mended", "refused"]
"""How the answer has to be: as the starter's; anything but a failure; a refusal by 400 or 422."""
Statement = tuple[str, Sequence[Sequence[object]]]
"""SQL, and the rows that it is done for."""


@dataclass(frozen=True, slots=True)
class RequestStep:
    """One request."""

    path: str
    form: dict[str, str] | None = None
    """Sent by POST; without one it is a GET."""
    like: Like = "same"
    before: tuple[Statement, ...] = ()
    """Done to the database file first."""
    after_what: str = ""
    """What was done to it, for people."""

    @property
    def route(self) -> str:
        """Its path alone, without an event's number."""
        path = self.path.partition("?")[0]
        return "/register_event" if path.startswith("/register_event/") else path

    @property
    def told(self) -> str:
        """For people."""
        what = f"POST {self.path}" if self.form is not None else f"GET {self.path}"
        sent = f" with {self.form}" if self.form is not None else ""
        return f"{what}{sent}{f', {self.after_what}' if self.after_what else ''}"


@dataclass(frozen=True)
class Scenario:
    """Steps, and what may be named in their answers."""

    title: str
    data: tuple[Statement, ...]
    """What is put into a new database before the app starts; empty: it makes its own."""
    steps: tuple[RequestStep, ...]
    events: tuple[str, ...]
    people: tuple[str, ...] = field(default=())


def scenarios(seed: int) -> tuple[Scenario, Scenario]:
    """Both."""
    rng = random.Random(seed)  # noqa: S311  (has to repeat)
    people = [f"{name} {rng.randrange(100, 1000)}" for name in rng.sample(_PEOPLE, 4)]
    return _as_handed_out(rng, people), _with_other_data(rng, people)


def _as_handed_out(rng: random.Random, people: Sequence[str]) -> Scenario:
    one, two, three, _ = people
    first, second, third = rng.sample(range(1, 10), 3)
    passwords = {each: f"pass {rng.randrange(10**6)}&+é" for each in people}
    steps = [RequestStep("/register"), RequestStep("/login")]
    steps += [
        RequestStep("/register", {"username": each, "password": passwords[each]}) for each in (one, two)
    ]
    steps += [
        RequestStep("/register", {"username": one, "password": "another"}),
        RequestStep("/register", {"username": "", "password": ""}),
        RequestStep("/login", {"username": one, "password": passwords[one]}),
        RequestStep("/login", {"username": one, "password": passwords[two]}),
        RequestStep("/login", {"username": three, "password": passwords[three]}),
        RequestStep("/login", {"username": two, "password": passwords[two]}),
        *(_as("/events", each) for each in (one, two)),
        _as("/my-events", one),
        *(_as(f"/register_event/{event}", one) for event in (first, second, first)),
        _as(f"/register_event/{third}", two),
        *(_as("/my-events", each) for each in (one, two, three, one)),
        RequestStep("/checkout"),
        _as("/checkout", one),
        _as("/register_event/404", three, "mended"),
        _as("/my-events", three),
        _as("/register_event/987654", three, "mended"),
        _as("/my-events", three),
        RequestStep("/events", like="refused"),
        RequestStep("/my-events", like="refused"),
        RequestStep(f"/register_event/{first}", like="refused"),
        _as("/register_event/first", one, "refused"),
        RequestStep("/nowhere"),
        RequestStep("/docs"),
        _as(f"/register_event/{second}", OF_THE_LOAD),
        _as("/my-events", OF_THE_LOAD),
        _as("/events", OF_THE_LOAD),
    ]
    return Scenario("as it is handed out", (), tuple(steps), HANDED_OUT, (*people, OF_THE_LOAD))


def _with_other_data(rng: random.Random, people: Sequence[str]) -> Scenario:
    one, two, _, four = people
    names = _drawn_names(rng, 9 + MANY + 1)
    fees = [0, rng.randrange(10_000, 20_000), *(rng.randrange(1, 900) for _ in range(20))]
    some, new, many = [*_ODD, *names[:9]], names[9], names[10:]
    events = [(number, name, fees[number]) for number, name in enumerate(some, start=1)]
    # Numbers with gaps, not in the order of the names.
    events = [(7 * number % 101, name, fee) for number, name, fee in events]
    some_of_them = rng.sample([number for number, _, _ in events], 5)
    going = [(one, each) for each in some_of_them[:3]] + [(OF_THE_LOAD, each) for each in some_of_them[2:]]
    data: tuple[Statement, ...] = (
        *((statement, [()]) for statement in SCHEMA),
        (PERSON, [(each, "kept") for each in (one, two)]),
        (EVENT, events),
        (REGISTRATION, going),
    )
    changed = (
        ("UPDATE events SET fee = fee + 37 WHERE id = ?", [(some_of_them[0],)]),
        (EVENT, [(500, new, 111)]),
    )
    more = [(600 + number, name, rng.randrange(1, 90)) for number, name in enumerate(many)]
    added = (
        (EVENT, more),
        (REGISTRATION, [(two, number) for number, _, _ in more]),
    )
    told = "after a fee was changed and an event added in the database"
    told_many = f"after {MANY} events were added in the database"
    steps = (
        *(_as("/events", each) for each in (one, four, OF_THE_LOAD)),
        *(_as("/my-events", each) for each in (one, four, OF_THE_LOAD)),
        RequestStep("/checkout"),
        _as("/events", one, before=changed, after_what=told),
        _as("/my-events", one, after_what=told),
        RequestStep("/checkout", after_what=told),
        _as("/events", two, before=added, after_what=told_many),
        _as("/my-events", two, after_what=told_many),
        RequestStep("/checkout", after_what=told_many),
        _as(
            "/my-events",
            two,
            before=(("DELETE FROM registrations", [()]),),
            after_what="after all registrations were deleted in the database",
        ),
        _as(
            "/events",
            one,
            before=(("DELETE FROM events", [()]),),
            after_what="after all events were deleted in the database",
        ),
        RequestStep("/checkout", after_what="with no event in the database"),
        _as("/my-events", one, after_what="with no event in the database"),
    )
    return Scenario(
        "with other people, events and fees", data, steps, (*some, new, *many), (*people, OF_THE_LOAD)
    )


def _as(
    path: str,
    person: str,
    like: Like = "same",
    *,
    before: tuple[Statement, ...] = (),
    after_what: str = "",
) -> RequestStep:
    return RequestStep(f"{path}?user={quote(person)}", None, like, before, after_what)


def _drawn_names(rng: random.Random, count: int) -> list[str]:
    both = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    return [f"{name} {rng.randrange(1_000, 10_000)}" for name in rng.sample(both, count)]


def change(database: Path, statements: Sequence[Statement]) -> None:
    """Do them, all or none. Raises sqlite3.Error; OSError where the file is no file."""
    if database.exists() and (database.is_symlink() or not database.is_file()):
        msg = f"{database.name} is no file"
        raise OSError(msg)
    with closing(sqlite3.connect(database, timeout=5)) as connection, connection:
        for statement, rows in statements:
            if any(rows):
                connection.executemany(statement, rows)
            else:
                connection.execute(statement)
