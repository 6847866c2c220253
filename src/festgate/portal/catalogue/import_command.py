"""The work of `festgate events import`: read a file, import it, ask where a person has to agree, and list the rest."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress

from festgate.kit.cli import FOUND, opened, run
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import import_prompts
from festgate.portal.catalogue.events import refuse_other_currency
from festgate.portal.catalogue.files.formats import READERS, read_events
from festgate.portal.catalogue.files.rows import MAX_FILE, Conventions, LineError, Notice, Sheet, Unreadable
from festgate.portal.catalogue.imports import (
    AnswersNeeded,
    NothingImported,
    OnlyTried,
    Options,
    Report,
    import_sheet,
    without_errors,
)
from festgate.portal.catalogue.proposals import Proposal
from festgate.settings import Settings
from festgate.terminal import fail

MANY = 500
"""Rows of a file from which an import shows a progress bar."""


def read_file(path: Path, conventions: Conventions) -> Sheet:
    """Read the rows of a file."""
    if path.suffix.casefold() not in READERS:
        fail(f"{path}: the name has to end in {', '.join(READERS)}.")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}.")
    try:
        return read_events(path.name, data, conventions)
    except Unreadable as error:
        fail(f"{path}: {error}\nNothing was imported.", FOUND)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an import, and what the command has not shown yet."""

    file: Path
    sheet: Sheet
    report: Report
    errors: list[LineError]
    proposals: list[Proposal]
    """The changes about which nobody was asked."""
    is_kept: bool


@dataclass(slots=True)
class FileImport:
    """One import of a file, which is tried again without rows with errors, and with the answers to questions."""

    file: Path
    sheet: Sheet
    options: Options
    skip_invalid: bool = field(kw_only=True)
    _errors: list[LineError] = field(init=False, default_factory=list)
    _rest: Sheet = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the whole file."""
        self._rest = self.sheet

    def finish(self) -> Outcome:
        """Import the file. Ends the command if it has errors, or if it needs answers and there is no terminal."""
        _show_notices(self.file, self.sheet.unit, self.sheet.notices)
        asked: dict[Proposal, bool] = {}
        while True:
            try:
                report = run(self._import_rest)
            except AnswersNeeded as needed:
                # Outside of the event loop, which would catch the first Ctrl-C and wait on.
                asked |= import_prompts.ask(self.file, self.sheet.unit, needed.proposals)
                self.options = replace(self.options, answers=replace(self.options.answers, single=asked))
            else:
                proposals = [proposal for proposal in report.proposals if proposal not in asked]
                return Outcome(self.file, self.sheet, report, self._errors, proposals, self.options.keep)

    async def _import_rest(self, settings: Settings) -> Report:
        """Import the rows that have had no error so far. Raises AnswersNeeded."""
        async with opened(settings) as database:
            while True:
                try:
                    with _progress(len(self._rest.rows)) as progress:
                        return await database.write(_import_sheet, self._rest, self.options, progress)
                except OnlyTried as tried:
                    return tried.report
                except NothingImported as error:
                    self._errors += error.errors
                    if not self.skip_invalid:
                        fail(_describe_errors(self.file, self.sheet, self._errors), FOUND)
                    self._rest = without_errors(self._rest, error)


def _import_sheet(connection: Connection, sheet: Sheet, options: Options, tick: Callable[[], None]) -> Report:
    refuse_other_currency(connection, options.currency)
    return import_sheet(connection, sheet, options, tick)


def show_outcome(outcome: Outcome) -> None:
    """List what was left out or changed on standard error, and the numbers of events on standard output."""
    file, sheet, report = outcome.file, outcome.sheet, outcome.report
    if outcome.errors:
        lines = _lines_of_errors(file, sheet, sorted(outcome.errors, key=lambda error: error.line))
        left_out = _count_wrong(outcome.errors)
        typer.echo("\n".join([*lines, f"Left out because of errors: {left_out}."]), err=True)
    _show_notices(file, sheet.unit, report.notices)
    for proposal in outcome.proposals:
        typer.echo(import_prompts.describe(file, sheet.unit, proposal), err=True)
    if not outcome.is_kept:
        if report.unanswered:
            typer.echo(import_prompts.describe_need(report.unanswered), err=True)
        typer.echo("Nothing was imported. Without --dry-run the result would be:")
    cancelled = f", {report.cancelled} cancelled" if report.cancelled else ""
    typer.echo(
        f"{report.created} created, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.published} published{cancelled}."
    )


def _describe_errors(file: Path, sheet: Sheet, errors: list[LineError]) -> str:
    rows = _count_wrong(errors)
    summary = f"Nothing was imported: {rows} {'row is' if rows == 1 else 'rows are'} wrong."
    return "\n".join([*_lines_of_errors(file, sheet, errors), summary])


def _lines_of_errors(file: Path, sheet: Sheet, errors: list[LineError]) -> list[str]:
    return [
        f"{file}, {sheet.unit} {error.line}: {f'“{error.name}”: ' if error.name else ''}{error.sentence}"
        for error in errors
    ]


def _count_wrong(errors: list[LineError]) -> int:
    return len({error.line for error in errors})


def _show_notices(file: Path, unit: str, notices: Iterable[Notice]) -> None:
    """Write what the import changed or left out to standard error, and one sentence about many lines only once."""
    lines: dict[str, list[Notice]] = {}
    for notice in notices:
        lines.setdefault(notice.sentence, []).append(notice)
    for sentence, same in lines.items():
        numbers = ", ".join(str(notice.line) for notice in same)
        typer.echo(f"{file}, {unit if len(same) == 1 else f'{unit}s'} {numbers}: {sentence}", err=True)


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each row; it draws a progress bar on a terminal if there are many."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=rows < MANY or not console.is_terminal) as bar:
        task = bar.add_task("Importing", total=rows)
        yield lambda: bar.advance(task)
