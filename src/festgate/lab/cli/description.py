"""`festgate lab describe`, and the option `--starter` of the other commands."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from festgate.lab.description.starter import BUILT_IN, DESCRIPTION, BadStarter, Starter
from festgate.lab.student.folder import known_starter, remember_starter
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.lab.description.reading import Reading

INCOMPLETE = 1
"""Exit code when a teacher has to add something to the description."""
StarterFolder = Annotated[
    Path | None,
    typer.Option(
        "--starter",
        metavar="DIR",
        help="The folder of the course's starter. Default: Festgate's own starter.",
    ),
]


def mount(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command()(describe)


def starter_at(folder: Path | None) -> Starter:
    """Return the starter in a folder, or Festgate's own; end the command with a message if it cannot be used."""
    if folder is None:
        return BUILT_IN
    from festgate.lab.description.file import starter_of  # noqa: PLC0415  (pydantic, and only for another starter)

    try:
        return starter_of(folder)
    except BadStarter as error:
        fail(f"--starter: {error}")


def starter_of_lab(lab: Path, named: Path | None) -> Starter:
    """Return the starter of a student's lab: the one named now, the one named before, or Festgate's own.

    The lab remembers the folder of a named starter. Ends the command with a message if it cannot be used.
    """
    if named is None:
        known = known_starter(lab)
        if known is not None and not known.is_dir():
            fail(
                f"The starter of this lab, {known}, does not exist any more. Name its folder with --starter."
            )
        return starter_at(known)
    starter = starter_at(named)
    try:
        remember_starter(lab, named)
    except OSError as error:
        fail(f"{lab} cannot be written: {error.strerror}.")
    return starter


def describe(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a course's starter.")],
    to_print: Annotated[
        bool, typer.Option("--print", help="Print the description, and write no file.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a lab.toml that was edited.")] = False,
) -> None:
    """Read a course's starter, and write what it is to the file lab.toml in its folder.

    The code is read and never run. Correct the file where it is wrong: the option --starter of the other commands uses
    it. Exit code 0 when the description is complete, 1 when a route has to be added, 2 when the folder holds no app.
    """
    from festgate.lab.description.file import description, is_edited, write_description  # noqa: PLC0415
    from festgate.lab.description.reading import read_starter  # noqa: PLC0415  (only this command needs these modules)

    try:
        reading = read_starter(folder)
    except BadStarter as error:
        fail(str(error))
    file = folder / DESCRIPTION
    if to_print:
        print(description(reading), end="")
    else:
        try:
            if file.is_file() and is_edited(file) and not force:
                fail(
                    f"{file} was edited and is kept. Use --force to replace it, or --print to see a new one."
                )
            write_description(file, reading)
        except OSError as error:
            fail(f"{file} cannot be written: {error.strerror}.")
        for line in _summary(reading):
            print(line)
        print(f"\nWritten to {file}. Correct what is wrong there, and name the folder with --starter.")
    raise typer.Exit(INCOMPLETE if reading.needed else 0)


def _summary(reading: "Reading") -> Iterator[str]:
    starter = reading.starter
    yield f"app          {starter.app}"
    for name, path in (*starter.paths.items(), *starter.others.items()):
        load = starter.load.get(name)
        yield f"route        {path}{f', loaded by {load}' if load else ''}"
    yield f"person       ?{starter.person}="
    yield f"form         {', '.join(starter.form)}"
    yield f"database     {starter.database}"
    yield f"events       {f'inserted by {starter.fill}, run by hand' if starter.fill else 'inserted by the app'}"
    for crash in starter.crashes:
        rule = "to be fixed" if crash.must_be_fixed else "may stay"
        where = f"{crash.file}, line {crash.line}, reached by {crash.path or 'every route'}"
        yield f"crash        {crash.code} in {where}; {rule}"
    yield f"packages     {reading.pins}: {' '.join(starter.packages) or 'current versions'}"
    if reading.missing:
        yield "\nNot found:"
        yield from reading.missing
