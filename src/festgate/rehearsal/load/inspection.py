"""A look at a locustfile before its run: `python -m festgate.rehearsal.load inspection FILE`.

It prints a line of JSON: `hosts`, those of the user classes, and `ignored`, a sentence for each part that a rehearsal
does not use; or `error`, the reason why nothing can be sent. The file runs in this process, as it will in the run.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import locust
from locust.util.load_locustfile import is_shape_class

from festgate.rehearsal.load.locustfile import CannotStart, load
from festgate.rehearsal.load.progress import report
from festgate.rehearsal.load.share import redirect_output


def run(file: str) -> int:
    """Inspect the file and report; return the exit code."""
    redirect_output(os.devnull)
    before = _listeners()
    try:
        classes = load(Path(file))
    except CannotStart as error:
        report(error=str(error))
        return 2
    added = [now > earlier for now, earlier in zip(_listeners(), before, strict=True)]
    hosts = dict.fromkeys(str(user_class.host) for user_class in classes if user_class.host)
    report(hosts=list(hosts), ignored=list(_ignored(classes[0].__module__, *added)))
    return 0


def _listeners() -> tuple[int, int]:
    # Locust has no public name for the listeners of an event.
    events = (locust.events.quitting, locust.events.init_command_line_parser)
    first, second = (len(event._handlers) for event in events)  # noqa: SLF001
    return first, second


def _ignored(module: str, quitting: bool, options: bool) -> Iterator[str]:  # noqa: FBT001
    shapes = [name for name, value in vars(sys.modules[module]).items() if is_shape_class(value)]
    if shapes:
        yield f"{', '.join(shapes)} is not used: the options of the command determine the load."
    if quitting:
        yield "Listeners to `quitting` are not called: limits and checks determine the exit code."
    if options:
        yield "The locustfile's own command-line options are not read."
