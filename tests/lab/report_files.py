"""Files that students hand in as reports: screenshots, a PDF as Google Docs writes it, and a Word document."""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

_WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAWING: Final = "http://schemas.openxmlformats.org/drawingml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_SIZE: Final = 10
_ADVANCE: Final = 6
"""The width of each character of Courier at that size."""


def screenshot(width: int = 1280, height: int = 720, shade: int = 240) -> bytes:
    """Return a PNG of one shade, in the size of a screenshot."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes([shade]) * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def word_document(paragraphs: Sequence[str], pictures: Sequence[bytes] = ()) -> bytes:
    """Return a docx of paragraphs, each in two runs, with the pictures behind them."""
    body = []
    for text in paragraphs:
        middle = len(text) // 2  # Word splits a paragraph into runs anywhere, such as after a correction
        runs = "".join(
            f'<w:r><w:t xml:space="preserve">{escape(part)}</w:t></w:r>'
            for part in (text[:middle], text[middle:])
        )
        body.append(f"<w:p>{runs}</w:p>")
    body += [
        f'<w:p><w:r><w:drawing><a:blip r:embed="rId{number}"/></w:drawing></w:r></w:p>'
        for number in range(1, len(pictures) + 1)
    ]
    relations = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/image" Target="media/image{number}.png"/>'
        for number in range(1, len(pictures) + 1)
    )
    types = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="png" ContentType="image/png"/>'
        f'<Override PartName="/word/document.xml" ContentType="{types}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}'
        "</Relationships>",
        "word/document.xml": f'<w:document xmlns:w="{_WORD}" xmlns:a="{_DRAWING}" xmlns:r="{_OFFICE}">'
        f"<w:body>{''.join(body)}</w:body></w:document>",
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in files.items():
            target.writestr(name, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{text}')
        for number, picture in enumerate(pictures, start=1):
            target.writestr(f"word/media/image{number}.png", picture)
    return archive.getvalue()


def placed_words(lines: Sequence[str], pictures: int = 0) -> bytes:
    """Return a PDF of one page in which each word is placed by itself and `fi` is a ligature, as Google Docs does.

    There is no space in its text: a word begins where its place is.
    """
    shown = ["BT", f"/F1 {_SIZE} Tf"]
    for number, line in enumerate(lines):
        at = 0
        for word in line.split(" "):
            if word:
                left, top = 50 + at * _ADVANCE, 800 - number * 14
                text = word.encode("latin-1").replace(b"fi", b"\xae")
                shown.append(f"1 0 0 1 {left} {top} Tm <{text.hex()}> Tj")
            at += len(word) + 1
    shown.append("ET")
    shown += [f"q 400 0 0 200 50 {40 + 210 * number} cm /P{number} Do Q" for number in range(pictures)]
    content = zlib.compress("\n".join(shown).encode())
    grey = zlib.compress(b"\xee" * (1280 * 640))
    names = "".join(f"/P{number} {6 + number} 0 R " for number in range(pictures))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 842 842] /Contents 5 0 R"
        b" /Resources << /Font << /F1 4 0 R >> /XObject << %s>> >> >>" % names.encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding << /Differences [174 /fi] >> >>",
        b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    objects += [
        b"<< /Type /XObject /Subtype /Image /Width 1280 /Height 640 /ColorSpace /DeviceGray"
        b" /BitsPerComponent 8 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(grey), grey)
    ] * pictures
    file, places = bytearray(b"%PDF-1.4\n"), []
    for number, item in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    begin = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, begin)
    return bytes(file)
