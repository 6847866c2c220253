"""The text of a PDF, read in one of two ways, since each loses what the other keeps.

In the order in which it was written words stay together, and so do the lines of a paragraph; laid out as it looks, the
columns of a table stay columns.
"""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pypdf import PageObject

MAX_PAGES: Final = 200
"""A report has ten or twenty; each takes some ten milliseconds."""
Pages = list[list[str]]
"""The lines of each page."""


def pdf_text(path: Path, *, laid_out: bool = False) -> tuple[Pages, int]:
    """Its pages, and the number of its pictures. Raises ValueError with what is wrong, to stand behind the file's name.

    Two pages full of Locust's tables, each letter placed by itself as Chromium does, take 0.4 to 0.8 s of a processor.
    """
    if find_spec("pypdf") is None:
        msg = 'is a PDF, which needs the extra: pip install "festgate[lab]"'
        raise ValueError(msg)
    from pypdf import PdfReader  # noqa: PLC0415  (the extra)
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            msg = "is a PDF that asks for a password."
            raise ValueError(msg)
        pages = list(reader.pages)
        if len(pages) > MAX_PAGES:
            msg = f"has {len(pages)} pages; reports of up to {MAX_PAGES} are read."
            raise ValueError(msg)
        pictures = sum(_pictures(page) for page in pages)
        way = _laid_out if laid_out else _written
        told = [_lines(way(page)) for page in pages]
    except (
        PyPdfError,
        OSError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        NotImplementedError,
    ) as error:
        # What a broken file makes of the reader is any of these.
        msg = f"is a PDF that cannot be read: {type(error).__name__}."
        raise ValueError(msg) from None
    if not any(line.strip() for lines in told for line in lines):
        msg = f"is a PDF without text ({len(pages)} pages, {pictures} pictures): it may have been scanned."
        raise ValueError(msg)
    return told, pictures


def _written(page: "PageObject") -> str:
    return page.extract_text()


def _laid_out(page: "PageObject") -> str:
    return page.extract_text(extraction_mode="layout", layout_mode_space_vertically=False)


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\n|\r", text.replace("\0", ""))


def _pictures(page: "PageObject") -> int:
    """Those that the page names; not opened, which would take a library for pictures."""
    resources = page.get("/Resources")
    found = resources.get_object().get("/XObject") if resources is not None else None
    if found is None:
        return 0
    each = found.get_object().values()
    return sum(one.get_object().get("/Subtype") == "/Image" for one in each)
