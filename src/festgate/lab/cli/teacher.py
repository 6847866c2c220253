"""`festgate lab verify` and `grade`: the exercise, on the teacher's side."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from festgate.lab.student.folder import NoLab, interpreter
from festgate.rehearsal.cli.options import INTERRUPTED, needs_extra, seconds_of
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.terminal import WRONG_USE, fail

if TYPE_CHECKING:
    from festgate.lab.verify.grades import Grade
    from festgate.lab.verify.verification import Options, Verification

NOT_ALL = 1
"""Exit code where not all three routes are improved, or something answers otherwise."""
GRADES = Path("grades")
KEPT, CSV, OVERVIEW = "results", "grades.csv", "overview.html"
"""In that folder."""
Python = Annotated[
    str,
    typer.Option(
        help="The interpreter that runs both apps, with the submission's packages; without it, this one."
    ),
]
Seed = Annotated[int | None, typer.Option(help="Draws the same inputs again; without it, new ones.")]
WithoutLoad = Annotated[
    bool, typer.Option("--without-load", help="No timed runs: a quick look, by answers and counted work.")
]
Pairs = Annotated[int, typer.Option(min=MIN_PAIRS, help="Pairs of timed runs.")]
Seconds = Annotated[
    str, typer.Option(help="How long each is measured: 8s; without it, as long as the slower app needs.")
]


def mount(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command()(verify)
    app.command()(grade)


def verify(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="A folder, a git checkout, or a zip of one.")],
    python: Python = "",
    seed: Seed = None,
    without_load: WithoutLoad = False,
    pairs: Pairs = MIN_PAIRS,
    seconds: Seconds = "",
    as_json: Annotated[bool, typer.Option("--json", help="On standard output as JSON.")] = False,
    gradescope: Annotated[
        Path | None, typer.Option(help="Write Gradescope's results.json to this file, too.")
    ] = None,
) -> None:
    """Find out whether a submission is quicker, and answers as before, trusting nothing in it.

    Exit code 0 when all three routes are improved and all pages alike, 1 when not, 2 when it could not be verified,
    130 when it was cut off.
    """
    options = options_of(python, seed, without_load, pairs, seconds)
    from festgate.lab.verify import outputs as telling  # noqa: PLC0415  (numpy and its kin take a second)
    from festgate.lab.verify.display import Display  # noqa: PLC0415
    from festgate.lab.verify.verification import CannotVerify  # noqa: PLC0415

    try:
        with Display() as display:
            verified = _verified(source, options, display)
    except CannotVerify as error:
        _write(gradescope, telling.not_verified(str(error)))
        fail(str(error))
    except KeyboardInterrupt:
        fail("Cut off. Nothing of it runs any more.", INTERRUPTED)
    told = telling.as_json(verified)
    _write(gradescope, telling.as_gradescope(told))
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        telling.show(verified, Console(highlight=False))
    raise typer.Exit(0 if verified.passed else NOT_ALL)


def grade(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="With a folder or a zip for each submission.")
    ],
    to: Annotated[Path, typer.Option(help="Where the results, the CSV and the overview are kept.")] = GRADES,
    python: Python = "",
    seed: Seed = None,
    without_load: WithoutLoad = False,
    pairs: Pairs = MIN_PAIRS,
    seconds: Seconds = "",
    again: Annotated[bool, typer.Option("--again", help="Also what is kept already.")] = False,
) -> None:
    """Verify every submission of a folder, audit the reports in it, and write grades.csv and overview.html.

    What is done is kept, so that a second call only does what is missing or was handed in anew. Exit code 0 when all
    could be verified, whatever came of it, 2 when some could not, 130 when it was cut off.
    """
    options = options_of(python, seed, without_load, pairs, seconds)
    from festgate.lab.verify.display import Display  # noqa: PLC0415
    from festgate.lab.verify.grades import grade as grade_one  # noqa: PLC0415
    from festgate.lab.verify.grades import submissions_in  # noqa: PLC0415
    from festgate.lab.verify.verification import Baseline  # noqa: PLC0415

    try:
        found = submissions_in(folder)
    except OSError as error:
        fail(f"{folder} cannot be read: {error.strerror}.")
    if not found:
        fail(f"{folder} holds no folder and no zip.")
    done: list[Grade] = []
    cut = False
    try:
        with (
            tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as scratch,
            Display(len(found)) as display,
        ):
            baseline = Baseline(Path(scratch) / "starter")
            for number, source in enumerate(found):
                display.begin(number, source.name)
                graded = grade_one(source, source.name, to / KEPT, options, baseline, display, again=again)
                done.append(graded)
                display.say(f"{source.name}: {graded.problem or graded.result}")
    except KeyboardInterrupt:
        cut = True
    except OSError as error:
        fail(f"The results cannot be kept in {to}: {error.strerror}.")
    _write_overview(folder, to, done)
    passed = sum(each.result == "passed" for each in done)
    print(f"{len(done)} of {len(found)} graded, {passed} passed: {to / CSV} and {to / OVERVIEW}.")
    if cut:
        fail("Cut off. The same command goes on where it was.", INTERRUPTED)
    raise typer.Exit(WRONG_USE if any(each.told is None for each in done) else 0)


def _write_overview(folder: Path, to: Path, done: "list[Grade]") -> None:
    from festgate.lab.verify.grades import as_csv, with_duplicates  # noqa: PLC0415
    from festgate.lab.verify.overview import overview  # noqa: PLC0415

    rows = with_duplicates(done)
    try:
        to.mkdir(parents=True, exist_ok=True)
        # The mark at the beginning tells a spreadsheet that it is UTF-8.
        (to / CSV).write_text(as_csv(rows), encoding="utf-8-sig", newline="")
        (to / OVERVIEW).write_text(overview(f"The lab: {folder.resolve().name}", rows), encoding="utf-8")
    except OSError as error:
        fail(f"The results cannot be kept in {to}: {error.strerror}.")


def options_of(python: str, seed: int | None, without_load: bool, pairs: int, seconds: str) -> "Options":  # noqa: FBT001
    """The options, checked; or the end, with a sentence."""
    needs_extra()
    from festgate.lab.verify.verification import Options  # noqa: PLC0415
    from festgate.rehearsal.runner.servers import new_seed  # noqa: PLC0415

    try:
        runs_it = interpreter(python)
    except NoLab as error:
        fail(f"--python {error}")
    length = seconds_of(seconds) if seconds else 0.0
    return Options(
        python=runs_it,
        seed=new_seed() if seed is None else seed,
        load=not without_load,
        pairs=pairs,
        seconds=length,
    )


def _verified(source: Path, options: "Options", display: Any) -> "Verification":  # noqa: ANN401
    from festgate.lab.verify.verification import Baseline, verify  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as scratch:
        return verify(source, options, Baseline(Path(scratch) / "starter"), display)


def _write(file: Path | None, content: dict[str, Any]) -> None:
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.", WRONG_USE)
