"""Proposes pinned packages for a starter whose requirements have no versions, by the date of its files."""

import ast
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from festgate.lab.description.modules import Modules, code_files

REQUIREMENTS: Final = "requirements.txt"
DEFAULT_PACKAGES: Final = ("fastapi", "uvicorn", "jinja2", "python-multipart")
"""The packages of a starter without a file of requirements."""
MAX_AGE_BEYOND_TABLE: Final = timedelta(days=120)
"""The last row of the table also applies to files that are at most this much newer."""
GIT_SECONDS: Final = 10
"""Seconds that git may take."""
_LAST_NAME_FIRST: Final = date(2026, 1, 1)
"""The last row of the table whose Starlette renders a template by its name first and its context second."""
_VERSIONS: Final = Path(__file__).parent / "versions.toml"
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:==\s*([A-Za-z0-9.+!]+))?")


@dataclass(frozen=True, slots=True)
class Age:
    """The age of a starter's files."""

    day: date
    source: str
    """`the newest of its files` or `its last commit`."""


@dataclass(frozen=True, slots=True)
class Pins:
    """Packages with versions."""

    packages: tuple[str, ...]
    source: str
    """The origin of the versions, in words, without a full stop."""


def pins_of(folder: Path, modules: Modules) -> Pins:
    """Return the starter's own pins if it has them, or else those of the date of its files."""
    required = dict(_requirements(folder))
    if required and all(required.values()):
        return Pins(tuple(f"{name}{version}" for name, version in required.items()), f"from {REQUIREMENTS}")
    age = age_of(folder)
    day, why = age.day, f"the date of {age.source}"
    if day > _LAST_NAME_FIRST and _renders_by_name(modules):
        # Files that were copied or cloned are younger than their code.
        day, why = (
            _LAST_NAME_FIRST,
            "since Starlette 1.0 refuses the order of the arguments of TemplateResponse",
        )
    versions = _versions_on(day)
    when = f"{day.day} {day:%B %Y}, {why}"
    if not versions:
        return Pins((), f"none: Festgate's table of versions ends before {when}")
    names = dict(required or dict.fromkeys(DEFAULT_PACKAGES, ""))
    if "fastapi" in names:
        names.setdefault("starlette", "")
    pins = [
        name + (version or (f"=={versions[name]}" if name in versions else ""))
        for name, version in names.items()
    ]
    return Pins(tuple(pins), f"for {when}")


def age_of(folder: Path) -> Age:
    """Return the day of the last commit, or of the newest code file if the folder is not a git repository."""
    committed = _last_commit(folder)
    if committed is not None:
        return Age(committed, "its last commit")
    newest = max((file.stat().st_mtime for file in _dated(folder)), default=0.0)
    return Age(datetime.fromtimestamp(newest, UTC).date(), "the newest of its files")


def _renders_by_name(modules: Modules) -> bool:
    """Return whether the code renders a template with its name before the request."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "TemplateResponse"
        and node.args
        and modules.text(module, node.args[0]) is not None
        for module in modules
        for node in ast.walk(module.tree)
    )


def _dated(folder: Path) -> Iterator[Path]:
    yield from code_files(folder)
    requirements = folder / REQUIREMENTS
    if requirements.is_file():
        yield requirements


def _last_commit(folder: Path) -> date | None:
    """Return the day of the last commit of a repository; its own settings, which may name programs, are not used."""
    git = shutil.which("git")
    if git is None or not (folder / ".git").is_dir():
        return None
    with tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as temporary:
        clone = Path(temporary) / "clone"
        source = folder.resolve().as_uri()
        # `git log` would run programs that a repository's settings name. Cloning the repository does not.
        if _git([git, "clone", "--quiet", "--bare", "--depth", "1", "--no-tags", source, str(clone)]) is None:
            return None
        text = _git([git, f"--git-dir={clone}", "log", "-1", "--format=%cI"])
    try:
        return datetime.fromisoformat(text.strip()).date() if text else None
    except ValueError:
        return None


def _git(command: Sequence[str]) -> str | None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command,
            env={**environment, "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _requirements(folder: Path) -> Iterator[tuple[str, str]]:
    """Return the packages of the starter's file of requirements, in lower case, each with `==` and its version."""
    try:
        text = (folder / REQUIREMENTS).read_bytes().removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        match = _REQUIREMENT.match(line)
        if match is not None:
            yield match[1].lower().replace("_", "-"), f"=={match[2]}" if match[2] else ""


@cache
def _table() -> list[tuple[date, Mapping[str, str]]]:
    rows = tomllib.loads(_VERSIONS.read_text(encoding="utf-8"))
    return sorted((date.fromisoformat(day), versions) for day, versions in rows.items())


def _versions_on(day: date) -> Mapping[str, str]:
    """Return the versions of that day; those of the first row for earlier days, none for days after the table."""
    rows = _table()
    if day > rows[-1][0] + MAX_AGE_BEYOND_TABLE:
        return {}
    return next((versions for since, versions in reversed(rows) if since <= day), rows[0][1])
