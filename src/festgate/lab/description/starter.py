"""A starter: the app that a course hands out, with its routes, load, data and planted crashes.

Festgate has one of its own, `BUILT_IN`; a course may use another, which `lab.toml` beside its code describes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

ROUTES: Final = ("checkout", "events", "my-events")
"""The three routes that the exercise loads and makes faster, by their names on the command line."""
OTHERS: Final = ("register", "login", "register_event")
"""The pages that the exercise uses and leaves as they are."""
JOURNEY: Final = "journey"
"""The name of the load that visits several pages."""
DESCRIPTION: Final = "lab.toml"
"""The file in a starter's folder that describes it."""


class BadStarter(Exception):
    """A starter that cannot be used, or a description with a mistake; the message names the place and the remedy."""


@dataclass(frozen=True, slots=True)
class Crash:
    """A statement of the starter that raises an error on purpose."""

    file: str
    """Its file, relative to the starter's folder, with `/`."""
    line: int
    code: str
    """The statement: `1 / 0`."""
    path: str
    """The path of the route that reaches it: `/checkout`; empty if unknown."""
    replacement: str = ""
    """The statement that fixes it; empty: the statement is only removed."""
    must_be_fixed: bool = True
    """Whether the exercise asks for the fix. A crash that it does not ask for is the starter's own behaviour."""


@dataclass(frozen=True)
class Starter:
    """The description of a starter."""

    folder: Path
    app: str = "main:app"
    """The module and the name of the app, as uvicorn takes it."""
    paths: Mapping[str, str] = field(
        default_factory=lambda: {"checkout": "/checkout", "events": "/events", "my-events": "/my-events"}
    )
    """The path of each of ROUTES."""
    others: Mapping[str, str] = field(
        default_factory=lambda: {
            "register": "/register",
            "login": "/login",
            "register_event": "/register_event/{event_id}",
        }
    )
    """The path of each of OTHERS; one that the starter does not have is missing."""
    form: tuple[str, str] = ("username", "password")
    """The form fields of the user name and the password."""
    load: Mapping[str, str] = field(default_factory=dict)
    """The locustfile of each of ROUTES and of JOURNEY, relative to the folder, with `/`."""
    person: str = "user"
    """The query parameter that names the person."""
    database: str = "fest.db"
    """The SQLite file, relative to the working folder of the app."""
    fill: str = ""
    """The script that inserts the events, run once by hand; empty: the app inserts them when it starts."""
    report: str = ""
    """The file with the questions for the student's report; empty: there is none."""
    crashes: tuple[Crash, ...] = ()
    packages: tuple[str, ...] = ()
    """The pinned packages of the app's environment: `fastapi==0.110.0`; empty: current ones."""

    @property
    def app_file(self) -> str:
        """Return the file of the app: `main.py`, or `app/__init__.py` if the app is in a package."""
        module = self.app.partition(":")[0].replace(".", "/")
        package = f"{module}/__init__.py"
        return package if (self.folder / package).is_file() else f"{module}.py"

    @property
    def load_folders(self) -> frozenset[str]:
        """Return the names of the top folders that hold locustfiles: `load`."""
        return frozenset(file.partition("/")[0] for file in self.load.values() if "/" in file)

    def page(self, name: str, person: str) -> str:
        """Return the address of a route for a person: `/events?user=Meera`."""
        return f"{self.paths[name]}?{urlencode({self.person: person})}"


BUILT_IN: Final = Starter(
    folder=Path(__file__).parent.parent / "starter",
    load={
        "checkout": "load/checkout.py",
        "events": "load/events.py",
        "my-events": "load/my_events.py",
        JOURNEY: "load/journey.py",
    },
    report="report.md",
    crashes=(
        Crash("checkout/__init__.py", 14, "1 / 0", "/checkout"),
        Crash(
            "main.py",
            105,
            "1 / 0",
            "/register_event/{event_id}",
            replacement='return Response("There is no such event.", 404)',
        ),
    ),
)
"""The starter that `festgate lab new` writes."""
