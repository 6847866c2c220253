"""Find files that several submissions share: the same file, or a large part of it.

A file counts without comments, docstrings and layout, and without what the starter hands out. Shared files are a fact,
not a judgement: two students who delete the same loop have the same file.
"""

import ast
import hashlib
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from festgate.lab.description.starter import Starter
from festgate.lab.grading.originals import original_files
from festgate.lab.grading.submissions import printable
from festgate.lab.student.code import without_docstrings

FileKind = Literal["app", "load", "report"]
CODE: Final = frozenset({".py", ".html", ".js", ".css"})
MIN_PIECES: Final[Mapping[FileKind, int]] = {"app": 6, "load": 6, "report": 40}
"""Pieces that a file adds to the starter's, at least, before a shared part is worth a mention."""
MIN_SHARE: Final = 0.6
"""Share of the smaller file's own pieces."""
WORDS: Final = 5
"""Words of a report's piece."""
MAX_PIECES: Final = 4_000
MAX_NAMED: Final = 6
"""Names in one sentence; in a large course many have the same short solution."""
_LOCUST: Final = re.compile(r"^(?:from|import) locust\b", re.MULTILINE)
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that differs from the starter's."""

    path: str
    """Its path in the submission, with `/`."""
    kind: FileKind
    fingerprint: str
    """A hash of the whole file, without comments and layout."""
    pieces: tuple[str, ...]
    """Hashes of what it adds to the starter: lines of code, or runs of words."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A file that another submission has, too."""

    path: str
    others: tuple[tuple[str, str], ...]
    """(submission, path there) of each."""
    same: bool
    """Whether the whole files are the same."""
    share: float = 1.0
    """Share of what the file adds to the starter that is in the others as well."""
    only_removes: bool = False
    """Whether the file adds nothing to the starter's: it only leaves lines out, as the exercise asks."""

    @property
    def sentence(self) -> str:
        """Return the fact: `main.py is the same as in anu.zip`."""
        shown = [name if path == self.path else f"{name} ({path})" for name, path in self.others[:MAX_NAMED]]
        more = len(self.others) - len(shown)
        names = ", ".join(shown) + (f" and {more} more" if more else "")
        if not self.same:
            return f"{100 * self.share:.0f} % of what {self.path} adds is also in {names}."
        rest = ", which only leaves out lines of the starter" if self.only_removes else ""
        return f"{self.path} is the same as in {names}{rest}."


class StarterText:
    """The files of a starter, in the form in which submissions are compared."""

    def __init__(self, starter: Starter) -> None:
        """Read the starter's files."""
        self._fingerprints: set[str] = set()
        self._lines: set[str] = set()
        self._words: set[str] = set()
        for path in original_files(starter):
            if path.suffix in CODE:
                text = _code(path)
                self._fingerprints.add(_hash(text))
                self._lines.update(_lines(text))
            elif path.suffix in {".md", ".txt"}:
                self._words.update(_runs(path.read_text(encoding="utf-8", errors="replace")))

    def own_code(self, app: Path, files: Iterable[Path]) -> Iterator[OwnFile]:
        """Yield the files of code that differ from each of the starter's."""
        for path in files:
            if path.suffix not in CODE or not path.is_file() or path.stat().st_size == 0:
                continue
            text = _code(path)
            fingerprint = _hash(text)
            if fingerprint in self._fingerprints or not text.strip():
                continue
            name = printable(path.relative_to(app).as_posix())
            kind: FileKind = "load" if _LOCUST.search(text) else "app"
            yield OwnFile(name, kind, fingerprint, _pieces(set(_lines(text)) - self._lines))

    def own_report(self, name: str, text: str) -> OwnFile:
        """Return a report without the sentences of the starter's texts."""
        words = " ".join(_words(text))
        return OwnFile(name, "report", _hash(words), _pieces(set(_runs(text)) - self._words))


def twins(files: Mapping[str, Sequence[OwnFile]], contents: Mapping[str, str]) -> dict[str, tuple[Twin, ...]]:
    """Return the shared files of each submission, by its name.

    Submissions with the same content, in which all files are the same, are not compared.
    """
    same: dict[tuple[FileKind, str], list[tuple[str, str]]] = defaultdict(list)
    for name, own in files.items():
        for file in own:
            same[file.kind, file.fingerprint].append((name, file.path))
    shared = {}
    for name, own in files.items():
        others = {other for other in files if not contents[name] or contents[other] != contents[name]} - {
            name
        }
        shared[name] = tuple(twin for file in own for twin in _twins_of(file, same, others, files))
    return shared


def _twins_of(
    file: OwnFile,
    same: Mapping[tuple[FileKind, str], Sequence[tuple[str, str]]],
    others: Container[str],
    files: Mapping[str, Sequence[OwnFile]],
) -> Iterator[Twin]:
    equal = tuple(place for place in same[file.kind, file.fingerprint] if place[0] in others)
    if equal:
        yield Twin(file.path, equal, same=True, only_removes=not file.pieces)
    if len(file.pieces) < MIN_PIECES[file.kind]:
        return
    pieces = set(file.pieces)
    partly: list[tuple[float, str, str]] = []
    for other, theirs in files.items():
        if other not in others:
            continue
        for candidate in theirs:
            if (
                candidate.kind != file.kind
                or candidate.fingerprint == file.fingerprint
                or len(candidate.pieces) < MIN_PIECES[file.kind]
            ):
                continue
            shared = len(pieces.intersection(candidate.pieces))
            if shared / min(len(pieces), len(candidate.pieces)) >= MIN_SHARE:
                partly.append((shared / len(pieces), other, candidate.path))
    for share, other, path in sorted(partly, key=lambda twin: (-twin[0], twin[1:]))[:MAX_NAMED]:
        yield Twin(file.path, ((other, path),), same=False, share=share)


def _code(path: Path) -> str:
    """Return the code without comments, docstrings and layout."""
    content = path.read_bytes()
    if path.suffix == ".py":
        try:
            return ast.unparse(without_docstrings(ast.parse(content)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass  # compared as text
    text = content.decode("utf-8", errors="replace")
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return "\n".join(line for line in (" ".join(line.split()) for line in text.splitlines()) if line)


def _lines(text: str) -> Iterator[str]:
    return (
        line.strip()
        for line in text.splitlines()
        if line.strip() not in {"", "pass", "else:", "try:", "return"}
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _runs(text: str) -> Iterator[str]:
    words = _words(text)
    return (" ".join(words[start : start + WORDS]) for start in range(max(1, len(words) - WORDS + 1)))


def _pieces(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(map(_hash, texts))[:MAX_PIECES])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_DIGITS]
