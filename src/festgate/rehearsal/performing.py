"""One run as a command plays it: shown meanwhile, kept, and told."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from festgate.rehearsal.options import BROKEN, INTERRUPTED, fail

if TYPE_CHECKING:
    from festgate.rehearsal.plan import Plan, Staging
    from festgate.rehearsal.runs import Run


def perform(plan: "Plan", runs: Path, staging: "Staging") -> "Run":
    """Play it, shown on standard error; or the end, with a sentence."""
    from festgate.rehearsal import display  # noqa: PLC0415  (numpy and its kin take a second, and only runs need them)
    from festgate.rehearsal.playing.preflight import NotThere  # noqa: PLC0415
    from festgate.rehearsal.playing.rehearse import CannotPlay, rehearse  # noqa: PLC0415
    from festgate.rehearsal.playing.servers import CannotServe  # noqa: PLC0415

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
    from festgate.rehearsal.summary import summarize  # noqa: PLC0415

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
