"""The parts of a drill, which are those of a Chaos Toolkit experiment: steady state, method, rollbacks, tolerance.

The classes are also the schema of a drill file: `file.py` validates TOML against them with pydantic. Their aliases are
the keys of the file, which stay as they are because people have drill files of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_type_hints

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints

from festgate.drills.proxy import ToxicKind
from festgate.effects import MAX_ARMED_SECONDS, Effect

Module = Literal[
    "accounts", "fest", "catalogue", "registrations", "checkout", "tickets", "door", "backoffice"
]
MODULES: Final[tuple[Module, ...]] = get_args(Module)
"""The portal's modules, by their names in /readyz."""

STEPS: Final[Mapping[Module, tuple[str, ...]]] = {
    "accounts": ("/register", "POST /register", "/login", "POST /login"),
    "fest": (),
    "catalogue": ("/events", "/events/{slug}", "/events/{slug}?code"),
    "registrations": (
        "POST /events/{slug}/register",
        "POST /events/{slug}/teams",
        "POST /events/{slug}/wait",
        "POST /waiting/{id}/leave",
        "POST /registrations/{id}/confirm",
        "/registrations/{id}/cancel",
        "POST /registrations/{id}/cancel",
        "/teams/{id}/cancel",
        "POST /teams/{id}/cancel",
        "/my-events",
    ),
    "checkout": ("/checkout", "POST /checkout", "/orders/{ref}"),
    "tickets": ("/tickets/{code}",),
    "door": ("/door", "/door/{slug}", "POST /door/{slug}"),
    "backoffice": (
        "/organise",
        "/organise/orders",
        "/organise/events/{slug}/waiting",
        "POST /organise/events/{slug}/waiting",
        "POST /organise/events/{slug}/waiting/people",
    ),
}
"""The steps of the rehearsal's journeys that each module serves."""
PAGES: Final[Mapping[Module, str]] = {
    "accounts": "/register",
    "catalogue": "/events",
    "registrations": "/my-events",
    "checkout": "/checkout",
    "tickets": "/tickets/0000000000000000",
    "door": "/door",
    "backoffice": "/organise",
}
"""A page of each module that needs no account. Any status below 500 (a page, a redirect to sign-in, "not found") means
that the module is available."""

EVERY_STEP: Final = "*"
"""Stands for all steps in a list of steps."""

POINTS: Final = (
    *(f"{place}.{module}" for place in ("module", "import", "outbox") for module in MODULES),
    "database.read",
    "database.write",
    "mail.send",
    "payments.begin",
    "payments.look_up",
    "clock",
    "loop",
)
"""The points in the portal's code at which a fault can be armed."""
Point: TypeAlias = Literal[POINTS]  # type: ignore[valid-type]  # pydantic reads the values

MAX_CLIENTS: Final = 1_000
"""The most clients of a flood, and the most slow clients."""
MAX_WORKERS: Final = 8
MAX_HOSTILE_REQUESTS: Final = 10_000
MAX_JUMP: Final = 366 * 86_400.0
"""The most seconds that the clock may jump, ahead or back."""

Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1),
    AfterValidator(lambda text: " ".join(text.split())),
]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Seconds = Annotated[Number, Field(ge=0, le=MAX_ARMED_SECONDS)]
Count = Annotated[int, Field(strict=True, ge=1)]


class Table:
    """A table of a drill file, as pydantic reads it."""

    __slots__ = ()
    __pydantic_config__ = ConfigDict(extra="forbid", alias_generator=lambda name: name.replace("_", "-"))


@dataclass(frozen=True, slots=True)
class Arm(Table):
    """Make a named point in the portal's code fail."""

    point: Point
    effect: Effect
    seconds: Annotated[Number, Field(ge=-MAX_JUMP, le=MAX_JUMP)] = 0.0
    times: Annotated[Count, Field(le=1_000_000)] | None = None
    share: Annotated[Number, Field(ge=0, le=1)] = 1.0
    action: Literal["arm"] = "arm"

    def __post_init__(self) -> None:
        """Allow negative and very long times only for a jump of the clock."""
        if self.effect != "jump" and not 0 <= self.seconds <= MAX_ARMED_SECONDS:
            msg = f"seconds is {self.seconds:g}; write a number from 0 to {MAX_ARMED_SECONDS:g}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Disarm(Table):
    """Disarm every point."""

    action: Literal["disarm"] = "disarm"


