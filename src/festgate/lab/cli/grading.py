"""The command `festgate lab grade`."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from festgate.files import write_atomically
from festgate.lab.cli.description import StarterFolder, starter_at
from festgate.lab.cli.teacher import Pairs, Python, Seconds, Seed, WithoutLoad, options_of
from festgate.rehearsal.cli.options import INTERRUPTED
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.terminal import WRONG_USE, fail

if TYPE_CHECKING:
    from festgate.lab.description.starter import Starter
    from festgate.lab.grading.grades import Grade, Grader
    from festgate.lab.grading.roster import Roster
    from festgate.lab.grading.rubric import Rubric
    from festgate.lab.grading.submissions import Source

GRADES = Path("grades")
CSV, OVERVIEW, FEEDBACK = "grades.csv", "overview.html", "feedback"
"""Names in the folder of the grades."""


def mount(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command()(grade)


def grade(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="The folder with a folder or zip for each submission."),
    ] = None,
    to: Annotated[Path, typer.Option(help="The folder for the results, the CSV and the overview.")] = GRADES,
    rubric: Annotated[
        Path | None,
        typer.Option(
            help="The points of each part, as --print-rubric writes them. Default: rubric.toml in that folder."
        ),
    ] = None,
    print_rubric: Annotated[bool, typer.Option("--print-rubric", help="Print the default rubric.")] = False,
    gradebook: Annotated[
        Literal["moodle", "canvas", "gradescope"] | None,
        typer.Option(help="Also write the points in the import format of this gradebook."),
    ] = None,
    assignment: Annotated[
        str, typer.Option(help="The assignment's name in Canvas, with its number if it has one.")
    ] = "Fest lab",
    starter_folder: StarterFolder = None,
    python: Python = "",
    seed: Seed = None,
    without_load: WithoutLoad = False,
    pairs: Pairs = MIN_PAIRS,
    seconds: Seconds = "",
    again: Annotated[
        bool, typer.Option("--again", help="Verify all submissions again, also those with a kept result.")
    ] = False,
) -> None:
    """Verify each submission in a folder, audit its reports, and write grades.csv, overview.html and feedback.

    Results are kept: a second call verifies only new and changed submissions. Exit code 0 when all submissions could be
    verified, whatever the results, 2 when some could not, 130 when interrupted.
    """
    from festgate.lab.grading.rubric import default_text  # noqa: PLC0415

    if print_rubric:
        print(default_text(), end="")
        return
    if folder is None:
        fail("Name the folder with the submissions: `festgate lab grade FOLDER`.")
    starter = starter_at(starter_folder)
    options = options_of(python, seed, without_load, pairs, seconds)
    from festgate.lab.grading.grades import Grader, with_twins  # noqa: PLC0415  (numpy and others take a second to import)
    from festgate.lab.grading.submissions import submissions_in  # noqa: PLC0415
    from festgate.lab.verify.verification import Baseline  # noqa: PLC0415

    points = _rubric(rubric, to, starter)
    roster = _roster(to)
    try:
        submissions = submissions_in(folder, to)
    except OSError as error:
        fail(f"{folder} cannot be read: {error.strerror}.")
    if not submissions:
        fail(f"{folder} holds no folder and no zip.")
    with tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as temporary:
        baseline = Baseline(Path(temporary) / "starter", starter)
        grader = Grader(starter, options, points, baseline, to, again=again)
        done, interrupted = _graded(grader, submissions)
    try:
        grades = _with_corrections(to, with_twins(done), roster)
        _write(starter, folder, to, grades)
        if gradebook is not None:
            _write_gradebook(starter, to, gradebook, assignment, grades)
    except OSError as error:
        fail(f"The results cannot be kept in {to}: {error.strerror}.")
    passed = sum(graded.result == "passed" for graded in grades)
    print(
        f"Graded {len(done)} of {len(submissions)} submissions; {passed} passed. See {to / CSV} and {to / OVERVIEW}."
    )
    if interrupted:
        fail("Interrupted. Run the same command again to continue.", INTERRUPTED)
    raise typer.Exit(WRONG_USE if any(graded.results is None for graded in grades) else 0)


def _rubric(file: Path | None, to: Path, starter: "Starter") -> "Rubric":
    from festgate.lab.grading import rubric  # noqa: PLC0415
    from festgate.lab.grading.score import check_rubric  # noqa: PLC0415

    own = to / rubric.FILE
    try:
        if file is None and not own.is_file():
            return rubric.default_rubric()
        points = rubric.read_rubric(file or own)
        check_rubric(points, starter)
    except rubric.InvalidRubric as error:
        fail(str(error))
    return points


def _roster(to: Path) -> "Roster":
    from festgate.lab.grading import roster  # noqa: PLC0415
    from festgate.lab.grading.grades import READINGS  # noqa: PLC0415

    try:
        return roster.read_roster(to, to / READINGS)
    except roster.InvalidRoster as error:
        fail(str(error))


def _graded(grader: "Grader", submissions: "list[Source]") -> "tuple[list[Grade], bool]":
    """Grade one submission after the other, until the last one or until Ctrl-C."""
    from festgate.lab.grading.students import students_by_name  # noqa: PLC0415
    from festgate.lab.verify.display import Display  # noqa: PLC0415

    names = students_by_name([source.name for source in submissions])
    done: list[Grade] = []
    try:
        with Display(len(submissions)) as display:
            for number, source in enumerate(submissions):
                display.begin(number, source.name)
                graded = grader.grade(source, names[source.name], display)
                done.append(graded)
                display.print(f"{source.name}: {graded.problem or graded.result}")
    except KeyboardInterrupt:
        return done, True
    except OSError as error:
        fail(f"The results cannot be kept in {grader.folder}: {error.strerror}.")
    return done, False


def _with_corrections(to: Path, grades: "list[Grade]", roster: "Roster") -> "list[Grade]":
    """Write students.csv, and return the grades with its corrections. Raises OSError."""
    from festgate.lab.grading.grades import READINGS  # noqa: PLC0415
    from festgate.lab.grading.roster import write_roster  # noqa: PLC0415

    readings = to / READINGS
    readings.mkdir(parents=True, exist_ok=True)
    write_roster(to, readings, roster, {graded.name: graded.student for graded in grades})
    return [replace(graded, student=roster.corrected(graded.name, graded.student)) for graded in grades]


def _write(starter: "Starter", folder: Path, to: Path, grades: "list[Grade]") -> None:
    from festgate.lab.grading.feedback import feedback_text  # noqa: PLC0415
    from festgate.lab.grading.overview import overview  # noqa: PLC0415
    from festgate.lab.grading.submissions import file_name  # noqa: PLC0415
    from festgate.lab.grading.table import grades_csv  # noqa: PLC0415

    (to / FEEDBACK).mkdir(parents=True, exist_ok=True)
    write_atomically(to / CSV, grades_csv(starter, grades))
    write_atomically(to / OVERVIEW, overview(starter, f"Submissions: {folder.resolve().name}", grades))
    for graded in grades:
        write_atomically(to / FEEDBACK / f"{file_name(graded.name)}.md", feedback_text(starter, graded))


def _write_gradebook(
    starter: "Starter",
    to: Path,
    gradebook: Literal["moodle", "canvas", "gradescope"],
    assignment: str,
    grades: "list[Grade]",
) -> None:
    from festgate.lab.grading.feedback import feedback_text  # noqa: PLC0415
    from festgate.lab.grading.gradebooks import gradebook_files  # noqa: PLC0415

    written = gradebook_files(
        gradebook, assignment, grades, [feedback_text(starter, graded) for graded in grades]
    )
    for name, content in written.files.items():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(to / name, content)
    for reason, names, remedy in (
        ("the student is unknown", written.left_out, "Enter the name or the gradebook id"),
        (
            "a student has several submissions",
            written.repeated,
            "Remove all but one of them, or correct the gradebook ids",
        ),
    ):
        if names:
            print(
                f"Not in the file for {gradebook.capitalize()}, because {reason}: {', '.join(names)}. {remedy} in"
                f" {to / 'students.csv'}."
            )
