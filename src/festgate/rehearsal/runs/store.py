"""Kept runs, each in a folder.

run.json        the plan, the versions of generator and target, the time, and how the run ended
*.samples       every request (recording.py), a file for each process that sent requests
resources.csv   a line a second: side, seconds since the beginning, share of a core, bytes of memory
load.csv        of a load that varies, a line a second: the planned load, and the load that was reached
latency.hlog    the response times as an HdrHistogram log, for other tools
load.log        Locust's log
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from festgate.files import write_atomically
from festgate.rehearsal.runs.plan import Plan
from festgate.rehearsal.runs.recording import SUFFIX

if TYPE_CHECKING:
    from festgate.rehearsal.runs.samples import Samples

State = Literal["running", "whole", "cut"]
"""`cut`: ended early by Ctrl-C, a crash or a full disk; what was recorded until then is kept."""
Side = Literal["generator", "server"]
RUN_FILE: Final = "run.json"
RESOURCES_FILE: Final = "resources.csv"
LOAD_FILE: Final = "load.csv"
HISTOGRAM_FILE: Final = "latency.hlog"
LOG_FILE: Final = "load.log"
_CUT_FILE: Final = f".cut.{RUN_FILE}"


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources that one side used in one second."""

    side: Side
    at: float
    """Seconds since the run began."""
    cpu: float
    """Share of one core: 1.5 is one and a half cores."""
    memory: int
    """Resident bytes."""


@dataclass(frozen=True, slots=True)
class LoadSecond:
    """The load of one second of a run whose load varies."""

    at: float
    """Seconds since the run began, at its end."""
    asked: float
    """Users of the plan, on average, or arrivals that were due in this second."""
    reached: float
    """Users that were present at its end, or arrivals that a user began to serve in this second."""


@dataclass(frozen=True, slots=True)
class StageLoad:
    """The load of one stage after the warm-up: the mean number of users, or the number of arrivals."""

    asked: float
    reached: float


