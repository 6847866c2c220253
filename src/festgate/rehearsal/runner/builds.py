"""The two things that are compared: a URL, a command that serves, or a revision of a checkout of Festgate."""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from festgate.rehearsal.runner.servers import Server, own_portal, serving


class NoCandidate(Exception):
    """What was named cannot be served; the sentence says why."""


class Candidate(Protocol):
    """One side of a comparison."""

    def serve(self) -> AbstractContextManager[Server | None]:
        """A server for one run; None where it runs already. Raises CannotServe."""

    @property
    def host(self) -> str:
        """Where it runs already; empty where it is started."""


@dataclass(frozen=True)
class Running:
    """A server that somebody else has started."""

    host: str

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Nothing to start."""
        yield None


@dataclass(frozen=True)
class Command:
    """A command that serves on the port that it is given."""

    words: tuple[str, ...]
    host: str = ""

    @contextmanager
    def serve(self) -> Iterator[Server]:
        """The command, started where `festgate` was."""
        with (
            tempfile.TemporaryDirectory(prefix="festgate-rehearsal-", ignore_cleanup_errors=True) as scratch,
            serving(self.words, Path(scratch), folder_of_work=Path.cwd()) as server,
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
        """A portal of that code over scratch data."""
        return own_portal(self.source, f"festgate at {self.commit}")


@dataclass(frozen=True)
class Installed:
    """The Festgate that is running this."""

    host: str = ""

    def serve(self) -> AbstractContextManager[Server]:
        """A portal over scratch data."""
        return own_portal()


def words_of(command: str) -> tuple[str, ...]:
    """As a shell takes them; on Windows a backslash is part of a path."""
    if sys.platform == "win32":
        return tuple(word.strip("\"'") for word in shlex.split(command, posix=False))
    return tuple(shlex.split(command))


@contextmanager
def candidate(text: str, checkout: Path) -> Iterator[Candidate]:
    """What `text` names; a worktree that was made for it is gone with the block. Raises NoCandidate."""
    if text.startswith(("http://", "https://")):
        yield Running(text)
        return
    if "{port}" in text:
        yield Command(words_of(text))
        return
    commit = _git(checkout, "rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
    if commit is None:
        msg = (
            f"{text!r} is neither a URL, nor a command with {{port}} in it, nor a revision of the checkout in "
            f"{checkout}."
        )
        raise NoCandidate(msg)
    with tempfile.TemporaryDirectory(prefix="festgate-revision-", ignore_cleanup_errors=True) as scratch:
        tree = Path(scratch) / "tree"
        if _git(checkout, "worktree", "add", "--detach", str(tree), commit) is None:
            msg = f"Revision {text} cannot be checked out beside {checkout}."
            raise NoCandidate(msg)
        try:
            if not (tree / "src" / "festgate").is_dir():
                msg = f"Revision {text} holds no Festgate (src/festgate). For another program give a command."
                raise NoCandidate(msg)
            yield Revision(tree / "src", commit[:12])
        finally:
            _git(checkout, "worktree", "remove", "--force", str(tree))


def _git(checkout: Path, *words: str) -> str | None:
    """What git says; None where it refuses, or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), *words],  # noqa: S607  (whichever git this account uses)
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
