"""`festgate lab report` and `festgate lab hint`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from festgate.lab.cli.exercise import HERE, Folder
from festgate.lab.student.folder import APP, PAGE, ROUTES, NoLab, interpreter, lab_in
from festgate.rehearsal.cli.options import needs_extra
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.lab.hints.selection import ApplicableHint

PYTHON = "The Python that runs your app, with its packages; without it, Festgate's own."


def mount(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command()(report)
    app.command()(hint)


def report(
    folder: Folder = HERE,
    python: Annotated[str, typer.Option(help=PYTHON)] = "",
    browser: Annotated[
        str,
        typer.Option(
            help="The Chromium, Chrome or Edge that takes the pictures; without it, one that is there."
        ),
    ] = "",
) -> None:
    """Write all that lies in the folder as one page, report.html: what was done, seen, measured, and answered.

    What is missing is shown as missing.
    """
    needs_extra()
    try:
        lab = lab_in(folder)
        runner = interpreter(python)
        from festgate.lab.report.content import gather  # noqa: PLC0415
        from festgate.lab.report.document import lab_document  # noqa: PLC0415  (numpy and its kin take a second)
        from festgate.lab.report.screens import take  # noqa: PLC0415
        from festgate.rehearsal.report.page import page  # noqa: PLC0415

        taken = take(lab, runner, browser)
        found = gather(lab)
        written = lab / f".{PAGE}"
        written.write_text(page(lab_document(found, taken)), encoding="utf-8")
        written.replace(lab / PAGE)
    except (NoLab, ValueError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The report cannot be written in {folder}: {error.strerror}.")
    for sentence in taken.missing:
        print(sentence)
    done = sum(part.done for part in found.parts)
    print(f"{done} of {len(found.parts)} parts are done. The report is {folder / PAGE}")


def hint(
    code: Annotated[
        str,
        typer.Argument(help="As a comparison or an audit names it; without it, those that apply are listed."),
    ] = "",
    folder: Folder = HERE,
    run: Annotated[
        str, typer.Option(help="The kept run that it is shown with; without it, the last one that has it.")
    ] = "",
) -> None:
    """What weakens or forbids a comparison, or a conclusion: a page with a picture from your own runs, and a question.

    Exit code 0 when there is such a hint, 2 when there is none of that name.
    """
    needs_extra()
    from festgate.lab.hints.page import write_hint  # noqa: PLC0415
    from festgate.lab.hints.selection import NoHint, applicable_hints, hint_for  # noqa: PLC0415  (numpy and its kin take a second)

    if folder == HERE and (Path(code) / APP).is_file():
        code, folder = "", Path(code)  # `festgate lab hint DIR`: no hint is called like a lab
    try:
        lab = lab_in(folder)
        if not code:
            _list(applicable_hints(lab, run))
            return
        found = hint_for(lab, code, run)
        path = write_hint(lab, found.name, found.hint, found.figure, found.material)
    except (NoLab, NoHint, ValueError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The hint cannot be written in {folder}: {error.strerror}.")
    console = Console(highlight=False)
    console.print(Text(found.hint.title, "bold"))
    console.print(Text(found.hint.happened))
    if found.figure:
        console.print(Text(f"Here: {found.figure}."))
    console.print(Text.assemble(("? ", "bold"), found.hint.question))
    console.print(Text(f"With a picture: {folder / path.relative_to(lab)}"), soft_wrap=True)


def _list(met: "list[ApplicableHint]") -> None:
    if not met:
        print("No hint applies to the last comparisons and loads, or to what report.md concludes.")
        return
    table = Table("Hint", "Of", "What happened", "Here")
    for each in met:
        table.add_row(each.hint.code, ROUTES.get(each.name, "report.md"), each.hint.title, Text(each.figure))
    Console(highlight=False).print(table)
    print("`festgate lab hint HINT` shows one with a picture from your own runs.")
