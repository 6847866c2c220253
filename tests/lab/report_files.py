"""Reports as files of other programs: PDFs in which each word is placed by itself, Word documents, and screenshots."""

import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

SIZE, LEADING = 4.5, 9.0
"""Points; a console table of 130 columns is 351 points wide."""
LINES_PER_PAGE: Final = 80
DOCUMENT: Final = "word/document.xml"
_WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAWING: Final = "http://schemas.openxmlformats.org/drawingml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006/relationships"


def placed_pdf(text: str, pictures: int = 0) -> bytes:
    """Return a PDF in which each word and each space has its own position and its own baseline.

    Some programs write so, Google Docs among them; the order of writing then has each word on a line. `pictures` is the
    number of pictures on the last page.
    """
    lines = text.split("\n")
    pages = [lines[begin : begin + LINES_PER_PAGE] for begin in range(0, len(lines), LINES_PER_PAGE)]
    count = len(pages)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>"
        % (b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(count)), count),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
    ]
    first = 4 + 2 * count
    names = b"".join(b"/P%d %d 0 R " % (number, first + number) for number in range(pictures))
    for number, page in enumerate(pages):
        shown = range(pictures) if number == count - 1 else ()
        drawings = [f"q 300 0 0 150 30 {20 + 160 * place} cm /P{place} Do Q" for place in shown]
        content = "\n".join((*_placed(page), *drawings)).encode("latin-1")
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> /XObject << %s>> >> >>" % (5 + 2 * number, names),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    for number in range(pictures):
        grey = zlib.compress(bytes([200 + number]) * (1280 * 640))
        objects.append(
            b"<< /Type /XObject /Subtype /Image /Width 1280 /Height 640 /ColorSpace /DeviceGray"
            b" /BitsPerComponent 8 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream"
            % (len(grey), grey)
        )
    return _pdf(objects)


def drawn_pdf(drawing: bytes, page: bytes = b"/Drawing Do /Absent Do") -> bytes:
    """Return a PDF whose page only repeats a drawing; its resources also name an object that is not there."""
    font = b"/Font << /F1 3 0 R >>"
    return _pdf([
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R"
        b" /Resources << /XObject << /Drawing 6 0 R /Absent 99 0 R >> %s >> >>" % font,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << %s >> /Length %d >>\nstream\n%s\nendstream"
        % (font, len(drawing), drawing),
    ])  # fmt: skip


def _placed(lines: Sequence[str]) -> list[str]:
    operations = []
    for row, line in enumerate(lines, 1):
        top = 780 - LEADING * row
        for match in re.finditer(r"\S+", line):
            word = re.sub(r"([\\()])", r"\\\1", match[0])
            for place, shown, baseline in ((match.start(), word, SIZE), (match.end(), " ", 0.0)):
                left = 30 + place * SIZE * 0.6
                operations.append(
                    f"q 1 0 0 1 {left:.2f} {top:.2f} cm BT /F1 {SIZE} Tf 1 0 0 1 0 {baseline} Tm ({shown}) Tj ET Q"
                )
    return operations


def _pdf(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def word_document(path: Path, body: str, pictures: Sequence[bytes] = (), head: str = "") -> Path:
    """Write a docx with this body; picture number n is shown by `word_picture(n)`."""
    declared = f'xmlns:w="{_WORD}" xmlns:a="{_DRAWING}" xmlns:r="{_OFFICE}"'
    relations = "".join(
        f'<Relationship Id="rId{number}" Type="image" Target="media/image{number}.png"/>'
        for number in range(len(pictures))
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(DOCUMENT, f"{head}<w:document {declared}><w:body>{body}</w:body></w:document>")
        archive.writestr(
            "word/_rels/document.xml.rels", f'<Relationships xmlns="{_PACKAGE}">{relations}</Relationships>'
        )
        for number, content in enumerate(pictures):
            archive.writestr(f"word/media/image{number}.png", content)
    return path


def word_paragraph(text: str, style: str = "", *, is_item: bool = False) -> str:
    """Return a paragraph; a tab in the text is an element of its own, as in Word."""
    properties = f'<w:pStyle w:val="{style}"/>' if style else ""
    properties += '<w:numPr><w:ilvl w:val="0"/></w:numPr>' if is_item else ""
    stops = '<w:tabs><w:tab w:val="left" w:pos="720"/></w:tabs>'
    runs = "<w:tab/>".join(f'<w:t xml:space="preserve">{escape(piece)}</w:t>' for piece in text.split("\t"))
    return f"<w:p><w:pPr>{properties}{stops}</w:pPr><w:r>{runs}</w:r></w:p>"


def word_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    cells = "".join(
        "<w:tr>" + "".join(f"<w:tc>{word_paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>" for row in rows
    )
    return f"<w:tbl>{cells}</w:tbl>"


def word_picture(number: int) -> str:
    """Return a paragraph with a picture."""
    return f'<w:p><w:r><w:drawing><a:blip r:embed="rId{number}"/></w:drawing></w:r></w:p>'


def screenshot(shade: int) -> bytes:
    """Return a PNG of one shade, in the size of a screenshot."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    width, height = 1280, 720
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes([shade]) * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
