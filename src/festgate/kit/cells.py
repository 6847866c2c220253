"""Cells of exports, protected from formula injection; our own import reads them back unchanged.

A spreadsheet treats a cell that begins with one of these signs as a formula, which can send neighbouring cells to an
address. A leading apostrophe makes it text. Full-width signs count too, because some spreadsheets treat them alike, and
so do signs after a semicolon, tab or line end, where another program may split the cell.
"""

import re
from typing import Final

_SIGNS: Final = "=+@\\-\uff1d\uff0b\uff20\uff0d"
# A list in a description ("\n- a laptop") is no formula.
_PLACES: Final = r"(?:^|(?<=;)|(?<=\t)|(?<=\r)|(?<=\n)(?!'*- ))"
_FORMULA: Final = re.compile(rf"{_PLACES}(?='*[{_SIGNS}])|^(?='*[\t\r])")
_GUARDED: Final = re.compile(rf"{_PLACES}'(?='*[{_SIGNS}])|^'(?='*[\t\r])")


def guard(cell: str) -> str:
    """Return the cell with apostrophes that prevent a spreadsheet from evaluating it as a formula."""
    return _FORMULA.sub("'", cell)


def unguard(cell: str) -> str:
    """Undo `guard`, which adds one more apostrophe to a cell that begins with some already."""
    return _GUARDED.sub("", cell)


def one_line(cell: str) -> str:
    """Return the cell without line ends, tabs and control characters."""
    return "".join(sign if sign.isprintable() else " " for sign in cell)
