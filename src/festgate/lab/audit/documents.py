"""Reads a report (text, Markdown, HTML, PDF or Word) as numbered lines of text."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from festgate.lab.audit.pictures import Picture, linked_pictures, markdown_links, media_type, pictures_beside
from festgate.lab.audit.web_text import web_text
from festgate.lab.audit.word_text import is_word, word_text
from festgate.rehearsal.locust_output import LocustOutput, NotLocust, Table
from festgate.rehearsal.locust_output.console import read_text
from festgate.rehearsal.locust_output.html_report import is_html, read_html
from festgate.rehearsal.locust_output.lines import MAX_BYTES, Line, lines_of, text_of

FileKind = Literal["text", "html", "pdf", "word"]
TABLES: Final = ".tables.md"
"""Added to the name of a report: the file beside it with the tables that were typed from its screenshots."""
FORM: Final = ".enter.html"
"""Added to the name of a report: the form beside it for the numbers of its screenshots."""
_PDF: Final = b"%PDF-"
_ZIP: Final = b"PK\x03\x04"
_OLD_WORD: Final = b"\xd0\xcf\x11\xe0"
_HEAD: Final = 1024
"""Bytes within which a PDF begins; some programs write a few others before it."""


class UnreadableReport(Exception):
    """The file cannot be read as a report; the message states the file and the reason."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a line in the file, in the form in which a reader looks it up."""

    line: int
    """Number from 1; within its page if there are pages."""
    page: int | None = None
    file: str = ""
    """The name of the file with the entered tables; empty for a line of the report itself."""
    unit: Literal["line", "paragraph"] = "line"

    def __str__(self) -> str:
        """Return `line 12`, `page 2, line 12`, `paragraph 12` or `report.pdf.tables.md, line 12`."""
        shown = f"{self.unit} {self.line}"
        return next(
            (f"{part}, {shown}" for part in (self.page and f"page {self.page}", self.file) if part), shown
        )


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
    pictures: tuple[Picture, ...] = ()
    """Its pictures and those beside it; figures in them are not read."""
    entered: str = ""
    """The name of the file with tables that were typed from its pictures; empty if there is none."""

    def place(self, number: int) -> Place:
        """Return the place of the line with that number."""
        return self.places[number - 1] if number <= len(self.places) else Place(number)

    @property
    def prose(self) -> list[Line]:
        """The lines that are in no Locust table."""
        inside = {number for first, last in self.output.spans for number in range(first, last + 1)}
        return [line for line in self.lines if line.number not in inside]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The Locust tables in their order."""
        return self.output.tables


def tables_file(report: Path) -> Path:
    """Return the path of the file with the tables that were typed from the report's screenshots."""
    return report.with_name(report.name + TABLES)


def form_file(report: Path) -> Path:
    """Return the path of the form in which the numbers of the report's screenshots are typed."""
    return report.with_name(report.name + FORM)


def read_document(path: Path, tables: Path | None = None) -> Document:
    """Read the report, and the tables typed from its screenshots: `tables`, or the file beside it if there is one.

    A folder of pictures is a report of nothing but these. Raises UnreadableReport if the file cannot be read, is
    empty, or has another file format.
    """
    document = _pictures_in(path) if path.is_dir() else _read(path)
    if document.kind == "html" and not document.lines:
        return document  # Locust's own report has all its tables.
    if not path.is_dir() and (not document.pictures or document.kind in ("text", "html")):
        # A PDF or a Word document contains its pictures; a text may leave out links to some.
        beside = pictures_beside(path, document.pictures)
        document = replace(document, pictures=(*document.pictures, *beside))
    entered = tables_file(path) if tables is None else tables
    return _with_tables(document, entered) if tables is not None or entered.is_file() else document


def _pictures_in(folder: Path) -> Document:
    pictures = tuple(pictures_beside(folder / "report", ()))
    if not pictures:
        msg = f"{folder} is a folder without pictures. Name the file of the report."
        raise UnreadableReport(msg)
    source = str(folder)
    return Document(source, "text", (), (), LocustOutput(source, ()), pictures)


def _read(path: Path) -> Document:
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
    if media_type(head):
        msg = f"{source} is a picture. Name its folder instead, to enter the numbers of all pictures there."
        raise UnreadableReport(msg)
    if _PDF in head:
        return _pdf(path)
    if head.startswith(_ZIP) and is_word(path):
        return _word(path)
    if head.startswith((_ZIP, _OLD_WORD)):
        msg = (
            f"{source} is an archive or a document of another word processor."
            " Save the report as PDF or docx, or unpack the archive."
        )
        raise UnreadableReport(msg)
    try:
        text = text_of(path)
    except NotLocust as error:
        raise UnreadableReport(str(error)) from None
    if not text.strip():
        msg = f"{source} is empty."
        raise UnreadableReport(msg)
    if is_html(text):
        return _html(path, text)
    return _document(path, "text", text, linked_pictures(path, markdown_links(text)))


