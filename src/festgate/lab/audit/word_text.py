"""Reads a Word document (docx) as lines of text; the cells of a table row are separated by tabs.

A docx is a zip of XML files. Python's own modules read both, so no library is needed; the file is untrusted, so sizes
are limited, and a document type (by which XML can define entities that grow without limit) is refused.
"""

import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final
from xml.parsers import expat

from festgate.lab.audit.pictures import MAX_PICTURE_BYTES, MAX_PICTURES, Picture

DOCUMENT: Final = "word/document.xml"
_RELATIONS: Final = "word/_rels/document.xml.rels"
MAX_TEXT_BYTES: Final = 32 * 2**20
"""Bytes of the XML of the text when unpacked; a report of twenty pages has 1 MB."""
_WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_STRICT: Final = "http://purl.oclc.org/ooxml/wordprocessingml/main "
_STYLE: Final = re.compile(r"heading\s*(\d)", re.IGNORECASE)
_CHARACTERS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
"""Elements that stand for a character."""
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    KeyError,
    ValueError,
)
"""The errors of `zipfile` for a damaged, encrypted or unusual archive."""


@dataclass
class WordText:
    """The text of a document."""

    lines: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    """The ids of its pictures, in the order of the text."""


def is_word(path: Path) -> bool:
    """Return whether the file is a zip with the text of a Word document."""
    try:
        with zipfile.ZipFile(path) as archive:
            return DOCUMENT in archive.namelist()
    except _DAMAGED:
        return False


def word_text(path: Path) -> tuple[list[str], tuple[Picture, ...]]:
    """Return its lines and pictures. Raises ValueError with a sentence to follow the file's name."""
    try:
        with zipfile.ZipFile(path) as archive:
            text = _parse(_read(archive, DOCUMENT))
            relations = _relations(archive)
            names = set(archive.namelist())
    except _Refused as refusal:
        raise ValueError(str(refusal)) from None
    except _DAMAGED as error:
        msg = f"is a Word document that cannot be read: {type(error).__name__}."
        raise ValueError(msg) from None
    members = dict.fromkeys(relations[name] for name in text.pictures if relations.get(name) in names)
    pictures = tuple(
        Picture(PurePosixPath(member).name, _reader(path, member)) for member in list(members)[:MAX_PICTURES]
    )
    return text.lines, pictures


class _Refused(Exception):
    """A document that is too large or not a real Word document. The message is a sentence."""


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        content = member.read(MAX_TEXT_BYTES + 1)
    if len(content) > MAX_TEXT_BYTES:
        msg = f"is a Word document with more than {MAX_TEXT_BYTES // 2**20} MB of text."
        raise _Refused(msg)
    return content


def _reader(path: Path, member: str) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(member) as opened:
                return opened.read(MAX_PICTURE_BYTES + 1)
        except _DAMAGED:
            return b""

    return read


def _relations(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the name of the file in the archive for each id that the text can refer to."""
    if _RELATIONS not in archive.namelist():
        return {}
    relations: dict[str, str] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.endswith("Relationship") and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            relations[attributes.get("Id", "")] = (
                target.lstrip("/") if target.startswith("/") else f"word/{target}"
            )

    _run_parser(_read(archive, _RELATIONS), start=start)
    return relations


def _run_parser(
    content: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    data: Callable[[str], None] | None = None,
) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse(*_: object) -> None:
        msg = "is a Word document with a document type, which Word never writes. It is not read."
        raise _Refused(msg)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    if end is not None:
        parser.EndElementHandler = end
    if data is not None:
        parser.CharacterDataHandler = data
        parser.buffer_text = True
    try:
        parser.Parse(content, True)  # noqa: FBT003  (expat has no name for it)
    except expat.ExpatError as error:
        msg = f"is a Word document that cannot be read: {error}."
        raise _Refused(msg) from None


def _parse(content: bytes) -> WordText:
    reader = _Reader()
    _run_parser(content, reader.start, reader.end, reader.data)
    return reader.text


class _Reader:
    """Collects the text of the paragraphs and tables."""

    def __init__(self) -> None:
        self.text = WordText()
        self._piece: list[str] = []
        self._prefix = ""
        self._in_text = False
        self._runs = 0
        self._fallback = 0
        self._tables = 0
        self._cells: list[str] = []
        self._cell: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        if tag.endswith(" Fallback"):
            # A copy of the same drawing, for old programs.
            self._fallback += 1
        if self._fallback:
            return
        name = _local(tag)
        if not name:
            attribute = {"blip": " embed", "imagedata": " id"}.get(tag.rpartition(" ")[2])
            if attribute is not None:
                self.text.pictures += [value for key, value in attributes.items() if key.endswith(attribute)]
        elif name in _CHARACTERS:
            # Outside of a run, `tab` is a tab stop.
            self._piece += [_CHARACTERS[name]] * bool(self._runs)
        elif name in ("pStyle", "numPr"):
            value = attributes.get(f"{_WORD}val", attributes.get(f"{_STRICT}val", ""))
            self._begin_style(name, value)
        else:
            self._in_text = self._in_text or name == "t"
            self._runs += name == "r"
            self._tables += name == "tbl"
            if name == "tr" and self._tables == 1:
                self._cells = []
            elif name == "tc" and self._tables == 1:
                self._cell = []

    def _begin_style(self, name: str, value: str) -> None:
        heading = _STYLE.match(value)
        if name == "numPr":
            self._prefix = self._prefix or "- "
        elif heading is not None:
            self._prefix = "#" * min(int(heading[1]), 6) + " "
        elif value.lower() == "title":
            self._prefix = "# "

    def data(self, text: str) -> None:
        """Add text."""
        if self._in_text and not self._fallback:
            self._piece.append(text)

    def end(self, tag: str) -> None:
        """End an element."""
        if tag.endswith(" Fallback"):
            self._fallback -= 1
        if self._fallback:
            return
        name = _local(tag)
        if name == "t":
            self._in_text = False
        elif name == "r":
            self._runs -= 1
        elif name == "p":
            self._end_paragraph()
        elif name == "tc" and self._tables == 1:
            self._cells.append(" ".join(" ".join(self._cell).split()))
        elif name == "tr" and self._tables == 1:
            self.text.lines.append("\t".join(self._cells))
        elif name == "tbl":
            self._tables -= 1
            if not self._tables:
                self.text.lines.append("")

    def _end_paragraph(self) -> None:
        paragraph = "".join(self._piece)
        if self._tables:
            self._cell.append(paragraph)
        elif paragraph.strip():
            first, *others = paragraph.split("\n")
            self.text.lines += [self._prefix + first if first.strip() else first, *others]
        else:
            self.text.lines.append("")
        self._piece, self._prefix = [], ""


def _local(tag: str) -> str:
    """Return the name of an element of Word's own; empty for others."""
    space, _, name = tag.rpartition(" ")
    return name if f"{space} " in (_WORD, _STRICT) else ""
