"""Screenshots: the choice of the browser, and the error without a usable one."""

import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from festgate.lab.report.browser import NoBrowser, find_browser, screenshots
from tests.rig.find_browser import find

PAGE = "<!doctype html><title>Red</title><style>html { background: rgb(255, 0, 0) }</style>"


def test_a_script_that_only_explains_how_to_install_a_browser_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = tmp_path / "chromium"
    stub.write_text("#!/bin/sh\necho install it first >&2\nexit 1\n", encoding="utf-8")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    browsers = []
    with suppress(NoBrowser):
        browsers.append(find_browser())
    assert stub not in browsers
    with pytest.raises(NoBrowser, match="is not a program"):
        find_browser("firefox-that-is-not-there")


def test_a_screenshot_shows_the_page_and_no_other_file_is_left(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGE, encoding="utf-8")
    browser = find()
    assert browser
    (shot,) = screenshots(browser, [page.as_uri()], tmp_path)
    assert (shot.width, shot.height) == (1000, 700)
    assert set(pixels(shot.png)) == {(255, 0, 0)}
    assert list(tmp_path.iterdir()) == [page]


def test_a_program_that_takes_no_screenshot_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NoBrowser, match="took no screenshot of about:blank"):
        screenshots(Path(sys.executable), ["about:blank"], tmp_path)
    with pytest.raises(NoBrowser, match="cannot be started"):
        screenshots(tmp_path, ["about:blank"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def pixels(png: bytes) -> list[tuple[int, ...]]:
    """Return the pixels in the first row of a PNG with three or four bytes per pixel and any filter."""
    width, _, _, kind = struct.unpack_from(">IIBB", png, 16)
    size = {2: 3, 6: 4}[kind]
    data, at = b"", 8
    while at < len(png):
        length, name = struct.unpack_from(">I4s", png, at)
        data += png[at + 8 : at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    row = bytearray(zlib.decompress(data)[: 1 + width * size])
    # No row is above the first, so a filter can only use the pixel to the left (filters 0, 1, 4; 3 halves it).
    filtered, row = row[0], row[1:]
    for place in range(size, len(row)):
        left = row[place - size]
        row[place] = (row[place] + {0: 0, 1: left, 2: 0, 3: left // 2, 4: left}[filtered]) % 256
    return [tuple(row[place : place + 3]) for place in range(0, len(row), size)]
