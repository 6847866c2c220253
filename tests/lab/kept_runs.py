"""Runs of a lab as its commands keep them, written without a server."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from festgate.lab.description.starter import BUILT_IN
from festgate.rehearsal.runs.plan import Plan, Users
from tests.rehearsal.synthetic_runs import Fest


@dataclass(frozen=True)
class KeptRuns:
    """A writer of runs into the lab in `folder`."""

    folder: Path

    def run(
        self,
        route: str,
        code: str,
        name: str,
        *,
        load: Path = BUILT_IN.folder,
        side: str = "",
        seed: int = 1,
        **more: int,
    ) -> None:
        """Write a run of that code, with the locustfile of the folder `load`."""
        file = f"{route.replace('-', '_')}.py"
        fingerprint = hashlib.sha256((load / "load" / file).read_bytes()).hexdigest()[:12]
        runs = Fest(
            self.folder / "runs",
            Plan(f"C:\\other\\load\\{file}", "http://127.0.0.1:1", Users(4, 4.0), 10.0, 2.0),
        )
        answers = replace(runs.usual(seed, slower=0.5 if side == "after" else 1.0), **more)  # type: ignore[arg-type]
        plan = replace(runs.plan, label=f"{route}-{side}" if side else route, seed=seed)
        runs.run(name, answers, plan, {"build": code}, {"journey": fingerprint})

    def pairs(
        self, name: str, seed: int, before: str, after: str, *, route: str = "events", count: int = 6
    ) -> None:
        """Write a comparison of a route."""
        for number in range(count):
            for side, code in (("before", before), ("after", after)):
                self.run(route, code, f"{name}{number}{side}", side=side, seed=seed + number)
