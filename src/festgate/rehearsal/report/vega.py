"""Vega, which draws the charts, as one script that a page holds.

It is put together from what vl-convert ships, which takes two seconds and comes out the same each time. So it is kept
in the user's cache folder, for every later report.
"""

import hashlib
import os
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from festgate.files import write_atomically

SCRIPT: Final = "window.vegaEmbed = vegaEmbed;"
"""What is to be reached from outside."""
_DIGEST: Final = 64
"""Letters of the checksum that the kept file begins with."""


@cache
def drawing_program() -> str:
    """The script, as it may stand in a page."""
    folder = _cache_folder()
    file = folder / f"vega-{version('vl-convert-python')}.js" if folder is not None else None
    kept = _kept(file) if file is not None else None
    if kept is not None:
        return kept
    # Imported where it is used: a page that is kept has no use of it.
    from vl_convert import javascript_bundle  # noqa: PLC0415

    # HTML ends a script at the first `</script`, also inside a string of it, and reads `<!--` in its own way.
    program = javascript_bundle(SCRIPT).replace("</script", r"<\/script").replace("<!--", r"\x3C!--")
    if file is not None:
        # Where nothing can be kept, it is put together each time.
        with suppress(OSError):
            _keep(file, program)
    return program


def _kept(file: Path) -> str | None:
    """None where there is none, or where it is not as it was written."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    digest, program = content[:_DIGEST], content[_DIGEST:]
    return program.decode() if hashlib.sha256(program).hexdigest().encode() == digest else None


def _keep(file: Path, program: str) -> None:
    """Whole or not at all, as several reports may be written at once. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = program.encode()
    write_atomically(file, hashlib.sha256(content).hexdigest().encode() + content, private=True)


def _cache_folder() -> Path | None:
    """Where this account's programs keep what they can make again (the XDG Base Directory Specification)."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
    else:
        home = os.environ.get("HOME")
        local = os.environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else None)
    return Path(local) / "festgate" if local else None
