"""The load generator of a run: `python -m festgate.rehearsal.load generator RUN_FOLDER OPTIONS`.

It reads the plan from the run's folder, writes the samples there, and a line of JSON a second to standard output (the
fields of `rehearse.Second`). It ends after the plan's time, or at SIGTERM, which abandons open requests; the last line
has the outcome. OPTIONS is a `plan.RunOptions` as JSON. If there are workers, this process is their master.
"""

import json
import time
from dataclasses import asdict
from pathlib import Path

from festgate.rehearsal.load.hooks import fire_init, fire_quitting
from festgate.rehearsal.load.locustfile import CannotStart, Locustfile, load
from festgate.rehearsal.load.master import run_master
from festgate.rehearsal.load.progress import combine, report
from festgate.rehearsal.load.share import (
    LoadShare,
    make_environment,
    redirect_output,
    stopped_by_signal,
)
from festgate.rehearsal.load.visits import describe_visits
from festgate.rehearsal.load.web_page import open_page
from festgate.rehearsal.runs.plan import Plan, Rate, RunOptions, journey_file
from festgate.rehearsal.runs.recording import SUFFIX, SamplesWriter
from festgate.rehearsal.runs.store import LOG_FILE, read_run

CANNOT_START = 2
"""Exit code: nothing was sent."""


def main(folder: Path, options: RunOptions) -> int:
    """Generate the load of a run; return the exit code."""
    plan = read_run(folder).plan
    redirect_output(folder / LOG_FILE)
    try:
        file = load(journey_file(plan.journey))
        if plan.workers > 1 or options.join_at:
            run_master(plan, file, folder, options)
        else:
            generate(plan, file, folder, options)
    except CannotStart as error:
        report(error=str(error))
        return CANNOT_START
    return 0


def generate(plan: Plan, file: Locustfile, folder: Path, options: RunOptions) -> None:
    """Send the plan's load from this process alone, and record every request. Raises CannotStart."""
    environment = make_environment(file, plan)
    runner = environment.create_local_runner()
    stopped = stopped_by_signal()
    if options.web_port:
        page = open_page(environment, runner, options.web_port, stopped)
        report(notice=f"Locust's web page of this run is {page}")
    fire_init(environment, runner)
    share = LoadShare(environment, runner, plan, SamplesWriter(folder / f"0{SUFFIX}"))
    share.prepare(stopped)
    began = time.time()
    share.record(began)
    report(began=began)
    share.begin()
    share.wait(stopped, lambda progress: report(**combine([progress])))
    cut = stopped.is_set()
    ended = share.end(cut=cut)
    exit_code, notes = fire_quitting(environment)
    if isinstance(plan.load, Rate):
        notes += describe_visits(environment.user_classes)
    state = "cut" if cut or ended.unwritten else "whole"
    report(ended=state, notes=notes, exit_code=exit_code, **asdict(ended))


def run(folder: str, options: str) -> int:
    """Call `main` with the words of the command line."""
    return main(Path(folder), RunOptions(**json.loads(options)))
