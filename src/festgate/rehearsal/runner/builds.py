"""The two builds of a comparison, each named by a URL, a command that serves, or a revision of a Festgate checkout."""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from festgate.rehearsal.runner.servers import Server, serving, temporary_portal


class UnknownBuild(Exception):
    """A named build that cannot be served. The message gives the reason."""


class Build(Protocol):
    """One side of a comparison."""

    def serve(self) -> AbstractContextManager[Server | None]:
        """Start a server for one run; None if one is running already. Raises CannotServe."""

    @property
    def host(self) -> str:
        """The URL of a server that is running already; empty if one is started."""


@dataclass(frozen=True)
class Running:
    """A server that is running already."""

    host: str

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Start nothing."""
        yield None


@dataclass(frozen=True)
class Command:
    """A command that serves on the port that it is given."""

    words: tuple[str, ...]
    host: str = ""

    @contextmanager
    def serve(self) -> Iterator[Server]:
        """Start the command in the current folder."""
        with (
            tempfile.TemporaryDirectory(
                prefix="festgate-rehearsal-", ignore_cleanup_errors=True
            ) as temporary,
            serving(self.words, Path(temporary), working_folder=Path.cwd()) as server,
        ):
            yield server


@dataclass(frozen=True)
class Revision:
    """The portal as it was at a commit, with the packages that are installed now."""

    source: Path
    """Its `src`, in a worktree that lasts as long as the comparison."""
    commit: str
    host: str = ""

    def serve(self) -> AbstractContextManager[Server]:
        """Start a portal of that code with temporary data."""
        return temporary_portal(self.source, f"festgate at {self.commit}")


@dataclass(frozen=True)
class Installed:
    """The Festgate that runs this command."""

    host: str = ""

    def serve(self) -> AbstractContextManager[Server]:
        """Start a portal with temporary data."""
        return temporary_portal()


def split_command(command: str) -> tuple[str, ...]:
    """Split a command as a shell does; on Windows a backslash is part of a path."""
    if sys.platform == "win32":
        return tuple(word.strip("\"'") for word in shlex.split(command, posix=False))
    return tuple(shlex.split(command))


@contextmanager
def resolve_build(text: str, checkout: Path) -> Iterator[Build]:
    """Yield the build that `text` names; a worktree made for it lasts as long as the block. Raises UnknownBuild."""
    if text.startswith(("http://", "https://")):
        yield Running(text)
        return
    if "{port}" in text:
        yield Command(split_command(text))
        return
    commit = _git(checkout, "rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
    if commit is None:
        msg = (
            f"{text!r} is neither a URL, nor a command with {{port}} in it, nor a revision of the checkout in "
            f"{checkout}."
        )
        raise UnknownBuild(msg)
    with tempfile.TemporaryDirectory(prefix="festgate-revision-", ignore_cleanup_errors=True) as temporary:
        tree = Path(temporary) / "tree"
        if _git(checkout, "worktree", "add", "--detach", str(tree), commit) is None:
            msg = f"Revision {text} of {checkout} cannot be checked out into a temporary folder."
            raise UnknownBuild(msg)
        try:
            if not (tree / "src" / "festgate").is_dir():
                msg = f"Revision {text} does not contain Festgate (src/festgate). For another program, give a command."
                raise UnknownBuild(msg)
            yield Revision(tree / "src", commit[:12])
        finally:
            _git(checkout, "worktree", "remove", "--force", str(tree))


def is_same_target(before: str, after: str, checkout: Path) -> bool:
    """Return whether both texts name one target: the same URL, command or commit."""
    if before.startswith(("http://", "https://")) or "{port}" in before:
        return before.strip().rstrip("/") == after.strip().rstrip("/")
    commits = {
        _git(checkout, "rev-parse", "--verify", "--quiet", f"{text}^{{commit}}") for text in (before, after)
    }
    return len(commits) == 1 and None not in commits


def _git(checkout: Path, *words: str) -> str | None:
    """Return git's output; None if git fails or is not installed."""
    try:
        completed = subprocess.run(
            ["git", "-C", str(checkout), *words],  # noqa: S607  (whichever git this account uses)
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return completed.stdout.strip() if completed.returncode == 0 else None
