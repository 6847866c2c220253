"""Write tables as CSV for spreadsheets, which treat some texts as formulas."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t")
"""A spreadsheet treats a text that begins with one of these as a formula."""


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]], *, mark: bool = True) -> bytes:
    """Return the table; a text that a spreadsheet would treat as a formula is quoted.

    With `mark`, the file begins with the byte order mark by which spreadsheets recognise UTF-8.
    """
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: quoted(text) for name, text in row.items()} for row in rows)
    return file.getvalue().encode("utf-8-sig" if mark else "utf-8")


def quoted(text: str) -> str:
    """Return the text with an apostrophe before it if a spreadsheet would compute it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def plain(text: str) -> str:
    """Return the text of a cell without that apostrophe."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text
