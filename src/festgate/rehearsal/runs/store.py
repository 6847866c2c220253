"""Kept runs: a folder each.

run.json        the plan, who played it against what, when, and how it ended
*.samples       every request (recording.py), a file for each process that sent
resources.csv   a line a second: side, seconds since the beginning, share of a core, bytes of memory
latency.hlog    the same latencies as an HdrHistogram log, for other tools
load.log        what Locust said
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from festgate.files import write_atomically
from festgate.rehearsal.runs.plan import Plan
from festgate.rehearsal.runs.recording import SUFFIX

if TYPE_CHECKING:
    from festgate.rehearsal.runs.samples import Samples

State = Literal["running", "whole", "cut"]
"""`cut`: ended before its time by Ctrl-C, a crash or a full disk; what it had sent is kept."""
Side = Literal["generator", "server"]
RUN_FILE: Final = "run.json"
RESOURCES_FILE: Final = "resources.csv"
HISTOGRAM_FILE: Final = "latency.hlog"
LOG_FILE: Final = "load.log"
_CUT_FILE: Final = f".cut.{RUN_FILE}"


@dataclass(frozen=True, slots=True)
class Resources:
    """What one side used in one second."""

    side: Side
    at: float
    """Seconds since the run began."""
    cpu: float
    """Share of one core: 1.5 is one and a half cores."""
    memory: int
    """Resident bytes."""


@dataclass(frozen=True)
class Run:
    """A kept run; its samples are read when they are asked for."""

    folder: Path
    plan: Plan
    state: State
    began: float
    """Seconds since 1970."""
    generator: Mapping[str, str]
    """Versions of what sent: festgate, locust, python, machine."""
    server: Mapping[str, str]
    """What the target said it was: its headers that name a version, a git revision where it was started from one."""
    notes: Sequence[str] = ()
    """What the reader must know: an address that did not answer, a worker that was lost."""
    dropped: int = 0
    """Arrivals of an open loop for whom no user was free in time; they were never sent."""

    @property
    def name(self) -> str:
        """Of the folder: what `festgate runs` and `festgate compare` call it."""
        return self.folder.name

    def samples(self) -> "Samples":
        """Every request, warm-up included. Raises ValueError where a file is damaged."""
        from festgate.rehearsal.runs.samples import read_samples  # noqa: PLC0415  (numpy; the load generator never reads)

        return read_samples(sorted(self.folder.glob(f"*{SUFFIX}")))

    def measured(self) -> "Samples":
        """The requests after the warm-up."""
        begin = self.plan.warm_up
        return self.samples().between(begin, begin + self.plan.duration)

    def overlaps(self, other: "Run") -> bool:
        """Whether both were under way at some moment, by how long they were to last."""
        first, second = sorted((self, other), key=lambda run: run.began)
        return second.began < first.began + first.plan.warm_up + first.plan.duration

    def resources(self) -> list[Resources]:
        """Both sides' use of the machine, in the order of time; empty where it was not seen."""
        path = self.folder / RESOURCES_FILE
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return [
                Resources(row["side"], float(row["at"]), float(row["cpu"]), int(row["memory"]))  # type: ignore[arg-type]
                for row in csv.DictReader(file)
            ]

    def keep(self) -> None:
        """Write run.json, whole or not at all. Raises OSError."""
        write_atomically(self.folder / RUN_FILE, _as_text(self._as_json()))

    def prepare_for_full_disk(self) -> None:
        """Write beside run.json what it is to be if it cannot be written later. Raises OSError."""
        notes = [*self.notes, "The disk was full before its end."]
        text = _as_text(self._as_json() | {"state": "cut", "notes": notes})
        (self.folder / _CUT_FILE).write_text(text, encoding="utf-8")

    def cut_by_full_disk(self) -> None:
        """Mark it as cut, by a name that changes: that takes no room."""
        (self.folder / _CUT_FILE).replace(self.folder / RUN_FILE)

    def forget_full_disk(self) -> None:
        """What was prepared is not needed any more."""
        (self.folder / _CUT_FILE).unlink(missing_ok=True)

    def ended(self, state: State, **changes: Any) -> "Run":  # noqa: ANN401  (fields of this class)
        """The same run, ended and kept."""
        run = replace(self, state=state, **changes)
        run.keep()
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
        }


def _as_text(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, indent=2) + "\n"


class NoSuchRun(Exception):
    """The folder holds no run; the sentence says which, and what there is."""


def read_run(folder: Path) -> Run:
    """The run of a folder. Raises NoSuchRun."""
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
        )
    except OSError:
        msg = f"{folder} is not the folder of a run: it has no {RUN_FILE}. See the kept runs with `festgate runs list`."
        raise NoSuchRun(msg) from None
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{folder / RUN_FILE} cannot be read as a run: {error!r}."
        raise NoSuchRun(msg) from None


def list_runs(folder: Path) -> list[Run]:
    """The runs kept in a folder, the newest first; what is no run is passed over."""
    found = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        try:
            found.append(read_run(entry))
        except NoSuchRun:
            continue
    return sorted(found, key=lambda run: run.began, reverse=True)
