"""The output of a command that ends without a result, for CI systems that read its standard output from a file."""

import functools
from collections.abc import Callable
from typing import Any

from festgate.terminal import CommandFailed


def reports_failure(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command that fails also write its reason in the format `form`, if that is a format for programs.

    Without this, a refused comparison would leave an empty file, and a CI system would report a broken file instead of
    the reason.
    """

    @functools.wraps(command)
    def run(**options: Any) -> None:  # noqa: ANN401  (the options of any command)
        try:
            command(**options)
        except CommandFailed as failure:
            print(_rendered(command.__name__, failure, options["form"]), end="")
            raise

    return run


def _rendered(command: str, failure: CommandFailed, form: str) -> str:
    if form not in ("json", "junit", "github"):
        return ""
    from festgate.rehearsal.report.data import FORMAT, as_json  # noqa: PLC0415  (numpy, which takes a second)
    from festgate.rehearsal.report.github import annotation  # noqa: PLC0415
    from festgate.rehearsal.report.junit import Case, suite  # noqa: PLC0415

    name = command.replace("_runs", "")
    if form == "github":
        return annotation("bad", f"festgate {name}", failure.sentence)
    if form == "junit":
        return suite(f"festgate.rehearsal.{name}", [Case(name, "error", failure.sentence)])
    return as_json(
        {
            "kind": "error",
            "format": FORMAT,
            "command": name,
            "exit_code": failure.exit_code,
            "words": [failure.sentence],
        }
    )
