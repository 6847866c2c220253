"""What a drill is: what must hold beforehand, what is done, how it is undone, and what may come of it.

The parts are those of a Chaos Toolkit experiment: steady-state hypothesis, method, rollbacks. `reading.py` reads one
from its file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from festgate.drills.proxy import Toxic
from festgate.effects import Effect

Module = Literal["accounts", "catalogue", "registrations", "checkout", "tickets", "backoffice"]
MODULES: Final[tuple[Module, ...]] = get_args(Module)
"""Of the portal, as its /readyz names them."""

STEPS: Final[Mapping[Module, tuple[str, ...]]] = {
    "accounts": ("/register", "POST /register", "/login", "POST /login"),
    "catalogue": ("/events", "/events/{slug}"),
    "registrations": ("POST /events/{slug}/register", "/my-events"),
    "checkout": ("/checkout", "POST /checkout", "/orders/{ref}"),
    "tickets": ("/tickets/{code}",),
    "backoffice": ("/organise", "/organise/orders"),
}
"""The steps of the rehearsal's journeys that each module answers."""
PAGES: Final[Mapping[Module, str]] = {
    "accounts": "/register",
    "catalogue": "/events",
    "registrations": "/my-events",
    "checkout": "/checkout",
    "tickets": "/tickets/0000000000000000",
    "backoffice": "/organise",
}
"""A page of each that a stranger may ask for: whatever it answers (a page, the way to sign-in, "not found"), below 500
means that the module is there."""

EVERY: Final = "*"
"""In place of steps: all of them."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A named point in the portal's code begins to fail."""

    point: str
    effect: Effect
    seconds: float = 0.0
    times: int | None = None
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Disarm:
    """Every point works again."""


@dataclass(frozen=True, slots=True)
class Restart:
    """The workers are replaced one by one, as a deploy does it (SIGHUP)."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One worker process gets a signal."""

    signal: Literal["KILL", "STOP", "TERM"]


@dataclass(frozen=True, slots=True)
class Flood:
    """A crowd asks for one page, each as often as it is answered."""

    path: str
    people: int


@dataclass(frozen=True, slots=True)
class SlowConnections:
    """Clients that send forms in halves, a byte a second, or nothing, and come again when they are cut off."""

    count: int


@dataclass(frozen=True, slots=True)
class Poison:
    """The network between the portal and what it depends on becomes bad."""

    proxy: Literal["mail", "database"]
    toxic: Toxic


@dataclass(frozen=True, slots=True)
class Cleanse:
    """Every proxy passes all on again."""


@dataclass(frozen=True, slots=True)
class HostileText:
    """A client sends requests with the most expensive text that the portal lets in."""

    requests: int
    """At most; it ends with the drill."""


Action: TypeAlias = Arm | Disarm | Restart | Strike | Flood | HostileText | SlowConnections | Poison | Cleanse


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done."""

    name: str
    """For people: `every request of checkout fails`."""
    action: Action
    at: float = 0.0
    """Seconds after the method began."""


ProbeKind = Literal["ready", "answers", "check", "mail", "payments"]


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that is looked at, and has to be so."""

    name: str
    probe: ProbeKind
    """`ready`: /readyz says that every module is well. `answers`: a page has a status below 500. `check`: `festgate
    check` finds nothing. `mail`: no email waits any more. `payments`: `festgate payments stuck` lists none."""
    path: str = ""


Manner = Literal["resting", "cut", "any"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What may come of it. Anything else is a leak."""

    struck: Module | None = None
    """The module that may be out of order; None where none may."""
    harmed: tuple[str, ...] = ()
    """Steps whose requests may fail, or `*` for every one; without any, those of the module that is struck."""
    waiting: tuple[str, ...] = ()
    """Steps whose people may wait longer, though they may not fail."""
    manner: Manner = "resting"
    """How they may fail: `resting` with a 503 only, `any` in any way. `cut`: any step may lose what the worker that is
    struck had in hand (no answer at all), and nothing else."""
    noticed: float | None = None
    """Seconds until the portal says by itself that it is not well; None where it need not."""
    contained: float = 0.0
    """Seconds in which the others may be harmed, too."""
    recovered: float = 10.0
    """Seconds after the rollback until the steady state holds again, by itself."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the scratch portal has to have."""

    workers: int = 1
    mail: bool = False
    """A mail server behind a proxy; without it emails are files."""
    database: bool = False
    """PostgreSQL behind a proxy, where the runner was given one; without it the database is a file."""


@dataclass(frozen=True)
class Drill:
    """One drill."""

    name: str
    """Of its file, without the ending."""
    title: str
    description: str
    """What an organiser fears."""
    hypothesis: str
    probes: tuple[Probe, ...]
    method: tuple[Step, ...]
    rollbacks: tuple[Step, ...]
    tolerance: Tolerance
    lasts: float = 8.0
    """Seconds from the first action to the rollback."""
    settle: float = 0.0
    """Seconds after the rollback before the steady state is looked at: what was begun under the fault may hang as long
    as its own time limit lets it, and only then it is seen what becomes of it."""
    setup: Setup = Setup()
    tags: tuple[str, ...] = ()
    path: Path = Path()

    def may_harm(self, step: str) -> bool:
        """Whether that step's requests may fail."""
        named = self.tolerance.harmed
        if not named and self.tolerance.struck:
            named = STEPS[self.tolerance.struck]
        return step in named or EVERY in named

    @property
    def needs_process(self) -> str:
        """What it does that nobody can do over HTTP; empty where it needs nothing else."""
        for step in self.method:
            match step.action:
                case Restart():
                    return "restarts the workers"
                case Strike():
                    return "sends a signal to a worker"
                case Poison(proxy=proxy):
                    return f"needs a proxy before the {'mail server' if proxy == 'mail' else 'database'}"
        return "needs a mail server of its own" if self.setup.mail else ""
