"""Take screenshots with an installed Chromium, Chrome or Edge, without a window."""

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from festgate.lab.student.folder import find_program
from festgate.rehearsal.runner.servers import end_process

PROGRAMS: Final = (
    # A browser without windows takes half the time of a complete one.
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
    "microsoft-edge-stable",
)
_MACOS: Final = ("Google Chrome", "Chromium", "Microsoft Edge")
_WINDOWS: Final = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")
_WINDOWS_ROOTS: Final = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
TIMEOUT: Final = 40.0
"""Seconds for one screenshot, which takes one or two."""
WIDTH, HEIGHT = 1000, 700
"""The size of the window in pixels: it shows a page of the starter except the end of its programme."""
_HEAD: Final = struct.Struct(">8s4x4sII")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_SWITCHES: Final = (
    "--headless",
    "--disable-gpu",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--no-first-run",
    "--no-default-browser-check",
    # Without requests to the browser's vendor at its start.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    # On macOS the browser would ask the user for the keychain.
    "--use-mock-keychain",
    # No other host name resolves: pages load nothing from other machines.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class NoBrowser(Exception):
    """There is no usable browser; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Screenshot:
    """An image of a page."""

    png: bytes
    width: int
    height: int


def find_browser(named: str = "") -> Path:
    """Find the browser `named`, or else the first installed one. Raises NoBrowser."""
    if named:
        program = find_program(named)
        if program is None:
            msg = f"{named} is not a program."
            raise NoBrowser(msg)
        return program
    for path in _candidates():
        if _runs(path):
            return path
    msg = "There is no working Chromium, Chrome or Edge. Install one, or name one with --browser."
    raise NoBrowser(msg)


def screenshots(browser: Path, addresses: Sequence[str], folder: Path) -> list[Screenshot]:
    """Take a screenshot of each page, in order. Raises NoBrowser, OSError.

    Temporary files go below `folder`: some browsers may read no other folders.
    """
    with TemporaryDirectory(prefix="screens-", dir=folder, ignore_cleanup_errors=True) as temporary:
        return [
            _screenshot(browser, address, Path(temporary), f"{number}.png")
            for number, address in enumerate(addresses)
        ]


def _screenshot(browser: Path, address: str, temporary: Path, name: str) -> Screenshot:
    image = temporary / name
    command = [
        str(browser),
        *_SWITCHES,
        *(["--no-sandbox"] if _is_root() else []),
        f"--user-data-dir={temporary / 'profile'}",
        f"--window-size={WIDTH},{HEIGHT}",
        f"--screenshot={image}",
        address,
    ]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        msg = f"{browser} cannot be started: {error.strerror}."
        raise NoBrowser(msg) from None
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(TIMEOUT)
    finally:
        end_process(process)
    try:
        png = image.read_bytes()
        magic, kind, width, height = _HEAD.unpack_from(png)
    except (OSError, struct.error):
        magic, kind, png = b"", b"", b""
    if (magic, kind) != (_PNG, b"IHDR"):
        msg = f"{browser} took no screenshot of {address} within {TIMEOUT:g} s."
        raise NoBrowser(msg)
    return Screenshot(png, width, height)


def _candidates() -> Iterator[Path]:
    yield from (Path(path) for name in PROGRAMS if (path := shutil.which(name)))
    places: list[Path] = []
    if sys.platform == "darwin":
        inside = [f"Applications/{name}.app/Contents/MacOS/{name}" for name in _MACOS]
        places = [root / place for root in (Path("/"), Path.home()) for place in inside]
    elif sys.platform == "win32":
        roots = [root for name in _WINDOWS_ROOTS if (root := os.environ.get(name))]
        places = [Path(root) / place for root in roots for place in _WINDOWS]
    yield from (path for path in places if path.is_file())


def _runs(path: Path) -> bool:
    """Return whether the program starts: on some systems it is a script that only explains how to install a browser."""
    if sys.platform == "win32":
        return True  # On Windows, `--version` opens a window.
    try:
        process = subprocess.run(
            [path, "--version"], check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return process.returncode == 0


def _is_root() -> bool:
    """Return whether this process runs as root: Chromium then does not start with its sandbox."""
    return sys.platform != "win32" and os.geteuid() == 0
