"""The process that plays a journey: `python -m festgate.rehearsal.load player RUN_FOLDER STAGING`.

It reads the plan from the run's folder, and writes the samples there and a line of JSON a second to standard output
(the fields of `rehearse.Second`). It ends after the plan's time, or at SIGTERM, with what is under way given up; the
last line says how it ended. STAGING is a `plan.Staging` as JSON. Where there are workers, this process leads them.
"""

import json
import logging
import sys
import time
from dataclasses import asdict
from pathlib import Path

from locust import User

from festgate.rehearsal.load.locustfile import Unplayable, load
from festgate.rehearsal.load.master import lead
from festgate.rehearsal.load.sending import (
    Sending,
    environment_for,
    initialized,
    stopped_by_signal,
)
from festgate.rehearsal.load.standing import tell, together
from festgate.rehearsal.load.web_page import open_page
from festgate.rehearsal.runs.plan import Plan, Staging, journey_file
from festgate.rehearsal.runs.recording import SUFFIX, SamplesWriter
from festgate.rehearsal.runs.store import LOG_FILE, read_run

UNPLAYABLE = 2
"""Exit code: the journey cannot be played; nothing was sent."""


def main(folder: Path, staging: Staging) -> int:
    """Play the run of a folder; the process's exit code."""
    sys.stdout = sys.stderr
    plan = read_run(folder).plan
    # A full disk is told in a sentence, not also line by line for what is logged.
    logging.raiseExceptions = False
    logging.basicConfig(
        filename=folder / LOG_FILE, encoding="utf-8", level=logging.INFO, format="%(asctime)s %(message)s"
    )
    try:
        classes = load(journey_file(plan.journey))
        if plan.workers > 1 or staging.join_at:
            lead(plan, classes, folder, staging)
        else:
            play(plan, classes, folder, staging)
    except Unplayable as error:
        tell(error=str(error))
        return UNPLAYABLE
    return 0


def play(plan: Plan, classes: list[type[User]], folder: Path, staging: Staging) -> None:
    """Send the plan's load from this process alone, and keep every sample. Raises Unplayable."""
    environment = environment_for(classes, plan.host)
    runner = environment.create_local_runner()
    stopped = stopped_by_signal()
    if staging.page:
        tell(says=f"Locust's own page of this run is {open_page(environment, runner, staging.page, stopped)}")
    initialized(environment, runner)
    sending = Sending(environment, runner, plan, SamplesWriter(folder / f"0{SUFFIX}"))
    sending.prepare(stopped)
    began = time.time()
    sending.record(began)
    tell(began=began)
    sending.begin()
    sending.last(stopped, lambda standing: tell(**together([standing])))
    cut = stopped.is_set()
    ended = sending.end(cut=cut)
    tell(ended="cut" if cut or ended.unwritten else "whole", **asdict(ended))


def run(folder: str, staging: str) -> int:
    """As `main`, with the words of the command line."""
    return main(Path(folder), Staging(**json.loads(staging)))