@dataclass(frozen=True, slots=True)
class Restart(Table):
    """Replace the workers one by one (SIGHUP), as a deployment does."""

    action: Literal["restart"] = "restart"


@dataclass(frozen=True, slots=True)
class SendSignal(Table):
    """Send a signal to one worker process."""

    signal: Literal["KILL", "STOP", "TERM"]
    action: Literal["signal"] = "signal"


@dataclass(frozen=True, slots=True)
class Flood(Table):
    """Start a crowd that requests one page again as soon as it has the response."""

    path: Text
    people: Annotated[Count, Field(le=MAX_CLIENTS)]
    action: Literal["flood"] = "flood"


@dataclass(frozen=True, slots=True)
class SlowConnections(Table):
    """Start clients that send half a form, a byte a second, or nothing, and that reconnect when they are cut off."""

    count: Annotated[Count, Field(le=MAX_CLIENTS)]
    action: Literal["slow-clients"] = "slow-clients"


@dataclass(frozen=True, slots=True)
class HostileText(Table):
    """Start a client that sends the most expensive text that the portal accepts."""

    requests: Annotated[Count, Field(le=MAX_HOSTILE_REQUESTS)]
    """The most requests to send. The client stops earlier if the drill ends."""
    action: Literal["hostile-text"] = "hostile-text"


@dataclass(frozen=True, slots=True)
class Poison(Table):
    """Add a toxic to the network between the portal and a server that it depends on."""

    proxy: Literal["mail", "database"]
    toxic: ToxicKind
    seconds: Seconds = 0.0
    jitter: Seconds = 0.0
    rate: Annotated[Number, Field(ge=0, le=1e9)] = 0.0
    action: Literal["poison"] = "poison"

    def __post_init__(self) -> None:
        """Require a rate if the toxic limits the bandwidth."""
        if self.toxic == "bandwidth" and not self.rate:
            msg = "rate is missing or 0; write how many bytes a second may pass, or use the toxic `down`"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Cleanse(Table):
    """Remove the toxics from every network."""

    action: Literal["cleanse"] = "cleanse"


Action: TypeAlias = (
    Arm | Disarm | Restart | SendSignal | Flood | HostileText | SlowConnections | Poison | Cleanse
)
ACTIONS: Final[Mapping[str, type[Any]]] = {
    get_args(get_type_hints(kind)["action"])[0]: kind for kind in get_args(Action)
}
"""The actions by their names in a file."""


@dataclass(frozen=True, slots=True)
class Activity(Table):
    """An entry of the method or of the rollbacks: an action with its name and its time."""

    name: Text
    """A sentence for people, such as `every request of checkout fails`."""
    action: Annotated[Action, Field(discriminator="action")]
    at: Seconds = 0.0
    """Seconds after the method began."""


def _nest_action(table: object) -> object:
    """Move the keys of the action, which a file writes beside the name and the time, into a table of their own."""
    if not isinstance(table, dict):
        return table
    own = {key: table[key] for key in ("name", "at") if key in table}
    return {**own, "action": {key: value for key, value in table.items() if key not in own}}


Activities = tuple[Annotated[Activity, BeforeValidator(_nest_action)], ...]

ProbeKind = Literal["ready", "answers", "check", "mail", "payments"]


@dataclass(frozen=True, slots=True)
class Probe(Table):
    """A check whose result belongs to the steady state."""

    name: Text
    probe: ProbeKind
    """`ready`: /readyz reports every module as healthy. `answers`: a page has a status below 500. `check`: `festgate
    check` finds no violation. `mail`: no email is waiting. `payments`: `festgate payments stuck` lists none."""
    path: str = ""
    """The page that the probe `answers` requests."""

    def __post_init__(self) -> None:
        """Require a path for the probe that requests a page, and for no other."""
        if self.probe == "answers" and not self.path.startswith("/"):
            msg = f"path = {self.path!r} is not a path of the portal; begin it with /"
            raise ValueError(msg)
        if self.probe != "answers" and self.path:
            msg = f"path is only for the probe 'answers'; remove it from the probe {self.probe!r}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class SteadyState(Table):
    """The state of the portal that holds before a drill, and that must hold again after it."""

    title: Text
    probes: Annotated[tuple[Probe, ...], Field(min_length=1)]


