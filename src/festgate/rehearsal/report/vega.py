"""The Vega library, which draws the charts, as one script to include in a page.

Bundling it from the files of vl-convert takes two seconds and always gives the same result. So the script is cached in
the user's cache folder for later reports.
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
"""The entry point for the page."""
_DIGEST: Final = 64
"""Length of the checksum at the start of the cached file."""


@cache
def vega_script() -> str:
    """Return the script in a form that can be included in a page."""
    folder = _cache_folder()
    file = folder / f"vega-{version('vl-convert-python')}.js" if folder is not None else None
    cached = _cached(file) if file is not None else None
    if cached is not None:
        return cached
    # Imported here, as a cached script does not need it.
    from vl_convert import javascript_bundle  # noqa: PLC0415

    # HTML ends a script at the first `</script`, even inside a string, and treats `<!--` in a special way.
    program = javascript_bundle(SCRIPT).replace("</script", r"<\/script").replace("<!--", r"\x3C!--")
    if file is not None:
        # Without a writable cache, it is bundled for every report.
        with suppress(OSError):
            _cache(file, program)
    return program


def _cached(file: Path) -> str | None:
    """Return the cached script; None if there is none or if it is damaged."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    digest, program = content[:_DIGEST], content[_DIGEST:]
    return program.decode() if hashlib.sha256(program).hexdigest().encode() == digest else None


def _cache(file: Path, program: str) -> None:
    """Write the script atomically, as several reports may be created at once. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = program.encode()
    write_atomically(file, hashlib.sha256(content).hexdigest().encode() + content, private=True)


def _cache_folder() -> Path | None:
    """Return the user's cache folder (XDG Base Directory Specification)."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
    else:
        home = os.environ.get("HOME")
        local = os.environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else None)
    return Path(local) / "festgate" if local else None
