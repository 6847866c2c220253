"""Find the submissions in a folder, as a learning management system downloads them, and copy each for its grading."""

import hashlib
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from festgate.lab.audit.documents import TABLES
from festgate.lab.description.starter import Starter
from festgate.lab.student.folder import is_of_desktop
from festgate.lab.verify.intake import (
    MAX_BYTES,
    InvalidSubmission,
    NoApp,
    Submission,
    content_hash,
    copy_submission,
    other_app,
)

ARCHIVES: Final = frozenset({".zip", ".rar", ".7z", ".tar", ".tgz", ".gz"})
"""Only zips can be unpacked; each other archive gets a row that names the problem."""
MAX_NAME: Final = 200
"""Bytes of a name to which an ending is added; file systems allow 255."""
REPORT_SUFFIXES: Final = frozenset({".pdf", ".docx"})
"""Files that are a submission by themselves: a report without an app."""
_DOWNLOADED: Final = re.compile(
    r"(?P<moodle>.+_\d+)_assignsubmission_[a-z]+_|(?P<canvas>[^_]+(?:_late)?_\d+)_\d+_", re.IGNORECASE
)
"""The beginning of a downloaded file's name, which all files of one student share."""


@dataclass(frozen=True, slots=True)
class Source:
    """A submission as it was handed in."""

    name: str
    """The name of its folder or of its first file."""
    main: Path | None
    """The folder or the archive; None if there are only files."""
    files: tuple[Path, ...] = ()
    """Files beside it that belong to it: reports and their pictures."""

    @property
    def place(self) -> Path:
        """Return the path that a message names."""
        return self.main or self.files[0]


@dataclass(frozen=True, slots=True)
class CopiedSubmission:
    """The temporary copy of a submission."""

    tree: Path
    content: str
    """A hash of all copied files; empty when they could not all be copied."""
    submission: Submission | None
    """The copy with its app; None if there is none."""
    problem: str = ""
    """The reason why there is no app, or not all files."""

    @property
    def app(self) -> Path:
        """Return the folder of the app; the whole copy if there is none."""
        return self.tree if self.submission is None else self.submission.app


def submissions_in(folder: Path, grades: Path) -> list[Source]:
    """Return the submissions in `folder`, by name, without the folder of the grades. Raises OSError.

    A submission is a folder, an archive, a PDF or a Word file. Files that Canvas or Moodle downloaded side by side for
    one student are one submission.
    """
    own = grades.resolve()
    entries = sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(".")
        and not is_of_desktop(entry.name)
        and entry.resolve() != own
        and (
            entry.is_dir()
            or (entry.is_file() and entry.suffix.lower() in ARCHIVES | REPORT_SUFFIXES)
            or (entry.is_file() and _DOWNLOADED.match(entry.name))
        )
    )
    students: dict[str, list[Path]] = {}
    for entry in entries:
        students.setdefault(_student_of(entry), []).append(entry)
    sources: dict[str, Source] = {}
    for source in (source for files in students.values() for source in _sources(files)):
        name = source.name
        while name in sources:
            name += "+"
        sources[name] = replace(source, name=name)
    return [sources[name] for name in sorted(sources)]


def copy_source(starter: Starter, source: Source, target: Path) -> CopiedSubmission:
    """Copy the submission into the empty folder `target`. A problem is part of the result. Raises OSError.

    Tables that were typed from screenshots lie beside reports and are no part of the content.
    """
    if source.main is None:
        _copy_files(source.files, target)
        problem = f"{source.name} is only a report: there is no app to verify."
        return CopiedSubmission(target, content_hash(target, TABLES), None, problem)
    try:
        submission = _copy_main(starter, source.main, target)
    except NoApp as error:
        _copy_files(source.files, target)
        problem = _named(source, error)
        if not any(target.rglob(starter.app_file)):
            problem = f"There is no {starter.app_file} in {source.name}. {other_app(starter, target)}"
        return CopiedSubmission(target, content_hash(target, TABLES), None, problem)
    except InvalidSubmission as error:
        _copy_files(source.files, target)
        return CopiedSubmission(target, "", None, _named(source, error))
    _copy_files(source.files, target)
    content = content_hash(target, TABLES)
    return CopiedSubmission(target, content, replace(submission, tree=target, content=content))


def printable(name: str) -> str:
    """Return the name of a file as text: names from other systems can contain bytes that are not UTF-8."""
    return name.encode("utf-8", "replace").decode()


def file_name(name: str) -> str:
    """Return a file name for a submission: its own, or a short one with a hash if an ending would make it too long."""
    if len(name.encode()) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME // 5]} {hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _student_of(entry: Path) -> str:
    downloaded = _DOWNLOADED.match(entry.name)
    if downloaded is None or entry.is_dir():
        return entry.name
    return (downloaded["moodle"] or downloaded["canvas"]).casefold()


def _sources(entries: list[Path]) -> Iterable[Source]:
    """Return one submission for all files of a student; one for each if there are several folders or archives."""
    mains = [entry for entry in entries if entry.is_dir() or entry.suffix.lower() in ARCHIVES]
    files = tuple(entry for entry in entries if entry not in mains)
    if not mains:
        yield Source(printable(files[0].name), None, files)
    for number, main in enumerate(mains):
        yield Source(printable(main.name), main, () if number else files)


def _copy_main(starter: Starter, main: Path, target: Path) -> Submission:
    """Copy a folder or an archive; if it holds no app itself, one zip inside it is unpacked."""
    try:
        return copy_submission(starter, main, target)
    except NoApp as error:
        archives = sorted(
            path for path in target.rglob("*") if path.suffix.lower() in ARCHIVES and path.is_file()
        )
        if not archives:
            raise
        names = ", ".join(path.relative_to(target).as_posix() for path in archives)
        if len(archives) > 1:
            msg = f"{error} It holds several archives: {names}. Unpack the one with the app."
            raise NoApp(msg) from None
        inner = archives[0].with_name(f"{archives[0].stem} unpacked")
        inner.mkdir()
        try:
            submission = copy_submission(starter, archives[0], inner)
        except InvalidSubmission as inner_error:
            # The folder was complete, so its reports count; the message names the archive as the student does.
            msg = str(inner_error).replace(str(archives[0]), f"{names} in {main}")
            raise NoApp(msg) from None
        archives[0].unlink()
        return submission


def _named(source: Source, error: InvalidSubmission) -> str:
    """Return the message with the name of the submission, in place of the teacher's path."""
    return str(error).replace(str(source.place), source.name)


def _copy_files(files: Iterable[Path], target: Path) -> None:
    """Copy the files of a report. One that cannot be read or is too large is missing from the copy."""
    for file in files:
        with suppress(OSError):
            if file.is_file() and file.stat().st_size <= MAX_BYTES:
                shutil.copyfile(file, target / file.name)
