"""Short real runs against small servers, each with one fault that a comparison has to detect, or with nearly one."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from festgate.rehearsal.runner.run import Second, rehearse
from festgate.rehearsal.runs.plan import Load, Plan, Rate, Users
from festgate.rehearsal.runs.store import Run
from tests.rehearsal.target import Behaviour, Site, serving

PAIRS: Final = 6
AT_ONCE: Final = 4
"""Concurrent runs; more disturb each other, fewer leave the machine idle while Python starts."""
WARM_UP: Final = 0.4

_JOURNEY = """
import itertools
import time

import gevent
from locust import FastHttpUser, between, constant, constant_pacing, task

number = itertools.count()

class Visitor(FastHttpUser):
    wait_time = {wait}

    @task
    def look(self):
        {look}
"""
_LOOK = """page = self.client.get("/page", name="/page")
        if b"onward" in (page.content or b""):
            self.client.get("/mine", name="/mine")"""
_THINK = "between(0.05, 0.15)"

JOURNEYS: Final[Mapping[str, tuple[str, str]]] = {
    "thinking": (_THINK, _LOOK),
    "restless": ("constant(0)", _LOOK),
    "patient": ("between(0.3, 0.5)", _LOOK),
    "paced": ("constant_pacing(0.4)", _LOOK),
    "named by value": (_THINK, 'self.client.get("/page", name=f"/page?user={next(number)}")'),
    "named by one of twelve": (_THINK, 'self.client.get("/page", name=f"/page/{next(number) % 12}")'),
    "several at once": (
        "constant(0)",
        'gevent.joinall([gevent.spawn(self.client.get, "/page", name="/page") for _ in range(3)])',
    ),
    "hesitating": (_THINK, "gevent.sleep(0.06)\n        " + _LOOK),
    "computing": (
        _THINK,
        "until = time.thread_time() + 0.04\n        while time.thread_time() < until:\n            pass\n        "
        + _LOOK,
    ),
}
"""Each journey's think time and requests."""

SIXTEEN: Final = Users(16, spawn_rate=100.0)
TWO: Final = Users(2, spawn_rate=100.0)
OPEN: Final = Rate(32.0, "constant")
"""An open loop whose last arrival is due long before the end, so that a busy machine sends it, too."""


@dataclass(frozen=True)
class Scenario:
    """One run and its target. Times in seconds."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    journey: str = "thinking"
    load: Load = SIXTEEN
    duration: float = 1.0
    warm_up: float = WARM_UP
    seed: int = 0
    cut: bool = False
    """Whether Ctrl-C ends the run after a second."""


_ONE = Behaviour(build="one")
# Near the limits of other answers, of more errors, and of slow connections.
_TWO = Behaviour(build="two", own_size=3_030, accepts=100, fails=150, closes_after=10, opening=0.02)
_PAGE = Behaviour(onward=0)
_SLOW = Behaviour(onward=0, wait=0.2)

SCENARIOS: Final[Mapping[str, Scenario]] = {
    # Long enough for the thirty requests that a median needs on a machine that others keep busy.
    **{f"one {number}": Scenario(_ONE, seed=number, duration=1.5) for number in range(PAIRS)},
    **{f"two {number}": Scenario(_TWO, seed=number, duration=1.5) for number in range(PAIRS)},
    "cut": Scenario(duration=20.0, cut=True),
    "failing": Scenario(Behaviour(fails=20)),
    "failing often": Scenario(Behaviour(fails=6)),
    "accepting": Scenario(Behaviour(accepts=10)),
    "shrunk": Scenario(Behaviour(own_size=2_800)),
    "another page 1": Scenario(Behaviour(page=b"good bye"), seed=1),
    "another page 2": Scenario(Behaviour(page=b"good bye"), seed=2),
    "named by value": Scenario(_PAGE, "named by value", warm_up=0.0),
    "named by one of twelve": Scenario(_PAGE, "named by one of twelve"),
    "slow to come": Scenario(load=Users(16, spawn_rate=12.0)),
    "cold": Scenario(Behaviour(slower=(0.0, WARM_UP + 0.7)), duration=2.0),
    "slow to connect": Scenario(Behaviour(closes_after=5, opening=0.8), duration=1.5),
    "frozen": Scenario(Behaviour(wait=0.0, frozen=(1.0, 1.6), onward=0), "restless", TWO, duration=2.6),
    "frozen before the patient": Scenario(
        Behaviour(frozen=(0.7, 1.1), onward=0), "patient", Users(40, spawn_rate=200.0)
    ),
    "restless": Scenario(Behaviour(wait=0.02, onward=0), "restless", TWO, duration=2.0),
    # An answer that takes longer than the pace would bring its user out of step, which a busy machine soon does.
    "paced": Scenario(_PAGE, "paced", Users(20, spawn_rate=1000.0), duration=2.0),
    "rarely onward": Scenario(Behaviour(onward=40)),
    "at times onward": Scenario(Behaviour(onward=10)),
    "slower in the end": Scenario(Behaviour(slower=(WARM_UP + 0.5, 60.0))),
    "several at once": Scenario(_PAGE, "several at once", TWO),
    "open": Scenario(_SLOW, load=OPEN),
    "open with three people": Scenario(_SLOW, load=replace(OPEN, most_users=3), warm_up=0.1),
    "open and hesitating": Scenario(_SLOW, "hesitating", OPEN),
    # Two users that compute before each of their requests: the next visitor waits for them.
    "open and computing": Scenario(
        _PAGE, "computing", replace(OPEN, most_users=2), duration=2.0, warm_up=0.1
    ),
}


def run_all(folder: Path) -> dict[str, Run]:
    """Run every scenario, several at once."""
    for name, (wait, look) in JOURNEYS.items():
        text = _JOURNEY.replace("{wait}", wait).replace("{look}", look)
        (folder / f"{name.replace(' ', '_')}.py").write_text(text, encoding="utf-8")
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(serving(Site(scenario.behaviour))).url
            for name, scenario in SCENARIOS.items()
        }
        threads = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        futures = {
            name: threads.submit(_run, scenario, name, urls[name], folder)
            for name, scenario in SCENARIOS.items()
        }
        return {name: run.result() for name, run in futures.items()}


def _run(scenario: Scenario, name: str, url: str, folder: Path) -> Run:
    def interrupt(_: Second) -> None:
        if scenario.cut:
            raise KeyboardInterrupt

    plan = Plan(
        journey=str(folder / f"{scenario.journey.replace(' ', '_')}.py"),
        host=url,
        load=scenario.load,
        duration=scenario.duration,
        warm_up=scenario.warm_up,
        seed=scenario.seed,
    )
    return rehearse(plan, folder / name.replace(" ", "-"), on_second=interrupt)
