"""The commands of teachers: `festgate lab verify` and `grade`."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from festgate.files import write_atomically
from festgate.lab.cli.description import StarterFolder, starter_at
from festgate.lab.description.starter import BUILT_IN, Starter
from festgate.lab.student.folder import NoLab, interpreter
from festgate.rehearsal.cli.options import INTERRUPTED, parse_seconds, require_extra
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.terminal import WRONG_USE, fail

if TYPE_CHECKING:
    from festgate.lab.verify.grades import Grade
    from festgate.lab.verify.verification import Options, Verification

NOT_ALL = 1
"""Exit code when a route is not improved, or another page responds differently."""
GRADES = Path("grades")
KEPT, CSV, OVERVIEW = "results", "grades.csv", "overview.html"
"""Names in the folder of the grades."""
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
    """Add the commands to the group."""
    app.command()(verify)
    app.command()(grade)


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
    try:
        described = starter_at(starter)
    except NoLab as error:
        fail(str(error))
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


def grade(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder with a folder or zip for each submission.")
    ],
    to: Annotated[Path, typer.Option(help="The folder for the results, the CSV and the overview.")] = GRADES,
    python: Python = "",
    seed: Seed = None,
    without_load: WithoutLoad = False,
    pairs: Pairs = MIN_PAIRS,
    seconds: Seconds = "",
    again: Annotated[bool, typer.Option("--again", help="Verify again what already has a result.")] = False,
) -> None:
    """Verify each submission in a folder, audit its reports, and write grades.csv and overview.html.

    Results are kept: a second call verifies only new and changed submissions. Exit code 0 when all submissions could be
    verified, whatever the results, 2 when some could not, 130 when interrupted.
    """
    options = options_of(python, seed, without_load, pairs, seconds)
    from festgate.lab.verify.display import Display  # noqa: PLC0415
    from festgate.lab.verify.grades import grade_submission, submissions_in  # noqa: PLC0415
    from festgate.lab.verify.verification import Baseline  # noqa: PLC0415

    try:
        submissions = submissions_in(folder)
    except OSError as error:
        fail(f"{folder} cannot be read: {error.strerror}.")
    if not submissions:
        fail(f"{folder} holds no folder and no zip.")
    done: list[Grade] = []
    interrupted = False
    try:
        with (
            tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as temporary,
            Display(len(submissions)) as display,
        ):
            baseline = Baseline(Path(temporary) / "starter", BUILT_IN)
            for number, source in enumerate(submissions):
                display.begin(number, source.name)
                graded = grade_submission(source, to / KEPT, options, baseline, display, again=again)
                done.append(graded)
                display.print(f"{source.name}: {graded.problem or graded.result}")
    except KeyboardInterrupt:
        interrupted = True
    except OSError as error:
        fail(f"The results cannot be kept in {to}: {error.strerror}.")
    _write_overview(folder, to, done)
    passed = sum(graded.result == "passed" for graded in done)
    print(
        f"Graded {len(done)} of {len(submissions)} submissions; {passed} passed. See {to / CSV} and {to / OVERVIEW}."
    )
    if interrupted:
        fail("Interrupted. Run the same command again to continue.", INTERRUPTED)
    raise typer.Exit(WRONG_USE if any(graded.results is None for graded in done) else 0)


def _write_overview(folder: Path, to: Path, done: "list[Grade]") -> None:
    from festgate.lab.verify.grades import as_csv, with_duplicates  # noqa: PLC0415
    from festgate.lab.verify.overview import overview  # noqa: PLC0415

    rows = with_duplicates(done)
    try:
        to.mkdir(parents=True, exist_ok=True)
        # Spreadsheets recognise UTF-8 by the byte order mark.
        write_atomically(to / CSV, as_csv(BUILT_IN, rows).encode("utf-8-sig"))
        write_atomically(to / OVERVIEW, overview(BUILT_IN, f"Submissions: {folder.resolve().name}", rows))
    except OSError as error:
        fail(f"The results cannot be kept in {to}: {error.strerror}.")


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
