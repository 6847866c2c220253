"""The command `festgate lab verify`, and the options that it shares with `grade`."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from festgate.lab.cli.description import StarterFolder, starter_at
from festgate.lab.description.starter import Starter
from festgate.lab.student.folder import NoLab, interpreter
from festgate.rehearsal.cli.options import INTERRUPTED, parse_seconds, require_extra
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.terminal import WRONG_USE, fail

if TYPE_CHECKING:
    from festgate.lab.verify.verification import Options, Verification

NOT_ALL = 1
"""Exit code when a route is not improved, or another page responds differently."""
Python = Annotated[
    str,
    typer.Option(
        help="The Python with the submission's packages, which runs both apps. Default: Festgate's own."
    ),
]
Seed = Annotated[
    int | None, typer.Option(help="Repeats the inputs of an earlier verification. Default: new inputs.")
]
WithoutLoad = Annotated[
    bool, typer.Option("--without-load", help="Skip the timed runs: compare responses and counted work only.")
]
Pairs = Annotated[int, typer.Option(min=MIN_PAIRS, help="Pairs of timed runs.")]
Seconds = Annotated[
    str, typer.Option(help="Length of each timed run, such as 8s. Default: as long as the slower app needs.")
]


def mount(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command()(verify)


def verify(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="A folder, a git checkout, or a zip of one.")],
    starter: StarterFolder = None,
    python: Python = "",
    seed: Seed = None,
    without_load: WithoutLoad = False,
    pairs: Pairs = MIN_PAIRS,
    seconds: Seconds = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    gradescope: Annotated[
        Path | None, typer.Option(help="Also write Gradescope's results.json to this file.")
    ] = None,
) -> None:
    """Verify that a submission is faster than the starter and responds the same, without trusting its own measurements.

    Exit code 0 when all three routes improved and all pages respond as before, 1 when not, 2 when the submission could
    not be verified, 130 when interrupted.
    """
    options = options_of(python, seed, without_load, pairs, seconds)
    described = starter_at(starter)
    from festgate.lab.verify import outputs  # noqa: PLC0415  (numpy and others take a second to import)
    from festgate.lab.verify.display import Display  # noqa: PLC0415
    from festgate.lab.verify.verification import CannotVerify  # noqa: PLC0415

    try:
        with Display() as display:
            verification = _verification(source, described, options, display)
    except CannotVerify as error:
        _write(gradescope, outputs.not_verified(str(error)))
        fail(str(error))
    except KeyboardInterrupt:
        fail("Interrupted. The submission no longer runs.", INTERRUPTED)
    results = outputs.as_json(verification)
    _write(gradescope, outputs.as_gradescope(results))
    if as_json:
        print(json.dumps(results, indent=2))
    else:
        outputs.show(verification, Console(highlight=False))
    raise typer.Exit(0 if verification.passed else NOT_ALL)


def options_of(python: str, seed: int | None, without_load: bool, pairs: int, seconds: str) -> "Options":  # noqa: FBT001
    """Return the checked options, or end the command with a message."""
    require_extra()
    from festgate.lab.verify.verification import Options  # noqa: PLC0415
    from festgate.rehearsal.runner.servers import new_seed  # noqa: PLC0415

    try:
        program = interpreter(python)
    except NoLab as error:
        fail(f"--python {error}")
    length = parse_seconds(seconds) if seconds else 0.0
    return Options(
        python=program,
        seed=new_seed() if seed is None else seed,
        load=not without_load,
        pairs=pairs,
        seconds=length,
    )


def _verification(source: Path, starter: Starter, options: "Options", display: Any) -> "Verification":  # noqa: ANN401
    from festgate.lab.verify.verification import Baseline, verify  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as temporary:
        return verify(source, options, Baseline(Path(temporary) / "starter", starter), display)


def _write(file: Path | None, content: dict[str, Any]) -> None:
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.", WRONG_USE)
