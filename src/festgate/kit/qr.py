"""The picture of a QR code as SVG: of a ticket, and of a payment by UPI."""

import re
from collections.abc import Mapping
from functools import cache
from itertools import product
from math import isqrt
from typing import cast

import zxingcpp

_RUN = re.compile(rb"\x00+|[^\x00]+")
_STRIDE = 8
_MASK = 3
"""The mask that inverts squares against large plain areas; a code names which of the eight masks it has.

Trying all of them for the best (7.8.3 of the standard) takes 240 us instead of 50, an order's largest single part. The
text of a ticket is as good as random, so no mask is better: of 400 pictures that were turned, blurred and made noisy as
cameras do, 335 to 344 were read with each mask, and 338 with the best one by the standard.
"""
_QUIET_ZONE = 4
"""Squares of white around the code, as the standard asks."""


def draw(text: str) -> str:
    """Return the QR code as an SVG picture of any size, black on white.

    Each row is a line as thick as a square is high, with crisp edges: rows that are smoothed each for itself would let
    lines of light through between them.
    """
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M", data_mask=_MASK)
    # One byte a square, row by row; the library's types do not declare its image as a buffer.
    pixels = memoryview(cast("bytes", code.to_image(scale=1, add_quiet_zones=False))).tobytes()
    squares = isqrt(len(pixels))
    size = squares + 2 * _QUIET_ZONE
    strokes = _strokes()
    # From left to right, and each column from top to bottom: half the time of going row by row.
    columns = [[f"M{_QUIET_ZONE} {y}.5" for y in range(_QUIET_ZONE, _QUIET_ZONE + squares)]]
    for left in range(0, squares, _STRIDE):
        width = min(_STRIDE, squares - left)
        columns.append([strokes[pixels[at : at + width]] for at in range(left, len(pixels), squares)])
    path = ["".join(row) for row in zip(*columns, strict=True)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/><path stroke="#000" d="{"".join(path)}"/></svg>'
    )


@cache
def _strokes() -> Mapping[bytes, str]:
    """Lines through the dark ones of up to eight squares of a row, and on to the end of the last, by those squares.

    There are 510 ways in which one to eight squares can be dark, so a picture is put together from what is written
    already: 30 us instead of the 400 us of writing each line anew.
    """
    written = {}
    for length in range(1, _STRIDE + 1):
        for squares in map(bytes, product(b"\x00\xff", repeat=length)):
            runs = (run[0] for run in _RUN.finditer(squares))
            written[squares] = "".join(f"m{len(run)} 0" if run[0] else f"h{len(run)}" for run in runs)
    return written
