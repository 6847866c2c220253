"""Draw QR codes as pixels, and read them back as a camera does."""

import re
from xml.etree import ElementTree as ET

import zxingcpp

_ROW = re.compile(r"M(\d+) (\d+)\.5((?:h\d+|m\d+ 0)*)")
_STEP = re.compile(r"([hm])(\d+)")
_QR = zxingcpp.barcode_formats_from_str("QRCode")
_SVG = "{http://www.w3.org/2000/svg}"


def read_pixels(pixels: bytes, width: int) -> list[str]:
    """Return the texts of the QR codes in a picture of one brightness byte per pixel, row by row."""
    image = memoryview(pixels).cast("B", (len(pixels) // width, width))
    return [barcode.text for barcode in zxingcpp.read_barcodes(image, formats=_QR)]


def draw_svg(svg: str, scale: int) -> tuple[bytearray, int]:
    """Return the pixels of an SVG of the module `qr`, each square `scale` pixels wide, and the width of a row."""
    picture = ET.fromstring(svg)  # noqa: S314  (our own)
    size = int(picture.attrib["viewBox"].split()[2])
    width = size * scale
    pixels = bytearray(b"\xff" * width * width)
    lines = picture.findall(f"{_SVG}path")[1]
    assert "stroke-width" not in lines.attrib  # the default is 1
    assert _ROW.sub("", lines.attrib["d"]) == ""
    for column, top, steps in _ROW.findall(lines.attrib["d"]):
        left_edge = int(column)
        for kind, length in _STEP.findall(steps):
            for row in range(int(top) * scale, (int(top) + 1) * scale):
                start = row * width + left_edge * scale
                if kind == "h":
                    pixels[start : start + int(length) * scale] = bytes(int(length) * scale)
            left_edge += int(length)
    return pixels, width


def paste(code: tuple[bytearray, int], picture: bytearray, width: int, left: int, top: int) -> None:
    """Copy a code from `draw_svg` into a picture with rows of `width` pixels."""
    pixels, side = code
    for row in range(side):
        start = (top + row) * width + left
        picture[start : start + side] = pixels[row * side : (row + 1) * side]
