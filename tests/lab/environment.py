"""The environment of the course's handout: a Python with the packages of its time and without uvloop.

The packages of `handout.lock` are installed once into an ignored folder, which later runs of the tests find again.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import venv
from contextlib import suppress
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

from tests.rules.project import ROOT

LOCK: Final = Path(__file__).parent / "handout.lock"
FOLDER: Final = ROOT / ".pytest_cache"


def python_of_the_handout() -> str:
    """Return the path of the environment's interpreter; install the environment where it does not exist."""
    made_of = (LOCK.read_bytes(), sys.version.encode(), sys.base_prefix.encode())
    folder = FOLDER / f"handout-{hashlib.sha256(b' '.join(made_of)).hexdigest()[:12]}"
    FOLDER.mkdir(exist_ok=True)
    # One process installs it, and the others wait.
    with (FOLDER / "handout.in-use").open("w") as lock:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            new = Path(tempfile.mkdtemp(prefix="handout-", dir=FOLDER))
            try:
                _install(new)
                with suppress(OSError):  # on Windows another process may have been faster
                    new.rename(folder)
            finally:
                shutil.rmtree(new, ignore_errors=True)
    return str(folder / "bin" / "python")


def _install(folder: Path) -> None:
    venv.create(folder)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")),
            *("--disable-pip-version-check", "--no-input", "install", "--quiet"),
            *("--only-binary", ":all:", "--require-hashes", "--requirement", str(LOCK)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{LOCK.name} cannot be installed: {done.stdout}{done.stderr}"
