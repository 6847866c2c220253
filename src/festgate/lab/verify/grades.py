"""Many submissions, one after the other: each verified and its reports audited, kept, and told in a row."""

import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from festgate.files import write_atomically
from festgate.lab.audit.audit import UnreadableReport, audit
from festgate.lab.student.folder import HINTS, LOAD, ROUTES, RUNS, STARTER
from festgate.lab.verify.intake import NotTaken, Taken, clear, take_in
from festgate.lab.verify.outputs import as_gradescope, as_json
from festgate.lab.verify.verification import Baseline, CannotVerify, Options, Tell, verify_taken
from festgate.rehearsal.runner.servers import version
from festgate.rehearsal.runs.plan import as_written

REPORTS: Final = frozenset({".md", ".markdown", ".txt", ".html", ".htm", ".pdf"})
NO_REPORTS: Final = frozenset({RUNS, HINTS, LOAD, "templates", "before"})
"""Folders in which no report of a student's lies."""
OURS: Final = b"Written by Festgate."
"""In the foot of each page that `festgate lab report` and the rehearsal write."""
COLUMNS: Final = (
    "submission",
    "result",
    "points",
    *(name for route in ROUTES for name in (route, f"{route} change")),
    "others",
    "findings",
    "reports",
    "report findings",
    "same as",
    "problem",
    "seconds",
    "content",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t")
"""With these a spreadsheet takes a text for a formula."""


@dataclass(frozen=True, slots=True)
class Report:
    """One that was found in a submission."""

    name: str
    findings: tuple[tuple[str, str], ...]
    """Code and title of each."""
    problem: str = ""
    """Why it could not be audited."""


@dataclass(frozen=True)
class Graded:
    """One submission."""

    name: str
    content: str
    """A hash of what was handed in; empty where it could not be taken in."""
    told: Mapping[str, Any] | None
    """As `telling.as_json` gives it; None where it could not be verified."""
    reports: tuple[Report, ...]
    problem: str = ""
    """Why it could not be verified."""
    same_as: str = ""
    """Another submission with the very same content."""

    @property
    def result(self) -> str:
        """`passed`, `not all`, `not verified`."""
        if self.told is None:
            return "not verified"
        return "passed" if self.told["passed"] else "not all"

    @property
    def points(self) -> float:
        """As Gradescope gets them."""
        return 0.0 if self.told is None else float(as_gradescope(self.told)["score"])


def submissions_in(folder: Path) -> list[Path]:
    """The folders and zips that lie in it, by their names."""
    return sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(".") and (entry.is_dir() or entry.suffix.lower() == ".zip")
    )


def grade(
    source: Path, name: str, kept: Path, options: Options, baseline: Baseline, tell: Tell, *, again: bool
) -> Graded:
    """Grade one, or take what is kept of the same content and options. Raises KeyboardInterrupt, OSError."""
    scratch = Path(tempfile.mkdtemp(prefix="festgate-lab-"))
    try:
        tell("taking it in", None)
        try:
            taken = take_in(source, scratch)
        except NotTaken as error:
            return Graded(name, "", None, (), str(error))
        file = kept / f"{taken.content}-{_mark(options)}.json"
        if not again and (known := _read(file, name)) is not None:
            return known
        graded = _graded(source, name, taken, options, baseline, tell)
        kept.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(asdict(graded), ensure_ascii=False, indent=1) + "\n")
        return graded
    finally:
        clear(scratch)


def _graded(
    source: Path, name: str, taken: Taken, options: Options, baseline: Baseline, tell: Tell
) -> Graded:
    reports = tuple(_reports(taken))
    try:
        told = as_json(verify_taken(str(source), taken, options, baseline, tell))
    except CannotVerify as error:
        return Graded(name, taken.content, None, reports, str(error))
    except Exception as error:  # noqa: BLE001  (a mistake of ours with one of them is not to stop the others)
        problem = f"Festgate itself failed on it, and should not: {type(error).__name__}: {error}"
        return Graded(name, taken.content, None, reports, problem)
    return Graded(name, taken.content, told, reports)


def _reports(taken: Taken) -> Iterator[Report]:
    handed_out = {as_written(path.read_bytes()) for path in STARTER.iterdir() if path.suffix in REPORTS}
    for file in sorted(taken.tree.rglob("*")):
        inside = file.relative_to(taken.tree)
        if not file.is_file() or file.suffix.lower() not in REPORTS or NO_REPORTS & set(inside.parts[:-1]):
            continue
        content = file.read_bytes()
        if as_written(content) in handed_out or OURS in content:
            continue
        try:
            found = audit(file)
        except UnreadableReport as error:
            if file.stem.lower() == "readme":
                continue  # the starter's own, of another version
            yield Report(inside.as_posix(), (), str(error).replace(str(file), inside.as_posix()))
        else:
            findings = tuple((each.kind.code, each.kind.title) for each in found.findings)
            yield Report(inside.as_posix(), findings)


def _mark(options: Options) -> str:
    """Of what decides what a result means: the rules, and how it was played. The seed only draws."""
    asked = [version(), options.python, options.load, options.pairs if options.load else 0, options.seconds]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:8]


def _read(file: Path, name: str) -> Graded | None:
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        reports = tuple(
            Report(each["name"], tuple((code, title) for code, title in each["findings"]), each["problem"])
            for each in fields["reports"]
        )
        return Graded(name, fields["content"], fields["told"], reports, fields["problem"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def with_twins(graded: Sequence[Graded]) -> list[Graded]:
    """Each with the first other one that has the same content."""
    first: dict[str, str] = {}
    found = []
    for each in graded:
        twin = first.setdefault(each.content, each.name) if each.content else each.name
        same = "" if twin == each.name else twin
        found.append(Graded(each.name, each.content, each.told, each.reports, each.problem, same))
    return found


def row(graded: Graded) -> dict[str, str]:
    """As the CSV has it."""
    told = graded.told
    routes = {} if told is None else {each["route"]: each for each in told["routes"]}
    cells = {
        "submission": graded.name,
        "result": graded.result,
        "points": f"{graded.points:g}",
        "others": "" if told is None else ("alike" if told["others_alike"] else "differ"),
        "findings": " ".join(sorted({each["code"] for each in told["findings"]})) if told else "",
        "reports": " ".join(each.name for each in graded.reports),
        "report findings": " ".join(sorted({code for each in graded.reports for code, _ in each.findings})),
        "same as": graded.same_as,
        "problem": graded.problem,
        "seconds": f"{told['seconds']:g}" if told else "",
        "content": graded.content,
    }
    for name, route in ROUTES.items():
        of_route = routes.get(route)
        cells[name] = of_route["verdict"] if of_route else ""
        cells[f"{name} change"] = of_route["headline"] if of_route else ""
    return cells


def as_csv(graded: Sequence[Graded]) -> str:
    """A line each; what a spreadsheet would take for a formula is made a text."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for each in graded:
        writer.writerow(
            {name: f"'{text}" if text.startswith(_FORMULA) else text for name, text in row(each).items()}
        )
    return file.getvalue()
