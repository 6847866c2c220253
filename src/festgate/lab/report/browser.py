"""Screenshots by a Chromium, Chrome or Edge that is there, started without a window; nothing is installed for it."""

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
from festgate.rehearsal.runner.servers import end

PROGRAMS: Final = (
    # Without windows and all that belongs to them: half the time of a whole browser.
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
PATIENCE: Final = 40.0
"""Seconds for one picture; it takes one or two."""
WIDTH, HEIGHT = 1000, 700
"""Pixels of the window: all of a page of the starter but the end of its programme."""
_HEAD: Final = struct.Struct(">8s4x4sII")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_SWITCHES: Final = (
    "--headless",
    "--disable-gpu",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--no-first-run",
    "--no-default-browser-check",
    # What a browser asks of its maker when it is started.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    # On macOS it would ask the person before it for the keychain.
    "--use-mock-keychain",
    # No other machine has an address here: what a page would fetch from elsewhere is left out.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class NoBrowser(Exception):
    """There is none, or it takes no picture; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Screenshot:
    """A picture of a page."""

    png: bytes
    width: int
    height: int


def find_browser(named: str = "") -> Path:
    """`named` where it is given, else the first that is there. Raises NoBrowser."""
    if named:
        found = find_program(named)
        if found is None:
            msg = f"{named} is no program."
            raise NoBrowser(msg)
        return found
    for path in _candidates():
        if _runs(path):
            return path
    msg = "There is no Chromium, Chrome or Edge here that runs. Install one, or name it with --browser."
    raise NoBrowser(msg)


def screenshots(browser: Path, addresses: Sequence[str], folder: Path) -> list[Screenshot]:
    """A picture of each page, in order. Scratch files lie below `folder`: some browsers see no other places.

    Raises NoBrowser, OSError.
    """
    with TemporaryDirectory(prefix="screens-", dir=folder, ignore_cleanup_errors=True) as scratch:
        return [
            _shot(browser, address, Path(scratch), f"{number}.png")
            for number, address in enumerate(addresses)
        ]


def _shot(browser: Path, address: str, scratch: Path, name: str) -> Screenshot:
    picture = scratch / name
    words = [
        str(browser),
        *_SWITCHES,
        *(["--no-sandbox"] if _is_root() else []),
        f"--user-data-dir={scratch / 'profile'}",
        f"--window-size={WIDTH},{HEIGHT}",
        f"--screenshot={picture}",
        address,
    ]
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        msg = f"{browser} cannot be started: {error.strerror}."
        raise NoBrowser(msg) from None
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    finally:
        end(process)
    try:
        png = picture.read_bytes()
        magic, kind, width, height = _HEAD.unpack_from(png)
    except (OSError, struct.error):
        magic, kind, png = b"", b"", b""
    if (magic, kind) != (_PNG, b"IHDR"):
        msg = f"{browser} took no picture of {address} within {PATIENCE:g} s."
        raise NoBrowser(msg)
    return Screenshot(png, width, height)


def _candidates() -> Iterator[Path]:
    yield from (Path(found) for name in PROGRAMS if (found := shutil.which(name)))
    places: list[Path] = []
    if sys.platform == "darwin":
        inside = [f"Applications/{name}.app/Contents/MacOS/{name}" for name in _MACOS]
        places = [root / place for root in (Path("/"), Path.home()) for place in inside]
    elif sys.platform == "win32":
        roots = [root for name in _WINDOWS_ROOTS if (root := os.environ.get(name))]
        places = [Path(root) / place for root in roots for place in _WINDOWS]
    yield from (path for path in places if path.is_file())


def _runs(path: Path) -> bool:
    """Whether the program starts: some systems ship a name that only says how to install it."""
    if sys.platform == "win32":
        return True  # There one that is asked for its version opens a window instead.
    try:
        done = subprocess.run(
            [path, "--version"], check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _is_root() -> bool:
    """Root has no sandbox to give away, and Chromium does not start with one."""
    return sys.platform != "win32" and os.geteuid() == 0
