"""What a run is to do: the journey, the load, how long. Kept with the run, and enough to play it again."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Users:
    """A closed loop: each user asks again only when they were answered, so a slow target is asked less."""

    users: int
    spawn_rate: float
    """Users a second until all are there."""
    kind: Literal["users"] = "users"


@dataclass(frozen=True, slots=True)
class Rate:
    """An open loop: people come whatever the target does."""

    rate: float
    """Journeys a second."""
    arrivals: Literal["poisson", "constant"] = "poisson"
    kind: Literal["rate"] = "rate"


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
