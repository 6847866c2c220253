"""The requests to both apps: two scenarios over data drawn from a seed, so that no student has seen it.

A scenario is a list of requests; the database file may be changed before a request. The first scenario begins with the
starter's own data; the second with other people, events and fees in its tables.
"""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlencode

from festgate.lab.description.starter import Starter
from festgate.lab.verify.tables import Statement, Tables

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
"""The expected response: the starter's; any but a server error; the class of the starter's status. If the starter
itself fails, any response is accepted."""
_EVENT_NUMBER: Final = re.compile(r"\{[^}]*\}")


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
    page: str = ""
    """The route, if its path has an event's number."""

    @property
    def route(self) -> str:
        """Return the path without the query and an event's number."""
        return self.page or self.path.partition("?")[0]

    @property
    def description(self) -> str:
        """Return the request in words."""
        request = f"GET {self.path}" if self.form is None else f"POST {self.path} with {self.form}"
        return f"{request}, {self.situation}" if self.situation else request


@dataclass(frozen=True)
class Scenario:
    """Requests in order, and the names that may appear in their responses."""

    title: str
    starter: Starter
    initial_data: tuple[Statement, ...]
    """Written to a new database before the app starts; empty: the starter's own data."""
    steps: tuple[RequestStep, ...]
    events: tuple[str, ...]
    people: tuple[str, ...] = field(default=())


def scenarios(starter: Starter, tables: Tables, seed: int) -> tuple[Scenario, Scenario]:
    """Return both scenarios, drawn from the seed."""
    rng = random.Random(seed)  # noqa: S311  (has to repeat)
    people = [f"{name} {rng.randrange(100, 1000)}" for name in rng.sample(_PEOPLE, 4)]
    requests = Requests(starter)
    return _with_starter_data(rng, requests, tables, people), _with_other_data(rng, requests, tables, people)


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests to a starter's routes; none to a route that it does not have."""

    starter: Starter

    def get(
        self,
        name: str,
        person: str,
        expected: Expected = "same",
        *,
        database_changes: tuple[Statement, ...] = (),
        situation: str = "",
    ) -> RequestStep:
        """Return a request to one of the three routes for a person; without one if the name is empty."""
        path = self.starter.page(name, person) if person else self.starter.paths[name]
        return RequestStep(path, None, expected, database_changes, situation)

    def form(self, name: str) -> Iterator[RequestStep]:
        """Request the form to register or to sign in."""
        if name in self.starter.others:
            yield RequestStep(self.starter.others[name])

    def send(self, name: str, person: str, password: str) -> Iterator[RequestStep]:
        """Send the form to register or to sign in."""
        if name in self.starter.others:
            fields = dict(zip(self.starter.form, (person, password), strict=True))
            yield RequestStep(self.starter.others[name], fields)

    def register(self, event: object, person: str, expected: Expected = "same") -> Iterator[RequestStep]:
        """Register a person for an event; without a person if the name is empty."""
        path = self.starter.others.get("register_event", "")
        if _EVENT_NUMBER.search(path):
            query = f"?{urlencode({self.starter.person: person})}" if person else ""
            page = path.partition("/{")[0]
            yield RequestStep(_EVENT_NUMBER.sub(str(event), path) + query, None, expected, page=page)


def _with_starter_data(
    rng: random.Random, requests: Requests, tables: Tables, people: Sequence[str]
) -> Scenario:
    one, two, three, _ = people
    numbers = [number for number, _, _ in tables.programme]
    first, second, third = rng.sample(numbers, 3) if len(numbers) > 2 else (numbers * 3)[:3]  # noqa: PLR2004
    passwords = {person: f"pass {rng.randrange(10**6)}&+é" for person in people}
    get, send, register = requests.get, requests.send, requests.register
    steps: list[Iterable[RequestStep]] = [
        requests.form("register"),
        requests.form("login"),
        *(send("register", person, passwords[person]) for person in (one, two)),
        send("register", "", ""),
        send("login", one, passwords[one]),
        send("login", one, passwords[two]),
        send("login", three, passwords[three]),
        send("login", two, passwords[two]),
        [get("events", one), get("events", two), get("my-events", one)],
        *(register(event, one) for event in (first, second, first)),
        register(third, two),
        [get("my-events", person) for person in (one, two, three, one)],
        [get("checkout", ""), get("checkout", one)],
        register(404, three, "no failure"),
        [get("my-events", three)],
        register(987654, three, "no failure"),
        [get("my-events", three)],
        [get("events", "", "rejected"), get("my-events", "", "rejected")],
        register(first, "", "rejected"),
        register("first", one, "rejected"),
        [RequestStep("/nowhere"), RequestStep("/docs")],
        register(second, LOAD_USER),
        [get("my-events", LOAD_USER), get("events", LOAD_USER)],
        # After a refused name a starter may leave its database locked, so nothing is written after this step.
        send("register", one, "another"),
        send("login", one, passwords[one]),
    ]
    return Scenario(
        "with the data of the starter",
        requests.starter,
        (),
        tuple(step for group in steps for step in group),
        tuple(name for _, name, _ in tables.programme),
        (*people, LOAD_USER),
    )


def _with_other_data(
    rng: random.Random, requests: Requests, tables: Tables, people: Sequence[str]
) -> Scenario:
    one, two, _, four = people
    both = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    names = [f"{name} {rng.randrange(1_000, 10_000)}" for name in rng.sample(both, 9 + MANY + 1)]
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
        *tables.new,
        tables.people.insert([(person, "kept") for person in (one, two)]),
        tables.events.insert(events),
        tables.registrations.insert(registrations),
    )
    changed = (tables.raise_fee(registered[0], 37), tables.events.insert([(500, new, 111)]))
    more = [(600 + number, name, rng.randrange(1, 90)) for number, name in enumerate(many)]
    added = (
        tables.events.insert(more),
        tables.registrations.insert([(two, number) for number, _, _ in more]),
    )
    after_change = "after a fee was changed and an event added in the database"
    after_additions = f"after {MANY} events were added in the database"
    get = requests.get

    def all_three(person: str, situation: str, changes: tuple[Statement, ...]) -> Iterator[RequestStep]:
        yield get("events", person, database_changes=changes, situation=situation)
        yield get("my-events", person, situation=situation)
        yield get("checkout", "", situation=situation)

    steps = (
        *(get("events", person) for person in (one, four, LOAD_USER)),
        *(get("my-events", person) for person in (one, four, LOAD_USER)),
        get("checkout", ""),
        *all_three(one, after_change, changed),
        *all_three(two, after_additions, added),
        get(
            "my-events",
            two,
            database_changes=(tables.registrations.clear(),),
            situation="after all registrations were deleted in the database",
        ),
        get(
            "events",
            one,
            database_changes=(tables.events.clear(),),
            situation="after all events were deleted in the database",
        ),
        get("checkout", "", situation="with no event in the database"),
        get("my-events", one, situation="with no event in the database"),
    )
    return Scenario(
        "with other people, events and fees",
        requests.starter,
        data,
        steps,
        (*first, new, *many),
        (*people, LOAD_USER),
    )
