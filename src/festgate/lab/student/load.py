"""Loading a route of the student's app, with what the kept run has to say of the code that answered."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from festgate.lab.student.code import UnreadableCode, fingerprint_of
from festgate.lab.student.folder import ROUTES, STARTER

if TYPE_CHECKING:
    from festgate.rehearsal.runs.store import Run

BUILD: Final = "build"
UNKNOWN_CODE: Final = (
    "What answered was not started by `festgate lab serve` in this folder, so nobody can say which code it was: the run"
    " does not count for `festgate lab status`."
)


def code_now(folder: Path, name: str) -> str:
    """What a run says of the code behind a route (`events`), or of all of it for the journey. Raises UnreadableCode."""
    return f"code {fingerprint_of(folder, ROUTES.get(name, ''))}"


def code_handed_out(name: str) -> str:
    """The same of the starter."""
    return code_now(STARTER, name)


def with_code(run: "Run", folder: Path, name: str, code: str) -> "Run":
    """The run, with the code that answered: `code`, which lay there as it began; empty where that is not known.

    Raises OSError. Where the code is another by now, the reload came in between, and it is a run of neither.
    """
    if not code:
        return run.ended(run.state, notes=(*run.notes, UNKNOWN_CODE))
    try:
        now = code_now(folder, name)
    except UnreadableCode:
        now = "code that cannot be read"
    if now != code:
        note = "The code was changed while this was played: it is a run of neither."
        return run.ended(
            run.state, server={**run.server, BUILD: f"{code}, then {now}"}, notes=(*run.notes, note)
        )
    return run.ended(run.state, server={**run.server, BUILD: code})


def describe_code(folder: Path, name: str) -> str:
    """For the student, after a run."""
    if name not in ROUTES:
        return "This was the whole journey; the parts of the lab ask for each route by itself."
    same = code_now(folder, name) == code_handed_out(name)
    state = "as it was handed out" if same else "not as it was handed out"
    return f"The code behind {ROUTES[name]} is {state}."
