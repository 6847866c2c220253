"""The commands `festgate lab report` and `festgate lab hint`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from festgate.files import write_atomically
from festgate.lab.cli.description import StarterFolder, starter_of_lab
from festgate.lab.cli.exercise import HERE, Folder
from festgate.lab.description.starter import Starter
from festgate.lab.student.folder import PAGE, NoLab, interpreter, lab_in
from festgate.rehearsal.cli.options import require_extra
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.lab.hints.selection import ApplicableHint

PYTHON = "The Python with your app's packages, which runs it. Default: Festgate's own."


def mount(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command()(report)
    app.command()(hint)


def report(
    folder: Folder = HERE,
    starter: StarterFolder = None,
    python: Annotated[str, typer.Option(help=PYTHON)] = "",
    browser: Annotated[
        str,
        typer.Option(
            help="The Chromium, Chrome or Edge that takes the screenshots. Default: an installed one."
        ),
    ] = "",
) -> None:
    """Write report.html: one page with your progress, screenshots, measurements, hints and answers.

    The report shows what is missing.
    """
    require_extra()
    try:
        described = starter_of_lab(folder, starter)
        lab = lab_in(described, folder)
        program = interpreter(python)
        from festgate.lab.report.content import read_lab  # noqa: PLC0415
        from festgate.lab.report.document import lab_document  # noqa: PLC0415  (numpy and others take a second to import)
        from festgate.lab.report.screens import take_screenshots  # noqa: PLC0415
        from festgate.rehearsal.report.page import page  # noqa: PLC0415

        screens = take_screenshots(described, lab, program, browser)
        content = read_lab(described, lab)
        write_atomically(lab / PAGE, page(lab_document(content, screens)))
    except (NoLab, ValueError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The report cannot be written in {folder}: {error.strerror}.")
    for sentence in screens.missing:
        print(sentence)
    done = sum(part.done for part in content.parts)
    print(f"{done} of {len(content.parts)} parts are done. The report is {folder / PAGE}")


def hint(
    code: Annotated[
        str,
        typer.Argument(help="The code of a hint. Default: list the hints that apply."),
    ] = "",
    folder: Folder = HERE,
    starter: StarterFolder = None,
    run: Annotated[
        str,
        typer.Option(
            help="The kept run that illustrates the hint. Default: the last one to which it applies."
        ),
    ] = "",
) -> None:
    """Explain what weakens a comparison or a conclusion, on a page with a chart of your own runs and a question.

    Exit code 0 when the hint exists, 2 when it does not.
    """
    require_extra()
    from festgate.lab.hints.page import write_hint  # noqa: PLC0415
    from festgate.lab.hints.selection import NoHint, applicable_hints, hint_for  # noqa: PLC0415  (numpy and others take a second to import)

    if folder == HERE and code and Path(code).is_dir():
        code, folder = "", Path(code)  # `festgate lab hint DIR`: no hint has the name of a lab
    try:
        described = starter_of_lab(folder, starter)
        lab = lab_in(described, folder)
        if not code:
            _list(described, applicable_hints(described, lab, run))
            return
        met = hint_for(described, lab, code, run)
        path = write_hint(described, lab, met.name, met.hint, met.figure, met.material)
    except (NoLab, NoHint, ValueError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The hint cannot be written in {folder}: {error.strerror}.")
    console = Console(highlight=False)
    console.print(Text(met.hint.title, "bold"))
    console.print(Text(met.hint.happened))
    if met.figure:
        console.print(Text(f"Here: {met.figure}."))
    console.print(Text.assemble(("? ", "bold"), met.hint.question))
    console.print(Text(f"With a chart: {folder / path.relative_to(lab)}"), soft_wrap=True)


def _list(starter: Starter, met: "list[ApplicableHint]") -> None:
    if not met:
        print("No hint applies to the last comparisons and loads, or to the conclusions of the report.")
        return
    table = Table("Hint", "Concerns", "What happened", "Evidence")
    for entry in met:
        table.add_row(
            entry.hint.code,
            starter.paths.get(entry.name, starter.report),
            entry.hint.title,
            Text(entry.figure),
        )
    Console(highlight=False).print(table)
    print("Show one with a chart of your own runs: `festgate lab hint HINT`.")
