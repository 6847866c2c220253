"""Reads the text of a PDF in one of two orders, each of which keeps what the other loses.

The order of writing keeps words and paragraphs together; the order of the layout keeps the columns of a table.
"""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from festgate.lab.audit.pdf_pictures import pdf_pictures
from festgate.lab.audit.pictures import Picture

if TYPE_CHECKING:
    from pypdf import PageObject

MAX_PAGES: Final = 200
"""A report has ten or twenty pages; each takes about ten milliseconds."""
Pages = list[list[str]]
"""The lines of each page."""


def pdf_text(path: Path, *, laid_out: bool = False) -> tuple[Pages, tuple[Picture, ...]]:
    """Return the pages and the pictures. Raises ValueError with a sentence to follow the file's name.

    Two pages full of Locust tables, in which Chromium placed each character by itself, take 0.4 to 0.8 s.
    """
    if find_spec("pypdf") is None:
        msg = 'is a PDF, which needs the extra: pip install "festgate[lab]"'
        raise ValueError(msg)
    from pypdf import PdfReader  # noqa: PLC0415  (the extra)
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            msg = "is a PDF with a password."
            raise ValueError(msg)
        pages = list(reader.pages)
        if len(pages) > MAX_PAGES:
            msg = f"has {len(pages)} pages; reports of up to {MAX_PAGES} are read."
            raise ValueError(msg)
        pictures = pdf_pictures(pages)
        extract = _in_layout_order if laid_out else _in_writing_order
        texts = [_lines(extract(page)) for page in pages]
    except (
        PyPdfError,
        OSError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        NotImplementedError,
    ) as error:
        # A damaged file makes pypdf raise any of these.
        msg = f"is a PDF that cannot be read: {type(error).__name__}."
        raise ValueError(msg) from None
    if not pictures and not any(line.strip() for lines in texts for line in lines):
        msg = f"is a PDF without text and without pictures ({len(pages)} pages)."
        raise ValueError(msg)
    return texts, pictures


def _in_writing_order(page: "PageObject") -> str:
    return page.extract_text()


def _in_layout_order(page: "PageObject") -> str:
    return page.extract_text(extraction_mode="layout", layout_mode_space_vertically=False)


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\n|\r", text.replace("\0", ""))
