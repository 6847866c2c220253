"""Locust's own output files in `compare` and `runs show`: a description, and the reasons why there is no verdict."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.rehearsal.locust_output import LocustOutput, Table
    from festgate.rehearsal.report import LocustComparison

_PAIR = 2


def read(names: Sequence[str], runs: Path) -> "list[LocustOutput]":
    """Read the files, or prefixes of `--csv`, with those names; return none if all are kept runs.

    End the command if only some are files, or if one cannot be read.
    """
    from festgate.rehearsal.locust_output import NotLocust, locust_file, read_locust  # noqa: PLC0415

    candidates = [None if (runs / name).is_dir() else locust_file(name) for name in names]
    files = [file for file in candidates if file is not None]
    if not files:
        return []
    if len(files) < len(names):
        other = names[candidates.index(None)]
        fail(
            f"{files[0]} has figures that Locust rounded, and {other} is a kept run. They cannot be compared. Give only"
            " files of Locust, or only kept runs."
        )
    try:
        return [read_locust(file) for file in files]
    except NotLocust as error:
        fail(str(error))


def set_beside(outputs: "Sequence[LocustOutput]") -> "LocustComparison":
    """Pair the tables of the first half with those of the second; end the command if that is impossible."""
    from festgate.rehearsal.report import LocustComparison  # noqa: PLC0415

    tables = _tables(outputs)
    half = len(tables) // 2
    problems = [problem for output in outputs for problem in output.problems]
    return LocustComparison(tables[:half], tables[half:], problems)


def _tables(outputs: "Sequence[LocustOutput]") -> "list[Table]":
    """Return the table of each file, or both tables of the only file."""
    if len(outputs) == 1:
        (output,) = outputs
        if len(output.tables) != _PAIR:
            fail(
                f"{_describe(output)} To compare two, give a file with two tables, or two files with one each."
            )
        return list(output.tables)
    for output in outputs:
        if len(output.tables) != 1:
            fail(f"{_describe(output)} Together with other files, each must have exactly one.")
    if len(outputs) % 2:
        fail(f"{len(outputs)} files cannot be split into two halves, before and after.")
    return [output.tables[0] for output in outputs]


def _describe(output: "LocustOutput") -> str:
    lines = ", ".join(
        f"line {table.line}" + (f" ({table.heading})" if table.heading else "") for table in output.tables
    )
    count = "one table" if len(output.tables) == 1 else f"{len(output.tables)} tables"
    return f"{output.source} has {count} of Locust's: {lines}."
