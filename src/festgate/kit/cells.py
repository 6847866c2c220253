"""Cells of exports: text that no spreadsheet takes for a formula, and that our own import reads back unchanged.

A spreadsheet takes a cell that begins with one of these signs for a formula, which may fetch an address with what
stands beside it. An apostrophe in front makes it text. Signs of full width count, as some spreadsheets read them as the
plain ones, and so do those after a semicolon, tab or line end, where another program may split the cell.
"""

import re
from typing import Final

_SIGNS: Final = "=+@\\-\uff1d\uff0b\uff20\uff0d"
# A list in a description ("\n- a laptop") is no formula.
_PLACES: Final = r"(?:^|(?<=;)|(?<=\t)|(?<=\r)|(?<=\n)(?!'*- ))"
_FORMULA: Final = re.compile(rf"{_PLACES}(?='*[{_SIGNS}])|^(?='*[\t\r])")
_GUARDED: Final = re.compile(rf"{_PLACES}'(?='*[{_SIGNS}])|^'(?='*[\t\r])")


def guard(cell: str) -> str:
    """Return the cell as no spreadsheet takes it for a formula."""
    return _FORMULA.sub("'", cell)


def unguard(cell: str) -> str:
    """Return what `guard` was given. One that looked guarded already had been given one more apostrophe."""
    return _GUARDED.sub("", cell)


def one_line(cell: str) -> str:
    """Return the cell without what would end its line or field, or steer a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in cell)
