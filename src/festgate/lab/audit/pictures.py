"""The pictures of a report: each has a name that shows its place, and its bytes if a browser can show them."""

import base64
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

MAX_PICTURES: Final = 200
"""Pictures of a report; reports have about ten."""
MAX_PICTURE_BYTES: Final = 16 * 2**20
"""Bytes of one picture; a screenshot of a large monitor has 1 to 3 MB."""
SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
_FOLDERS: Final = re.compile(r"screen|shot|image|img|picture|figure|photo", re.IGNORECASE)
"""Names of folders beside a report whose pictures belong to it."""
_MEDIA: Final = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)
_IN_MARKDOWN: Final = re.compile(
    r"!\[[^\]\n]{0,300}\]\(\s*<?(?P<link>[^)\s>]+)|!\[[^\]\n]{0,300}\]\[(?P<name>[^\]\n]{1,100})\]"
    r"|<img\b(?P<attributes>[^<>]*)",
    re.IGNORECASE,
)
_SOURCE: Final = re.compile(r"\bsrc\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_DEFINED: Final = re.compile(r"^ {0,3}\[([^\]\n]{1,100})\]:\s*<?([^\s>]+)", re.MULTILINE)
_PNG: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a report."""

    name: str
    """`page 2, picture 1`, or the name of its file."""
    read: Callable[[], bytes]
    """Return its bytes; empty if it cannot be read."""

    def shown(self) -> tuple[str, bytes]:
        """Return its media type and its bytes; empty if a browser cannot show it."""
        content = self.read()
        media = media_type(content)
        return (media, content) if media and len(content) <= MAX_PICTURE_BYTES else ("", b"")


def media_type(content: bytes) -> str:
    """Return the type of a picture that every browser shows; empty for anything else, such as SVG."""
    return next((media for pattern, media in _MEDIA if pattern.match(content)), "")


def linked_pictures(report: Path, links: Sequence[str]) -> tuple[Picture, ...]:
    """Return a picture for each link of a report. A file outside the report's folder is named and never read."""
    pictures: dict[str, Picture] = {}
    for link in links[:MAX_PICTURES]:
        if link.startswith("data:"):
            name = f"picture {len(pictures) + 1}"
            pictures[name] = Picture(name, _data_reader(link))
        else:
            name = unquote(link.partition("?")[0].partition("#")[0]).removeprefix("./")
            pictures.setdefault(name, Picture(name, _file_reader(report, name)))
    return tuple(pictures.values())


def pictures_beside(report: Path, known: Sequence[Picture]) -> Iterator[Picture]:
    """Yield the picture files in the report's folder, and in its folders of screenshots, that are not `known`."""
    names = {picture.name for picture in known}
    folder = report.parent
    count = len(names)
    for file in _files_beside(folder):
        name = file.relative_to(folder).as_posix()
        if name not in names and count < MAX_PICTURES:
            count += 1
            yield Picture(name, _file_reader(report, name))


def _files_beside(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
        inner = [entry for entry in entries if _FOLDERS.search(entry.name) and entry.is_dir()]
        files = [*entries, *(file for entry in inner for file in sorted(entry.iterdir()))]
    except OSError:
        return
    yield from (file for file in files if file.suffix.lower() in SUFFIXES and file.is_file())


def markdown_links(text: str) -> list[str]:
    """Return the links to pictures in a Markdown text."""
    defined = {match[1].lower(): match[2] for match in _DEFINED.finditer(text)}
    links = []
    for match in _IN_MARKDOWN.finditer(text):
        if match["link"]:
            links.append(match["link"])
        elif match["name"]:
            links.append(defined.get(match["name"].lower(), match["name"]))
        elif source := _SOURCE.search(match["attributes"]):
            links.append(source[1])
    return links


def png(
    width: int, height: int, samples: bytes, channels: int, *, depth: int = 8, palette: bytes = b""
) -> bytes:
    """Return samples as a PNG: `channels` is 1 (grey, or an index into `palette`) or 3 (red, green, blue)."""
    row = (width * channels * depth + 7) // 8
    lines = b"".join(b"\0" + samples[begin : begin + row] for begin in range(0, row * height, row))
    kind = 3 if palette else {1: 0, 3: 2}[channels]
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 1)), (b"IEND", b"")]
    return _PNG + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
        if data or name == b"IEND"
    )


def _data_reader(link: str) -> Callable[[], bytes]:
    def read() -> bytes:
        head, _, data = link.partition(",")
        if not head.endswith(";base64") or len(data) > 2 * MAX_PICTURE_BYTES:
            return b""
        try:
            return base64.b64decode(unquote(data))
        except ValueError:
            return b""

    return read


def _file_reader(report: Path, name: str) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            folder = report.parent.resolve()
            file = (folder / name).resolve()
            if not file.is_relative_to(folder) or not file.is_file():
                return b""
            with file.open("rb") as opened:
                return opened.read(MAX_PICTURE_BYTES + 1)
        except (OSError, ValueError):
            # A link can be anything, such as a name that is too long or has a NUL.
            return b""

    return read