def _with_tables(document: Document, file: Path) -> Document:
    """Append the lines and tables of the file to those of the report."""
    try:
        lines = lines_of(text_of(file))
        output = read_text(str(file), "\n".join(line.text for line in lines))
    except NotLocust as error:
        msg = f"The tables of {document.source} cannot be used: {error}"
        raise UnreadableReport(msg) from None
    by = len(document.places)
    return replace(
        document,
        lines=(*document.lines, *(replace(line, number=line.number + by) for line in lines)),
        places=(*document.places, *(Place(line.number, file=file.name) for line in lines)),
        output=_joined(document.output, output, by),
        entered=file.name,
    )


def _joined(first: LocustOutput, second: LocustOutput, by: int) -> LocustOutput:
    """Return both outputs as one, with `by` added to the line numbers of the second."""
    tables = [
        replace(
            table,
            line=table.line + by,
            rows=tuple(replace(row, line=row.line + by) for row in table.rows),
            total=table.total and replace(table.total, line=table.total.line + by),
            interim=tuple(line + by for line in table.interim),
            failures=tuple(replace(failure, line=failure.line + by) for failure in table.failures),
        )
        for table in second.tables
    ]
    problems = [replace(problem, line=problem.line + by) for problem in second.problems]
    spans = [(begin + by, end + by) for begin, end in second.spans]
    return LocustOutput(
        first.source,
        (*first.tables, *tables),
        (*first.problems, *problems),
        (*first.spans, *spans),
    )


def _document(
    path: Path,
    kind: FileKind,
    text: str,
    pictures: tuple[Picture, ...],
    places: tuple[Place, ...] | None = None,
) -> Document:
    """Return the document of a text; without `places` its lines are those of the file."""
    source, lines = str(path), tuple(lines_of(text))
    try:
        output = read_text(source, text)
    except NotLocust:
        output = LocustOutput(source, ())
    if places is None:
        places = tuple(Place(line.number) for line in lines)
    return Document(source, kind, lines, places, output, pictures)


def _html(path: Path, text: str) -> Document:
    source = str(path)
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
    places = tuple(Place(line) for line in web.lines)
    return _document(path, "html", "\n".join(web.texts), linked_pictures(path, web.pictures), places)


def _word(path: Path) -> Document:
    try:
        texts, pictures = word_text(path)
    except ValueError as error:
        msg = f"{path} {error}"
        raise UnreadableReport(msg) from None
    text = "\n".join(texts)
    places = tuple(Place(line.number, unit="paragraph") for line in lines_of(text))
    return _document(path, "word", text, pictures, places)


def _pdf(path: Path) -> Document:
    # In the order of the layout, the cells of a row are on one line; in the order of writing, each may be on its own
    # line.
    laid_out = _pdf_read(path, laid_out=True)
    if laid_out.tables and not laid_out.output.problems:
        return laid_out
    plain = _pdf_read(path, laid_out=False)
    if not _words_per_line(plain) and not _words_per_line(laid_out) and not plain.pictures:
        msg = f"{path} is a PDF without text and without pictures."
        raise UnreadableReport(msg)
    if 2 * _words_per_line(plain) < _words_per_line(laid_out):
        # Some programs, such as Google Docs, place each word and each space by itself.
        return laid_out
    return max(
        (plain, laid_out),
        key=lambda document: sum(len(table.rows) + (table.total is not None) for table in document.tables),
    )


def _words_per_line(document: Document) -> float:
    counts = [len(line.text.split()) for line in document.lines if line.text.strip()]
    return sum(counts) / len(counts) if counts else 0.0


def _pdf_read(path: Path, *, laid_out: bool) -> Document:
    from festgate.lab.audit.pdf_text import pdf_text  # noqa: PLC0415  (pypdf takes a fifth of a second)

    try:
        pages, pictures = pdf_text(path, laid_out=laid_out)
    except ValueError as error:
        msg = f"{path} {error}"
        raise UnreadableReport(msg) from None
    text = "\n".join(line for page in pages for line in page)
    places = tuple(
        Place(line, page) for page, lines in enumerate(pages, 1) for line in range(1, len(lines) + 1)
    )
    return _document(path, "pdf", text, pictures, places)
