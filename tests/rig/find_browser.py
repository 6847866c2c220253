"""Print the path of a Chromium for the tests; if none is installed, install Playwright's or the distribution's.

    python -m tests.rig.find_browser

The environment variable CHROMIUM selects a browser. Standard output has only the path; installations are reported on
standard error. The exit code is 1, with a message, if there is no browser.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from festgate.lab.report.browser import PROGRAMS

KNOWN_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
NO_BROWSER = (
    "No Chromium, Chrome or Edge is installed, and the installation failed. Set CHROMIUM=/path/to/browser"
)


def find() -> Path | None:
    """Return an installed browser that runs; None if there is none."""
    named = os.environ.get("CHROMIUM")
    if named:
        path = shutil.which(named)
        if path is None or not _runs(Path(path)):
            raise SystemExit(f"CHROMIUM={named} is not a browser that runs.")
        return Path(path)
    return next((path for path in _candidates() if _runs(path)), None)


def find_or_install() -> Path:
    """Return a browser that runs, installing one if needed. Raise SystemExit with a message if that fails."""
    path = find()
    if path is None:
        _print_error("No browser is installed: installing Playwright's.")
        _run([sys.executable, "-m", "playwright", "install", "chromium"])
        path = find()
    if path is None and _is_root() and shutil.which("apt-get"):
        _print_error("Playwright's browser does not run here: installing the distribution's.")
        if _run(["apt-get", "update"]):
            install = ["apt-get", "install", "--yes", "--no-install-recommends"]
            _run([*install, "chromium-headless-shell"]) or _run([*install, "chromium"])
        path = find()
    if path is None:
        raise SystemExit(NO_BROWSER)
    return path


def _candidates() -> Iterator[Path]:
    for name in PROGRAMS:
        path = shutil.which(name)
        if path:
            yield Path(path)
    yield from (path for path in map(Path, KNOWN_PATHS) if path.exists())
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    if own.exists():
        yield own


def _runs(path: Path) -> bool:
    """Return whether the program starts; some distributions ship one that only explains the installation."""
    if sys.platform == "win32":
        return True  # On Windows --version opens a window.
    try:
        result = subprocess.run(
            [path, "--version"], check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def _run(words: list[str]) -> bool:
    """Run the command with its output on standard error; return whether it succeeded."""
    result = subprocess.run(
        words,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
    )
    return result.returncode == 0


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _print_error(message: str) -> None:
    print(message, file=sys.stderr)


if __name__ == "__main__":
    print(find_or_install())
