"""Locust's events at the beginning and at the end of a process, and the errors of a locustfile's listeners.

Locust logs an exception of a listener and goes on; it then exits with 2, or with 1 at once if `init` was fired.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from locust.env import Environment
from locust.runners import Runner

from festgate.rehearsal.load.exceptions import describe_exception
from festgate.rehearsal.load.locustfile import CannotStart

LISTENER_RAISED: Final = 2
"""Locust's exit code for a run in which a listener raised an exception."""
_LOGGED_AS: Final = "Uncaught exception in event handler"


@contextmanager
def listener_errors(report: Callable[[str], None]) -> Iterator[None]:
    """Call `report` with a description of each exception that an event listener raises within the block."""
    handler = ListenerErrors(report)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


class ListenerErrors(logging.Handler):
    """A handler of Locust's log, which is the only place where Locust reports an exception of a listener."""

    def __init__(self, report: Callable[[str], None]) -> None:
        """Call `report` with a description of each exception."""
        super().__init__(logging.ERROR)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Report the exception of a listener; other records are left to other handlers."""
        error = sys.exc_info()[1]
        if error is not None and str(record.msg).startswith(_LOGGED_AS):
            self._report(describe_exception(error, error.__traceback__))


def fire_init(environment: Environment, runner: Runner) -> None:
    """Fire Locust's `init` event. Raises CannotStart if a listener raises an exception, which also ends Locust."""
    errors: list[str] = []
    with listener_errors(errors.append):
        environment.events.init.fire(environment=environment, runner=runner, web_ui=environment.web_ui)  # type: ignore[no-untyped-call]
    if errors:
        msg = f"A listener of `init` raised {errors[0]}."
        raise CannotStart(msg)


def fire_quitting(environment: Environment) -> tuple[int | None, list[str]]:
    """Fire Locust's `quitting` and `quit` events; return the exit code that the locustfile chose, and notes."""
    errors: list[str] = []
    # Locust's own listeners would make the runner quit again.
    handlers = environment.events.quitting._handlers  # noqa: SLF001  (Locust has no public name for them)
    handlers[:] = [handler for handler in handlers if handler.__module__ != Runner.__module__]
    with listener_errors(errors.append):
        try:
            environment.events.quitting.fire(environment=environment, reverse=True)  # type: ignore[no-untyped-call]
        except SystemExit as leaving:
            environment.process_exit_code = _as_code(leaving.code or 0)
    if errors and not environment.process_exit_code:
        environment.process_exit_code = LISTENER_RAISED
    code = None if environment.process_exit_code is None else _as_code(environment.process_exit_code)
    failed = bool(environment.stats.errors) or bool(environment.runner and environment.runner.exceptions)
    environment.events.quit.fire(exit_code=int(failed) if code is None else code)  # type: ignore[no-untyped-call]
    return code, [f"A listener of `quitting` raised {error}." for error in errors]


def _as_code(value: object) -> int:
    """Return an exit code for the value that a locustfile chose: 1 for a sentence, as Python does."""
    return value if isinstance(value, int) else 1
