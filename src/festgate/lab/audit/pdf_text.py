"""Reads the text of a PDF in two orders, because each of them loses something.

The order of writing keeps words and paragraphs together; the order of the layout keeps the columns of a table.
"""

import re
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from festgate.lab.audit.pdf_pictures import pdf_pictures
from festgate.lab.audit.pictures import Picture

if TYPE_CHECKING:
    from pypdf import PageObject

MAX_PAGES: Final = 200
"""A report has ten or twenty pages; each takes about ten milliseconds."""
MAX_CONTENT_BYTES: Final = 8 * 2**20
"""Bytes of a page's text and drawings when unpacked; a page full of tables has 0.5 MB."""
MAX_SECONDS: Final = 60.0
"""Time to read all pages; twenty pages take a second or two."""
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
        texts = list(_texts(pages, laid_out=laid_out))
    except (
        PyPdfError,
        OSError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        NotImplementedError,
    ) as error:
        # pypdf raises any of these for a damaged file.
        msg = f"is a PDF that cannot be read: {type(error).__name__}."
        raise ValueError(msg) from None
    return texts, pictures


def _texts(pages: Sequence["PageObject"], *, laid_out: bool) -> Iterator[list[str]]:
    """Yield the lines of each page. Raises ValueError for a page that is too large, or if all take too long."""
    end = time.monotonic() + MAX_SECONDS
    for number, page in enumerate(pages, 1):
        if _content_bytes(page) > MAX_CONTENT_BYTES:
            msg = f"has more than {MAX_CONTENT_BYTES // 2**20} MB of text and drawings on page {number}."
            raise ValueError(msg)
        # pypdf itself limits how often a page repeats a drawing.
        if time.monotonic() > end:
            msg = f"takes longer than {MAX_SECONDS:.0f} s to read. Save the report as PDF again, or as docx."
            raise ValueError(msg)
        # In the order of writing, or in that of the layout.
        mode: dict[str, Any] = {"extraction_mode": "layout", "layout_mode_space_vertically": False}
        text = page.extract_text(**mode if laid_out else {})
        yield re.split(r"\r\n|\n|\r", text.replace("\0", ""))


def _content_bytes(page: "PageObject") -> int:
    contents = page.get("/Contents")
    content = contents.get_object() if contents is not None else []
    streams = content if isinstance(content, list) else [content]
    return sum(len(stream.get_object().get_data()) for stream in streams)
