"""The inspection of a user's locustfile before its run: the hosts of its users, and the parts that are not used."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from festgate.rehearsal.runner.run import CannotRun
from festgate.rehearsal.runs.plan import Plan, journey_file

TIMEOUT: Final = 60.0
"""Seconds for the file to be imported."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The parts of a locustfile that affect how it is run."""

    host: str
    """The host that Locust's options name, or that all user classes have; empty for none."""
    hosts: Mapping[str, str]
    """The host of each user class, if they have different ones."""
    without_host: tuple[str, ...]
    """The user classes with a web client and without a host. Locust refuses to run them."""
    ignored: tuple[str, ...]
    """A sentence for each part that a rehearsal does not use."""
    shape: str
    """The name of its `LoadTestShape`; empty if it has none."""
    shape_takes_options: bool
    """Whether the shape reads the number of users that the command gives (`use_common_options`)."""
    has_web_users: bool = True
    """Whether a user class has a web client of Locust."""


def inspect_locustfile(plan: Plan) -> Inspection:
    """Import a plan's locustfile in a process of its own, and return what it defines. Raises CannotRun."""
    file = journey_file(plan.journey)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "festgate.rehearsal.load", "inspection", json.dumps(plan.as_json())],
            check=False,
            env={**os.environ, "FESTGATE_REHEARSAL_SEED": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT,
            encoding="utf-8",
        )
        fields = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        msg = (
            f"{file} was not imported within {TIMEOUT:g} s: the code at its top level waits, or does not end."
        )
        raise CannotRun(msg) from None
    except (IndexError, ValueError):
        msg = f"{file} ended the process that imported it. Move code such as `sys.exit()` from its top level."
        raise CannotRun(msg) from None
    if "error" in fields:
        raise CannotRun(fields["error"])
    return Inspection(
        fields["host"],
        fields["hosts"],
        tuple(fields["without_host"]),
        tuple(fields["ignored"]),
        fields["shape"],
        fields["shape_takes_options"],
        fields["has_web_users"],
    )
