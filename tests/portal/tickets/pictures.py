"""Reading a QR code back, as a door's camera does."""

import re
from xml.etree import ElementTree as ET

import zxingcpp

_ROW = re.compile(r"M(\d+) (\d+)\.5((?:h\d+|m\d+ 0)*)")
_STEP = re.compile(r"([hm])(\d+)")
_QR = zxingcpp.barcode_formats_from_str("QRCode")
_SVG = "{http://www.w3.org/2000/svg}"


def read_pixels(pixels: bytes, width: int) -> list[str]:
    """What the QR codes in a picture say: one byte of light a pixel, row after row."""
    image = memoryview(pixels).cast("B", (len(pixels) // width, width))
    return [found.text for found in zxingcpp.read_barcodes(image, formats=_QR)]


def draw_svg(svg: str, scale: int) -> tuple[bytearray, int]:
    """Return the pixels of an SVG of the module `qr`, each square `scale` pixels wide, and the width of a row."""
    picture = ET.fromstring(svg)  # noqa: S314  (our own)
    size = int(picture.attrib["viewBox"].split()[2])
    width = size * scale
    pixels = bytearray(b"\xff" * width * width)
    lines = picture.findall(f"{_SVG}path")[1]
    assert "stroke-width" not in lines.attrib  # 1, as it is where nothing is said
    assert _ROW.sub("", lines.attrib["d"]) == ""
    for left, top, steps in _ROW.findall(lines.attrib["d"]):
        at = int(left)
        for kind, length in _STEP.findall(steps):
            for row in range(int(top) * scale, (int(top) + 1) * scale):
                start = row * width + at * scale
                if kind == "h":
                    pixels[start : start + int(length) * scale] = bytes(int(length) * scale)
            at += int(length)
    return pixels, width


def paste(code: tuple[bytearray, int], picture: bytearray, width: int, left: int, top: int) -> None:
    """Put what `draw_svg` gave into a picture with rows of `width` pixels."""
    pixels, side = code
    for row in range(side):
        start = (top + row) * width + left
        picture[start : start + side] = pixels[row * side : (row + 1) * side]