Crowd = Literal["fest", "tickets"]
Manner = Literal["resting", "cut", "any"]


@dataclass(frozen=True, slots=True)
class Tolerance(Table):
    """The impact that the drill allows. Any other impact is a leak."""

    faulted: Annotated[Module | None, Field(alias="struck")] = None
    """The module that may be unavailable; None if none may."""
    affected: Annotated[tuple[str, ...], Field(alias="harmed")] = ()
    """Steps whose requests may fail, or `*` for every step. If there are none, the steps of the faulted module."""
    may_wait: tuple[str, ...] = ()
    """Steps that may be slower, although their requests may not fail."""
    manner: Manner = "resting"
    """How requests may fail. `resting`: only with a 503. `any`: in any way. `cut`: requests of every step may get no
    response if the worker that received the signal was serving them, and may not fail otherwise."""
    noticed_within: Seconds | None = None
    """Seconds until the portal reports the fault by itself; None if it need not."""
    contained_within: Seconds = 0.0
    """Seconds in which other steps may be slower, too."""
    recovered_within: Seconds = 10.0
    """Seconds after the rollback until the steady state holds again by itself."""


@dataclass(frozen=True, slots=True)
class Setup(Table):
    """The temporary portal that the drill needs."""

    workers: Annotated[Count, Field(le=MAX_WORKERS)] = 1
    mail: StrictBool = False
    """Whether the drill has a mail server behind a proxy; without one, emails are files."""
    crowd: Crowd = "fest"
    """The users of the portal: those of a whole fest, or users of everything that an event can sell."""
    database: StrictBool = False
    """Whether PostgreSQL is used behind a proxy, if its address is given; without it, the database is a file."""


@dataclass(frozen=True)
class Drill(Table):
    """A fault to inject under load, with the state that must hold before and after it and the impact it may have."""

    title: Text
    description: Text
    """The failure that an organiser fears."""
    steady_state: Annotated[SteadyState, Field(alias="steady-state-hypothesis")]
    method: Annotated[Activities, Field(min_length=1)]
    tolerance: Tolerance
    rollbacks: Activities = ()
    lasts: Seconds = 8.0
    """Seconds from the first action to the rollback."""
    settle: Seconds = 0.0
    """Seconds from the rollback to the first check of the steady state. Requests that began under the fault may hang
    until their own time limit, and their result is only known then."""
    setup: Annotated[Setup, Field(alias="configuration")] = Setup()
    tags: tuple[str, ...] = ()
    path: Annotated[Path, Field(strict=True)] = Path()
    """The file of the drill; not a key in it."""

    def __post_init__(self) -> None:
        """Refuse an activity that would begin after the end."""
        for activity in self.method:
            if activity.at >= self.lasts:
                msg = (
                    f"{activity.name!r} begins at {activity.at:g} s, but the drill lasts {self.lasts:g} s;"
                    " make lasts longer"
                )
                raise ValueError(msg)

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    def may_affect(self, step: str) -> bool:
        """Return whether requests of that step may fail."""
        affected = self.tolerance.affected
        if not affected and self.tolerance.faulted:
            affected = STEPS[self.tolerance.faulted]
        return step in affected or EVERY_STEP in affected

    @property
    def needs_process(self) -> str:
        """Why the drill cannot be run over HTTP alone; empty if it can."""
        for activity in self.method:
            match activity.action:
                case Restart():
                    return "restarts the workers"
                case SendSignal():
                    return "sends a signal to a worker"
                case Poison(proxy=proxy):
                    return f"needs a proxy before the {'mail server' if proxy == 'mail' else 'database'}"
        return "needs a mail server of its own" if self.setup.mail else ""
