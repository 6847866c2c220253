"""A run, or pairs of runs, as a command plays them: shown meanwhile, kept, and told."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from festgate.rehearsal.cli.options import BROKEN, INTERRUPTED
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.rehearsal.runner.builds import Candidate
    from festgate.rehearsal.runner.pairs import Side
    from festgate.rehearsal.runner.run import Second
    from festgate.rehearsal.runs.plan import Plan, Staging
    from festgate.rehearsal.runs.store import Run
    from festgate.rehearsal.stats.metrics import Metric

STARTING = 4.0
"""Seconds that a server takes to start, for the time that is left."""


def perform(plan: "Plan", runs: Path, staging: "Staging") -> "Run":
    """Play it, shown on standard error; or the end, with a sentence."""
    from festgate.rehearsal.cli import display  # noqa: PLC0415  (numpy and its kin take a second, and only runs need them)
    from festgate.rehearsal.runner.preflight import NotThere  # noqa: PLC0415
    from festgate.rehearsal.runner.run import CannotPlay, rehearse  # noqa: PLC0415
    from festgate.rehearsal.runner.servers import CannotServe  # noqa: PLC0415

    try:
        with display.Display(plan, display.console()) as shown:
            return rehearse(plan, runs, tell=shown, say=shown.say, staging=staging)
    except (NotThere, CannotPlay, CannotServe) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Nothing was sent.", INTERRUPTED)


def tell(run: "Run", report: str) -> int:
    """Print the report in that format, and write the whole one into the run's folder; the exit code."""
    from festgate.rehearsal.report import render, write_report  # noqa: PLC0415
    from festgate.rehearsal.stats.summary import summarize  # noqa: PLC0415

    page = run.folder / "report.html"
    summary = summarize(run)
    try:
        write_report(summary, page)
        told = f"the whole report is {page}"
    except OSError as error:
        told = f"the whole report could not be written: {error.strerror}."
    print(render(summary, report), end="")
    Console(file=sys.stderr, highlight=False, soft_wrap=True).print(f"Kept in {run.folder}; {told}")
    if run.state == "cut":
        return INTERRUPTED
    return BROKEN if summary.broken else 0


class TooFew(Exception):
    """What is played would be refused in the end; the sentence says why, and what to do."""


def perform_pairs(
    plan: "Plan",
    before: "Candidate",
    after: "Candidate",
    pairs: int,
    runs: Path,
    *,
    primary: "Metric | None" = None,
    at_once: bool = False,
) -> "tuple[list[Run], list[Run]]":
    """Play them, with the time that is left on standard error.

    Raises what `play_pairs` does, and TooFew after the first run with too few requests for the `primary` metric.
    """
    from festgate.rehearsal.runner.pairs import play_pairs  # noqa: PLC0415

    each = plan.warm_up + plan.duration
    together = 2 if at_once else 1
    console = Console(file=sys.stderr, highlight=False)
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console, transient=True
    )
    task = progress.add_task("Starting", total=2 * pairs // together * (each + STARTING))

    def tell(number: int, side: "Side", second: "Second") -> None:
        progress.update(
            task,
            completed=number // together * (each + STARTING) + STARTING + second.at,
            description=f"Run {number + 1} of {2 * pairs}, {side}",
        )
        if not console.is_terminal and second.at >= each:
            console.print(f"Run {number + 1} of {2 * pairs}, {side}: {second.requests} requests")

    def look(run: "Run") -> None:
        if primary is not None:
            _enough(run, primary, runs)

    with progress:
        return play_pairs(plan, before, after, pairs, runs, tell=tell, look=look, at_once=at_once)


def _enough(run: "Run", primary: "Metric", runs: Path) -> None:
    """Raises TooFew."""
    from festgate.rehearsal.stats.limits import min_requests  # noqa: PLC0415

    samples = run.measured()
    count, needed = int(primary.of(samples).sum()), min_requests(primary.quantile)
    if count >= needed:
        return
    # Half as long again: what one run had just enough of, the next has not.
    better = 5 * math.ceil(1.5 * run.plan.duration * needed / max(1, count) / 5)
    remedy = (
        f"Play longer, {better:,} s at this pace, or have more asked."
        if count
        else f"What was asked for: {', '.join(samples.names) or 'nothing'}."
    )
    msg = (
        f"{run.name} has {count:,} requests for {primary.text}, which takes {needed:,} in each run, so the comparison"
        f" would be refused. {remedy} What was played is kept in {runs}."
    )
    raise TooFew(msg)


@contextmanager
def sentences(runs: Path) -> Iterator[None]:
    """Whatever keeps a play from going on, as one sentence and an exit code."""
    from festgate.rehearsal.runner.builds import NoCandidate  # noqa: PLC0415
    from festgate.rehearsal.runner.preflight import NotThere  # noqa: PLC0415
    from festgate.rehearsal.runner.run import CannotPlay  # noqa: PLC0415
    from festgate.rehearsal.runner.servers import CannotServe  # noqa: PLC0415

    try:
        yield
    except (NoCandidate, NotThere, CannotPlay, CannotServe, TooFew) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail(f"Cut off. What was played is kept in {runs}.", INTERRUPTED)