@dataclass(frozen=True)
class Run:
    """A kept run; its samples are read on demand."""

    folder: Path
    plan: Plan
    state: State
    began: float
    """Seconds since 1970."""
    generator: Mapping[str, str]
    """The load generator's versions: festgate, locust, python, machine."""
    server: Mapping[str, str]
    """The target's identity: headers that name a version, and the build if the rehearsal started it."""
    notes: Sequence[str] = ()
    """Remarks for the reader: an address that did not answer, a worker that was lost."""
    dropped: int = 0
    """Arrivals of an open loop that were due and never sent: no user was free in time."""
    present: int | None = None
    """Users of a closed loop that were present: the median over the measured seconds; of a load that varies,
    the highest number. None in older runs."""

    short_seconds: int | None = None
    """Measured seconds in which fewer users were present than a shape asked for; None without a shape."""
    exit_code: int | None = None
    """The exit code that the locustfile chose when it quit; None if it chose none."""
    exceptions: Mapping[str, int] = field(default_factory=dict)
    """How often tasks, `on_start` and listeners raised an exception, by its class, message and line."""
    stages: Sequence[StageLoad | None] = ()
    """The load of each stage of the plan; None for a stage of which no second was measured."""
    aborted: str = ""
    """The limit for which the run was ended early, and its value; empty for any other run."""

    @property
    def name(self) -> str:
        """The folder's name, by which `festgate runs` and `festgate compare` know the run."""
        return self.folder.name

    def samples(self) -> "Samples":
        """Read every request, warm-up included. Raises ValueError if a file is damaged."""
        from festgate.rehearsal.runs.samples import read_samples  # noqa: PLC0415  (numpy; the load generator reads no samples)

        return read_samples(sorted(self.folder.glob(f"*{SUFFIX}")))

    def measured(self) -> "Samples":
        """Read the requests after the warm-up."""
        begin = self.plan.warm_up
        return self.samples().between(begin, begin + self.plan.duration)

    def overlaps(self, other: "Run") -> bool:
        """Return whether both runs took place at the same time, by their planned durations."""
        first, second = sorted((self, other), key=lambda run: run.began)
        return second.began < first.began + first.plan.warm_up + first.plan.duration

    def resources(self) -> list[Resources]:
        """Read the resources of both sides, in the order of time; empty if they were not recorded."""
        path = self.folder / RESOURCES_FILE
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return [
                Resources(row["side"], float(row["at"]), float(row["cpu"]), int(row["memory"]))  # type: ignore[arg-type]
                for row in csv.DictReader(file)
            ]

    def load_seconds(self) -> list[LoadSecond]:
        """Read the load of each second of a run whose load varies; empty for any other run."""
        path = self.folder / LOAD_FILE
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return [
                LoadSecond(float(row["at"]), float(row["asked"]), float(row["reached"]))
                for row in csv.DictReader(file)
            ]

    def write_load(self, seconds: Iterable[LoadSecond]) -> None:
        """Write the load of each second. Raises OSError."""
        with (self.folder / LOAD_FILE).open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("at", "asked", "reached"))
            rows.writerows((second.at, f"{second.asked:.6g}", second.reached) for second in seconds)

    def save(self) -> None:
        """Write run.json atomically. Raises OSError."""
        write_atomically(self.folder / RUN_FILE, _as_text(self._as_json()))

    def prepare_for_full_disk(self) -> None:
        """Write a second run.json with the state `cut`, which a full disk could prevent later. Raises OSError."""
        notes = [*self.notes, "The disk was full before the end of the run."]
        text = _as_text(self._as_json() | {"state": "cut", "notes": notes})
        (self.folder / _CUT_FILE).write_text(text, encoding="utf-8")

    def cut_by_full_disk(self) -> None:
        """Replace run.json with the prepared file; a rename needs no disk space."""
        (self.folder / _CUT_FILE).replace(self.folder / RUN_FILE)

    def forget_full_disk(self) -> None:
        """Remove the prepared file."""
        (self.folder / _CUT_FILE).unlink(missing_ok=True)

    def update(self, **changes: Any) -> "Run":  # noqa: ANN401  (fields of this class)
        """Return the run with these fields changed, saved. Raises OSError."""
        run = replace(self, **changes)
        run.save()
        return run

    def _as_json(self) -> dict[str, Any]:
        return {
            "plan": self.plan.as_json(),
            "state": self.state,
            "began": self.began,
            "generator": dict(self.generator),
            "server": dict(self.server),
            "notes": list(self.notes),
            "dropped": self.dropped,
            "present": self.present,
            "short_seconds": self.short_seconds,
            "exit_code": self.exit_code,
            "exceptions": dict(self.exceptions),
            "stages": [None if stage is None else asdict(stage) for stage in self.stages],
            "aborted": self.aborted,
        }


def _as_text(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, indent=2) + "\n"


class NoSuchRun(Exception):
    """A folder that is not the folder of a run. The message gives the reason."""


def read_run(folder: Path) -> Run:
    """Read the run of a folder. Raises NoSuchRun."""
    try:
        fields = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
        return Run(
            folder=folder,
            plan=Plan.from_json(fields["plan"]),
            state=fields["state"],
            began=fields["began"],
            generator=fields["generator"],
            server=fields["server"],
            notes=tuple(fields["notes"]),
            dropped=fields["dropped"],
            present=fields.get("present"),
            short_seconds=fields.get("short_seconds"),
            exit_code=fields.get("exit_code"),
            exceptions=fields.get("exceptions", {}),
            stages=tuple(None if stage is None else StageLoad(**stage) for stage in fields.get("stages", ())),
            aborted=fields.get("aborted", ""),
        )
    except OSError:
        msg = f"{folder} is not the folder of a run: it has no {RUN_FILE}. See the kept runs with `festgate runs list`."
        raise NoSuchRun(msg) from None
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{folder / RUN_FILE} cannot be read as a run: {error!r}."
        raise NoSuchRun(msg) from None


def list_runs(folder: Path) -> list[Run]:
    """Return the runs kept in a folder, the newest first; other entries are skipped."""
    runs = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        try:
            runs.append(read_run(entry))
        except NoSuchRun:
            continue
    return sorted(runs, key=lambda run: run.began, reverse=True)
