"""Records in a run which code of the student's app answered it."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from festgate.lab.description.starter import ROUTES, Starter
from festgate.lab.student.code import UnreadableCode, fingerprint_of

if TYPE_CHECKING:
    from festgate.rehearsal.runs.store import Run

BUILD: Final = "build"
UNKNOWN_CODE: Final = (
    "The server that answered was not started by `festgate lab serve` in this folder, so its code is unknown: the run"
    " does not count for `festgate lab status`."
)


def code_now(starter: Starter, folder: Path, name: str) -> str:
    """Return the value that a run records for the code behind a route (`events`), or for all code for the journey.

    Raises UnreadableCode.
    """
    return f"code {fingerprint_of(starter, folder, starter.paths.get(name, ''))}"


def code_handed_out(starter: Starter, name: str) -> str:
    """Return the same value for the starter."""
    return code_now(starter, starter.folder, name)


def with_code(starter: Starter, run: "Run", folder: Path, name: str, code: str) -> "Run":
    """Record in the run the code that answered: `code` as it was at the start, or empty if it is not known.

    Code that changed during the run caused a reload; such a run counts for neither version. Raises OSError.
    """
    if not code:
        return run.update(notes=(*run.notes, UNKNOWN_CODE))
    try:
        now = code_now(starter, folder, name)
    except UnreadableCode:
        now = "code that cannot be read"
    if now != code:
        note = "The code was changed during the run, so the run belongs to neither version."
        return run.update(server={**run.server, BUILD: f"{code}, then {now}"}, notes=(*run.notes, note))
    return run.update(server={**run.server, BUILD: code})


def describe_code(starter: Starter, folder: Path, name: str) -> str:
    """Describe to the student which code a run measured."""
    if name not in ROUTES:
        return "This was the whole journey; the parts of the lab need a load of each route by itself."
    same = code_now(starter, folder, name) == code_handed_out(starter, name)
    state = "as it was handed out" if same else "not as it was handed out"
    return f"The code behind {starter.paths[name]} is {state}."
