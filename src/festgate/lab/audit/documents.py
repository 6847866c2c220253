"""Reads a report (text, Markdown, HTML or PDF) as numbered lines of text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from festgate.lab.audit.web_text import web_text
from festgate.rehearsal.locust_output import LocustOutput, NotLocust, Table
from festgate.rehearsal.locust_output.console import read_text
from festgate.rehearsal.locust_output.html_report import is_html, read_html
from festgate.rehearsal.locust_output.lines import MAX_BYTES, Line, lines_of, text_of

FileKind = Literal["text", "html", "pdf"]
_PDF: Final = b"%PDF-"
_ZIP: Final = b"PK\x03\x04"
_OLD_WORD: Final = b"\xd0\xcf\x11\xe0"
_HEAD: Final = 1024
"""Bytes within which a PDF begins; some programs write a few others before it."""


class UnreadableReport(Exception):
    """The file cannot be read as a report; the message states the file and the reason."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a line in the file, as a reader finds it."""

    line: int
    """Number from 1; within its page where there are pages."""
    page: int | None = None

    def __str__(self) -> str:
        """Return `line 12` or `page 2, line 12`."""
        return f"line {self.line}" if self.page is None else f"page {self.page}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Document:
    """A report as lines of text, with its Locust tables."""

    source: str
    """The path of the file as it was given."""
    kind: FileKind
    lines: tuple[Line, ...]
    """The numbers continue over all pages."""
    places: tuple[Place, ...]
    """Item i is the place of line i + 1."""
    output: LocustOutput
    """The Locust tables; their line numbers are those of `lines`."""
    pictures: int = 0
    """Number of pictures; their content is not read."""

    def place(self, number: int) -> Place:
        """Return the place of the line with that number."""
        return self.places[number - 1] if number <= len(self.places) else Place(number)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The Locust tables in their order."""
        return self.output.tables


def read_document(path: Path) -> Document:
    """Read the report. Raises UnreadableReport where it cannot be read, is empty, or has another file format."""
    source = str(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            size = file.seek(0, 2)
    except OSError as error:
        msg = f"{source} cannot be read: {error.strerror}."
        raise UnreadableReport(msg) from None
    if size > MAX_BYTES:
        msg = f"{source} has {size / 2**20:,.0f} MB; files of up to {MAX_BYTES / 2**20:,.0f} MB are read."
        raise UnreadableReport(msg)
    if _PDF in head:
        return _pdf(path)
    if head.startswith((_ZIP, _OLD_WORD)):
        msg = f"{source} is a word processor's file or an archive. Save the report as PDF, or unpack the archive."
        raise UnreadableReport(msg)
    try:
        text = text_of(path)
    except NotLocust as error:
        raise UnreadableReport(str(error)) from None
    if not text.strip():
        msg = f"{source} is empty."
        raise UnreadableReport(msg)
    if is_html(text):
        return _html(source, text)
    pictures = text.count("![") + text.count("<img")
    lines = lines_of(text)
    return Document(
        source,
        "text",
        tuple(lines),
        tuple(Place(line.number) for line in lines),
        _tables(source, text),
        pictures,
    )


def _tables(source: str, text: str) -> LocustOutput:
    try:
        return read_text(source, text)
    except NotLocust:
        return LocustOutput(source, ())


def _html(source: str, text: str) -> Document:
    if "templateArgs" in text:
        # Locust's own HTML report has figures and no prose.
        try:
            output = read_html(source, text)
        except NotLocust as error:
            raise UnreadableReport(str(error)) from None
        count = text.count("\n") + 1
        return Document(source, "html", (), tuple(Place(number) for number in range(1, count + 1)), output)
    web = web_text(text)
    if web is None:
        msg = f"{source} begins as HTML but cannot be read as HTML."
        raise UnreadableReport(msg)
    joined = "\n".join(web.texts)
    places = tuple(Place(line) for line in web.lines)
    return Document(
        source, "html", tuple(lines_of(joined)), places, _tables(source, joined), pictures=web.pictures
    )


def _pdf(path: Path) -> Document:
    # In layout order the cells of a row are on one line; in the order of writing each may be on a separate line.
    laid_out = _pdf_read(path, laid_out=True)
    if laid_out.tables and not laid_out.output.problems:
        return laid_out
    plain = _pdf_read(path, laid_out=False)
    return max((plain, laid_out), key=_complete_rows)


def _pdf_read(path: Path, *, laid_out: bool) -> Document:
    from festgate.lab.audit.pdf_text import pdf_text  # noqa: PLC0415  (pypdf takes a fifth of a second)

    source = str(path)
    try:
        pages, pictures = pdf_text(path, laid_out=laid_out)
    except ValueError as error:
        msg = f"{source} {error}"
        raise UnreadableReport(msg) from None
    text = "\n".join(line for page in pages for line in page)
    places = tuple(
        Place(line, page) for page, lines in enumerate(pages, 1) for line in range(1, len(lines) + 1)
    )
    return Document(source, "pdf", tuple(lines_of(text)), places, _tables(source, text), pictures)


def _complete_rows(document: Document) -> int:
    return sum(len(table.rows) + (table.total is not None) for table in document.tables)
