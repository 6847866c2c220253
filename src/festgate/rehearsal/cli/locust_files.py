"""What `compare` and `runs show` do with Locust's own outputs: describe them, and say why nothing follows from them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.rehearsal.locust_output import LocustOutput, Table
    from festgate.rehearsal.report import LocustComparison

_PAIR = 2


def read(names: Sequence[str], runs: Path) -> "list[LocustOutput]":
    """The outputs of those names if they are files, or prefixes of `--csv`; none if they are kept runs.

    Ends with a sentence where some are files and some are not, or where one cannot be read.
    """
    from festgate.rehearsal.locust_output import NotLocust, locust_file, read_locust  # noqa: PLC0415

    files = [None if (runs / name).is_dir() else locust_file(name) for name in names]
    found = [file for file in files if file is not None]
    if not found:
        return []
    if len(found) < len(names):
        other = names[files.index(None)]
        fail(
            f"{found[0]} is a file with figures that Locust rounded, and {other} is not one: a kept run and a table"
            " cannot be set beside each other."
        )
    try:
        return [read_locust(file) for file in found]
    except NotLocust as error:
        fail(str(error))


def set_beside(outputs: "Sequence[LocustOutput]") -> "LocustComparison":
    """The first half's tables and those of the second half; the end, with a sentence, where they make no pairs."""
    from festgate.rehearsal.report import LocustComparison  # noqa: PLC0415

    tables = _tables(outputs)
    half = len(tables) // 2
    problems = [problem for output in outputs for problem in output.problems]
    return LocustComparison(tables[:half], tables[half:], problems)


def _tables(outputs: "Sequence[LocustOutput]") -> "list[Table]":
    """One of each file, or the two of the only one."""
    if len(outputs) == 1:
        (output,) = outputs
        if len(output.tables) != _PAIR:
            fail(f"{_found(output)} To compare two, give a file with two tables, or two files with one each.")
        return list(output.tables)
    for output in outputs:
        if len(output.tables) != 1:
            fail(f"{_found(output)} Beside other files each has to hold one.")
    if len(outputs) % 2:
        fail(f"{len(outputs)} files cannot be halved into those before and those after.")
    return [output.tables[0] for output in outputs]


def _found(output: "LocustOutput") -> str:
    lines = ", ".join(
        f"line {table.line}" + (f" ({table.heading})" if table.heading else "") for table in output.tables
    )
    count = "one table" if len(output.tables) == 1 else f"{len(output.tables)} tables"
    return f"{output.source} has {count} of Locust's: {lines}."
