"""What a run is to do: the journey, the load, how long. Kept with the run, and enough to play it again."""

import codecs
import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

MAX_USERS = 5_000


@dataclass(frozen=True, slots=True)
class Users:
    """A closed loop: each user asks again only when they were answered, so a slow target is asked less."""

    users: int
    spawn_rate: float
    """Users a second until all are there."""
    kind: Literal["users"] = "users"

    @property
    def shown(self) -> str:
        """For people."""
        return "1 user" if self.users == 1 else f"{self.users:,} users"


@dataclass(frozen=True, slots=True)
class Rate:
    """An open loop: people come whatever the target does."""

    rate: float
    """Journeys a second."""
    arrivals: Literal["poisson", "constant"] = "poisson"
    most_users: int = MAX_USERS
    """On their way at the same time; whoever arrives beyond that waits, and is late."""
    kind: Literal["rate"] = "rate"

    @property
    def shown(self) -> str:
        """For people."""
        return f"{self.rate:g} a second"


Load: TypeAlias = Users | Rate


@dataclass(frozen=True)
class Plan:
    """One run."""

    journey: str
    """The name of a journey, or the path of a locustfile."""
    host: str
    """`http://127.0.0.1:8000`."""
    load: Load
    duration: float
    """Seconds that are measured."""
    warm_up: float = 0.0
    """Seconds before them, recorded and not counted."""
    seed: int = 0
    workers: int = 1
    """Processes that send."""
    label: str = ""
    fail_if: tuple[str, ...] = field(default=())
    """Thresholds that make the run fail, as they were written."""

    def as_json(self) -> dict[str, Any]:
        """For run.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Plan":
        """What `as_json` gave. Raises KeyError or TypeError for anything else."""
        load = dict(fields["load"])
        made: Load = Rate(**load) if load["kind"] == "rate" else Users(**load)
        return cls(**{**fields, "load": made, "fail_if": tuple(fields["fail_if"])})


@dataclass(frozen=True, slots=True)
class Staging:
    """How a run is played that does not belong to what is played, and is not kept with it."""

    page: int = 0
    """The port of Locust's own web page; 0 for none."""
    join_at: tuple[str, int] | None = None
    """Where workers join, as (host, port); None where they are started here."""
    patience: float = 60.0
    """Seconds to wait for the workers."""


def journeys() -> list[str]:
    """The names of the journeys that come with Festgate."""
    return sorted(
        path.stem for path in (Path(__file__).parent.parent / "journeys").glob("*.py") if _is_journey(path)
    )


def journey_file(journey: str) -> Path:
    """The locustfile of a journey's name, or of its path. Raises FileNotFoundError, with the names that there are."""
    ours = Path(__file__).parent.parent / "journeys" / f"{journey.replace('-', '_')}.py"
    if _is_journey(ours):
        return ours
    path = Path(journey)
    if path.is_file():
        return path.resolve()
    msg = f"{journey} is neither a journey ({', '.join(journeys())}) nor a file."
    raise FileNotFoundError(msg)


def mark_of(journey: str) -> str:
    """Of its file: two that differ are not the same journey. Raises FileNotFoundError."""
    return text_mark(journey_file(journey).read_bytes())


def text_mark(content: bytes) -> str:
    """Of a file of text, twelve digits: the same wherever it was checked out."""
    return hashlib.sha256(as_written(content)).hexdigest()[:12]


def as_written(content: bytes) -> bytes:
    """Without what Windows adds: git to the ends of lines where it checks out, and an editor before the first."""
    return content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n")


def _is_journey(path: Path) -> bool:
    """Whether it is one, and not a part that journeys share: those hold an abstract user."""
    return path.is_file() and path.stem not in ("__init__", "visitor")
