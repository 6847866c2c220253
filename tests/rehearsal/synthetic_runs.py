"""Runs of a few seconds, written as the load generator would have written them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from festgate.rehearsal.runs.plan import Load, Plan, Rate
from festgate.rehearsal.runs.recording import SUFFIX, Sample, SamplesWriter
from festgate.rehearsal.runs.samples import Floats
from festgate.rehearsal.runs.store import RESOURCES_FILE, Run, State

REQUESTS = 700
"""After the warm-up: enough for a p95, as in the runs that the method was measured on."""
BODY = 0xFE57
MINUTE = 60.0
"""Seconds between the beginnings of two runs."""


@dataclass(frozen=True)
class Answers:
    """The answers of one run; each list has one figure per request, in the order of sending."""

    latency: Floats
    intended: Floats
    late: float = 0.0
    """Delay in seconds of some requests: ..."""
    late_every: int = 50
    """... those at each multiple of this index."""
    steps: Sequence[str] = ("/events",)
    """In turn."""
    failed: int = 0
    """The number of failed requests, at the beginning."""
    failed_status: int = 500
    status: int = 200
    size: int = 21_138
    sizes: Sequence[int] = ()
    """Instead of `size`, in turn."""
    bodies: Sequence[int] = (BODY,)
    """In turn."""
    connecting: Sequence[int] = ()
    """The requests that opened a connection, by index."""


@dataclass(frozen=True)
class Fest:
    """A writer of runs into a folder."""

    folder: Path
    plan: Plan = field(
        default_factory=lambda: Plan("events", "http://127.0.0.1:1", Rate(70.0), duration=10.0, warm_up=2.0)
    )

    def usual(self, seed: int, *, slower: float = 1.0, requests: int = REQUESTS) -> Answers:
        """Return log-normal latencies of about 20 ms and Poisson arrivals, from the end of the warm-up on."""
        rng = np.random.default_rng(seed)
        gaps = rng.exponential(size=requests + 1)
        place = np.cumsum(gaps)[:-1] / gaps.sum()
        return Answers(
            latency=0.020 * slower * np.exp(0.3 * rng.standard_normal(requests)),
            intended=self.plan.warm_up + place * self.plan.duration,
        )

    def run(
        self,
        name: str,
        answers: Answers,
        plan: Plan | None = None,
        server: Mapping[str, str] | None = None,
        generator: Mapping[str, str] | None = None,
        cpu: float | Sequence[float] = 0.3,
        state: State = "whole",
        dropped: int = 0,
    ) -> Run:
        """Keep a run under `name`; `cpu` is the share of a core of the load generator, of each second in turn."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        writer = SamplesWriter(folder / f"0{SUFFIX}")
        connecting = set(answers.connecting)
        for number, (latency, intended) in enumerate(zip(answers.latency, answers.intended, strict=True)):
            bad = number < answers.failed
            writer.add(
                Sample(
                    name=answers.steps[number % len(answers.steps)],
                    intended=float(intended),
                    start=float(intended) + (answers.late if number % answers.late_every == 0 else 0.0),
                    latency=float(latency),
                    status=answers.failed_status if bad else answers.status,
                    failed=bad,
                    new_connection=number in connecting,
                    size=answers.sizes[number % len(answers.sizes)] if answers.sizes else answers.size,
                    digest=answers.bodies[number % len(answers.bodies)],
                )
            )
        writer.close()
        plan = self.plan if plan is None else plan
        used = [cpu] if isinstance(cpu, float) else list(cpu)
        with (folder / RESOURCES_FILE).open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("side", "at", "cpu", "memory"))
            for second in range(int(plan.warm_up + plan.duration)):
                rows.writerow(("generator", second, used[second % len(used)], 1))
                rows.writerow(("server", second, 0.95, 1))
        run = Run(
            folder=folder,
            plan=plan,
            state=state,
            began=MINUTE * len(list(self.folder.iterdir())),
            generator={"festgate": "1", "locust": "2"} if generator is None else generator,
            server={} if server is None else server,
            dropped=dropped,
        )
        run.save()
        return run


def with_load(plan: Plan, load: Load, **changes: float) -> Plan:
    """Return the plan with another load."""
    fields = plan.as_json() | changes
    return Plan.from_json(fields | {"load": Plan("", "", load, 1.0).as_json()["load"]})
