"""The pictures of a PDF, as files that a browser can show."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from festgate.lab.audit.pictures import MAX_PICTURE_BYTES, MAX_PICTURES, Picture, png

if TYPE_CHECKING:
    from pypdf import PageObject

_MAX_NESTED: Final = 3
"""Depth of drawings inside drawings in which pictures are looked for."""
_MIN_SIDE: Final = 32
"""Pixels; a smaller picture is a bullet, a line or a shadow."""
_MAX_SAMPLES: Final = 64 * 2**20
"""Bytes of a picture that is not compressed: twenty million pixels in colour."""
_MAX_DRAWINGS: Final = 10_000


def pdf_pictures(pages: Sequence["PageObject"]) -> tuple[Picture, ...]:
    """Return the pictures in the order of their pages; one that several pages show is listed once."""
    pictures: list[Picture] = []
    seen: set[int] = set()
    for number, page in enumerate(pages, 1):
        first = len(pictures)
        for image in _images(page, seen, 0):
            if len(pictures) == MAX_PICTURES:
                return tuple(pictures)
            pictures.append(Picture(f"page {number}, picture {len(pictures) - first + 1}", _reader(image)))
    return tuple(pictures)


def _images(drawing: Any, seen: set[int], depth: int) -> Iterator[Any]:  # noqa: ANN401  (pypdf's objects)
    resources = drawing.get("/Resources")
    objects = resources.get_object().get("/XObject") if resources is not None else None
    for reference in objects.get_object().values() if objects is not None else ():
        item = reference.get_object()
        if not hasattr(item, "get") or id(item) in seen or len(seen) > _MAX_DRAWINGS:
            continue
        seen.add(id(item))
        if item.get("/Subtype") == "/Form" and depth < _MAX_NESTED:
            yield from _images(item, seen, depth + 1)
        elif (
            item.get("/Subtype") == "/Image"
            and min(item.get("/Width", 0), item.get("/Height", 0)) >= _MIN_SIDE
        ):
            yield item


def _reader(image: Any) -> Callable[[], bytes]:  # noqa: ANN401
    def read() -> bytes:
        try:
            return _content(image)
        except Exception:  # noqa: BLE001  (a damaged picture makes pypdf raise anything; the form shows its name)
            return b""

    return read


def _content(image: Any) -> bytes:  # noqa: ANN401
    filters = image.get("/Filter")
    last = (filters[-1] if filters else "") if isinstance(filters, list) else filters
    if last == "/DCTDecode":
        # A JPEG, which pypdf does not decode.
        return bytes(image.get_data())
    if last in ("/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode"):
        return b""  # no browser can show it, or it is the scan of a whole page
    width, height, depth = int(image["/Width"]), int(image["/Height"]), int(image.get("/BitsPerComponent", 8))
    channels, palette = _colours(image["/ColorSpace"].get_object())
    row = (width * channels * depth + 7) // 8
    if not channels or depth not in (1, 2, 4, 8) or not 0 < row * height <= _MAX_SAMPLES:
        return b""
    samples = bytes(image.get_data())
    if len(samples) < row * height:
        return b""
    shown = png(width, height, samples, channels, depth=depth, palette=palette)
    return shown if len(shown) <= MAX_PICTURE_BYTES else b""


def _colours(space: Any) -> tuple[int, bytes]:  # noqa: ANN401
    """Return the number of channels, 0 if unknown, and the palette."""
    if not isinstance(space, list):
        return {"/DeviceRGB": 3, "/DeviceGray": 1}.get(str(space), 0), b""
    kind = space[0]
    if kind in ("/CalRGB", "/CalGray"):
        return (3 if kind == "/CalRGB" else 1), b""
    if kind == "/ICCBased":
        channels = int(space[1].get_object()["/N"])
        return (channels if channels in (1, 3) else 0), b""
    if kind == "/Indexed" and _colours(space[1].get_object()) == (3, b""):
        table = space[3].get_object()
        colours = table.get_data() if hasattr(table, "get_data") else getattr(table, "original_bytes", b"")
        return 1, bytes(colours)[: 3 * (int(space[2]) + 1)]
    return 0, b""
