"""The plan of a run: journey, load and duration. It is kept with the run and is enough to repeat it."""

import codecs
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from festgate.rehearsal.runs.stages import Stage, total

MAX_USERS = 5_000
MIN_PRESENT = 0.95
"""Share of the planned users that has to be present, or of the arrivals of a stage that have to begin in it."""


@dataclass(frozen=True, slots=True)
class Users:
    """A closed loop: each user waits for an answer before the next request, so a slow target gets fewer requests."""

    users: int
    """The highest number, if there are stages."""
    spawn_rate: float
    """Users a second until all have started; the stages determine it if there are any."""
    kind: Literal["users"] = "users"
    shape: str = ""
    """The locustfile's `LoadTestShape` that sets the number of users during the run; `users` is then its maximum."""
    stages: tuple[Stage, ...] = ()

    @property
    def varies(self) -> bool:
        """Return whether the planned number of users changes during the run."""
        return bool(self.stages or self.shape)

    @property
    def shown(self) -> str:
        """The load in words."""
        if self.shape:
            return f"users of {self.shape}"
        if self.stages:
            return f"up to {self.users:,} users"
        return "1 user" if self.users == 1 else f"{self.users:,} users"


@dataclass(frozen=True, slots=True)
class Rate:
    """An open loop: people arrive independently of the target's answers."""

    rate: float
    """Journeys a second; the highest number, if there are stages."""
    arrivals: Literal["poisson", "constant"] = "poisson"
    most_users: int = MAX_USERS
    """At the same time; an arrival beyond that waits, and is late."""
    kind: Literal["rate"] = "rate"
    stages: tuple[Stage, ...] = ()

    @property
    def varies(self) -> bool:
        """Return whether the planned rate changes during the run."""
        return bool(self.stages)

    @property
    def shown(self) -> str:
        """The load in words."""
        return f"{'up to ' if self.stages else ''}{self.rate:g} a second"


Load: TypeAlias = Users | Rate


def mean_load(load: Load, begin: float, end: float) -> float:
    """Return the mean number of planned users, or of journeys a second, between two moments of a run."""
    if load.stages:
        return (total(load.stages, end) - total(load.stages, begin)) / (end - begin)
    return float(load.users) if isinstance(load, Users) else load.rate


@dataclass(frozen=True)
class Plan:
    """The plan of one run."""

    journey: str
    """The name of a journey, or the path of a locustfile."""
    host: str
    """The host of all users: `http://127.0.0.1:8000`."""
    load: Load
    duration: float
    """Seconds that are measured."""
    warm_up: float = 0.0
    """Seconds before the measurement, recorded and not counted."""
    seed: int = 0
    workers: int = 1
    """Load generator processes."""
    label: str = ""
    fail_if: tuple[str, ...] = field(default=())
    """Thresholds that make the run fail, as the user wrote them."""
    arguments: tuple[str, ...] = field(default=())
    """Words for Locust's parser: tags, user classes, and the locustfile's own options."""
    until_decided: bool = False
    """Whether the run belongs to a comparison that stops as soon as it is decided: its statistics have to allow for
    that."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """The host of each user class if the locustfile has different ones; `host` is then empty."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The different hosts of the users; none for a temporary portal."""
        return (self.host,) if self.host else tuple(dict.fromkeys(self.hosts.values()))

    @property
    def mean_load(self) -> float:
        """The mean number of planned users, or of journeys a second, in the measured time."""
        return mean_load(self.load, self.warm_up, self.warm_up + self.duration)

    def as_json(self) -> dict[str, Any]:
        """Return the fields for run.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Plan":
        """Read what `as_json` returned. Raises KeyError or TypeError for anything else."""
        load = dict(fields["load"])
        load["stages"] = tuple(Stage(**stage) for stage in load.get("stages", ()))
        kind = Rate if load["kind"] == "rate" else Users
        words = {name: tuple(fields.get(name, ())) for name in ("fail_if", "arguments")}
        return cls(**{**fields, **words, "load": kind(**load)})


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a run that do not change what is measured, and are not kept with it."""

    web_port: int = 0
    """The port of Locust's web page; 0 for none."""
    join_at: tuple[str, int] | None = None
    """The host and port where workers join; None if they are started here."""
    timeout: float = 60.0
    """Seconds to wait for the workers."""
    web_target: bool = True
    """Whether users have a web client of Locust; the target of others cannot be checked before the run."""
    abort_after: float | None = None
    """Seconds of the measurement from which on a broken limit ends the run; None if none does."""


def journeys() -> list[str]:
    """Return the names of the journeys that are part of Festgate."""
    return sorted(
        path.stem for path in (Path(__file__).parent.parent / "journeys").glob("*.py") if _is_journey(path)
    )


def is_built_in(journey: str) -> bool:
    """Return whether the journey is part of Festgate; otherwise it is a user's locustfile."""
    return journey.replace("-", "_") in journeys()


def journey_file(journey: str) -> Path:
    """Return the locustfile of a journey's name or path. Raises FileNotFoundError, which lists the known names."""
    ours = Path(__file__).parent.parent / "journeys" / f"{journey.replace('-', '_')}.py"
    if _is_journey(ours):
        return ours
    path = Path(journey)
    if path.is_file():
        return path.resolve()
    msg = f"{journey} is neither a journey ({', '.join(journeys())}) nor a file."
    raise FileNotFoundError(msg)


def journey_fingerprint(journey: str) -> str:
    """Return a fingerprint of the journey's file. Raises FileNotFoundError."""
    return text_fingerprint(journey_file(journey).read_bytes())


def text_fingerprint(content: bytes) -> str:
    """Return twelve hexadecimal digits that are the same for every checkout of the text file, on every system."""
    return hashlib.sha256(normalise_text(content)).hexdigest()[:12]


def normalise_text(content: bytes) -> bytes:
    """Remove characters that programs on Windows add: git adds a CR to each line, an editor a byte order mark."""
    return content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n")


def _is_journey(path: Path) -> bool:
    """Return whether the file is a journey. Modules that journeys share are in a folder of their own."""
    return path.is_file() and path.stem != "__init__"
