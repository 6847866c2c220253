"""Prints the path of a Chromium for the tests: one that is there, else Playwright's own, else the distribution's.

    python -m tests.rig.find_browser

`CHROMIUM` in the environment names one to use. What is installed is said on standard error, the path alone on standard
output; exit code 1 and a sentence when there is none to be had.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from festgate.lab.report.browser import PROGRAMS

ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
NONE = "No Chromium, Chrome or Edge is here, and none could be installed. Name one: CHROMIUM=/path/to/it"


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
    """Return a browser that runs, installing one if needed. Raise SystemExit with a sentence if that fails."""
    path = find()
    if path is None:
        _say("No browser here: installing Playwright's own.")
        _try([sys.executable, "-m", "playwright", "install", "chromium"])
        path = find()
    if path is None and _root() and shutil.which("apt-get"):
        _say("Playwright's own does not run here: installing the distribution's.")
        if _try(["apt-get", "update"]):
            install = ["apt-get", "install", "--yes", "--no-install-recommends"]
            _try([*install, "chromium-headless-shell"]) or _try([*install, "chromium"])
        path = find()
    if path is None:
        raise SystemExit(NONE)
    return path


def _candidates() -> Iterator[Path]:
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            yield Path(found)
    yield from (path for path in map(Path, ELSEWHERE) if path.exists())
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    if own.exists():
        yield own


def _runs(path: Path) -> bool:
    """Return whether the program starts; some distributions ship one that only explains the installation."""
    if sys.platform == "win32":
        return True  # There a browser that is asked for its version opens a window instead.
    try:
        done = subprocess.run(
            [path, "--version"], check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _try(words: list[str]) -> bool:
    """Run the command with its output on standard error; return whether it succeeded."""
    done = subprocess.run(
        words,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
    )
    return done.returncode == 0


def _root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


if __name__ == "__main__":
    print(find_or_install())
