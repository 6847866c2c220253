"""Grade several submissions: verify each, audit its reports, keep the results, and write them as a table."""

import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from festgate.files import write_atomically
from festgate.lab.audit.audit import UnreadableReport, audit
from festgate.lab.student.folder import HINTS, LOAD, ROUTES, RUNS, STARTER
from festgate.lab.verify.intake import InvalidSubmission, Submission, copy_submission, remove_folder
from festgate.lab.verify.outputs import as_gradescope, as_json
from festgate.lab.verify.verification import Baseline, CannotVerify, Options, ReportProgress, verify_copy
from festgate.rehearsal.runner.servers import version
from festgate.rehearsal.runs.plan import normalise_text

REPORTS: Final = frozenset({".md", ".markdown", ".txt", ".html", ".htm", ".pdf"})
NO_REPORTS: Final = frozenset({RUNS, HINTS, LOAD, "templates", "before"})
"""Folders that hold no report of the student."""
GENERATED: Final = b"Written by Festgate."
"""In the footer of each page that `festgate lab report` and the rehearsal write."""
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
"""A spreadsheet takes a text that begins with one of these for a formula."""


@dataclass(frozen=True, slots=True)
class AuditedReport:
    """A report in a submission, and its audit."""

    name: str
    findings: tuple[tuple[str, str], ...]
    """The code and title of each finding."""
    problem: str = ""
    """The reason why it could not be audited."""


@dataclass(frozen=True)
class Grade:
    """The results of one submission."""

    name: str
    content: str
    """A hash of the submission; empty when it could not be copied."""
    results: Mapping[str, Any] | None
    """The verification as `outputs.as_json` writes it; None when there is none."""
    reports: tuple[AuditedReport, ...]
    problem: str = ""
    """The reason why it could not be verified."""
    same_as: str = ""
    """Another submission with the same content."""

    @property
    def result(self) -> str:
        """Return `passed`, `not all` or `not verified`."""
        if self.results is None:
            return "not verified"
        return "passed" if self.results["passed"] else "not all"

    @property
    def points(self) -> float:
        """Return the points for Gradescope."""
        return 0.0 if self.results is None else float(as_gradescope(self.results)["score"])


def submissions_in(folder: Path) -> list[Path]:
    """Return the folders and zips in `folder`, by name."""
    return sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(".") and (entry.is_dir() or entry.suffix.lower() == ".zip")
    )


def grade_submission(
    source: Path, kept: Path, options: Options, baseline: Baseline, report: ReportProgress, *, again: bool
) -> Grade:
    """Grade a submission, or read the kept grade of the same content and options. Raises KeyboardInterrupt, OSError."""
    folder = Path(tempfile.mkdtemp(prefix="festgate-lab-"))
    try:
        report("copying the submission", None)
        try:
            submission = copy_submission(source, folder)
        except InvalidSubmission as error:
            return Grade(source.name, "", None, (), str(error))
        file = kept / f"{submission.content}-{_options_hash(options)}.json"
        if not again and (known := _read(file, source.name)) is not None:
            return known
        graded = _verify_and_audit(source, submission, options, baseline, report)
        kept.mkdir(parents=True, exist_ok=True)
        fields = asdict(graded)
        fields["told"] = fields.pop("results")  # the key in kept grades
        write_atomically(file, json.dumps(fields, ensure_ascii=False, indent=1) + "\n")
        return graded
    finally:
        remove_folder(folder)


def _verify_and_audit(
    source: Path, submission: Submission, options: Options, baseline: Baseline, report: ReportProgress
) -> Grade:
    reports = tuple(_reports(submission))
    try:
        results = as_json(verify_copy(str(source), submission, options, baseline, report))
    except CannotVerify as error:
        return Grade(source.name, submission.content, None, reports, str(error))
    except Exception as error:  # noqa: BLE001  (an error of Festgate in one submission must not stop the others)
        problem = f"Festgate failed to verify it. Please report this error: {type(error).__name__}: {error}"
        return Grade(source.name, submission.content, None, reports, problem)
    return Grade(source.name, submission.content, results, reports)


def _reports(submission: Submission) -> Iterator[AuditedReport]:
    originals = {normalise_text(path.read_bytes()) for path in STARTER.iterdir() if path.suffix in REPORTS}
    for file in sorted(submission.tree.rglob("*")):
        inside = file.relative_to(submission.tree)
        if not file.is_file() or file.suffix.lower() not in REPORTS or NO_REPORTS & set(inside.parts[:-1]):
            continue
        content = file.read_bytes()
        if normalise_text(content) in originals or GENERATED in content:
            continue
        try:
            audited = audit(file)
        except UnreadableReport as error:
            if file.stem.lower() == "readme":
                continue  # from another version of the starter
            yield AuditedReport(inside.as_posix(), (), str(error).replace(str(file), inside.as_posix()))
        else:
            findings = tuple((finding.kind.code, finding.kind.title) for finding in audited.findings)
            yield AuditedReport(inside.as_posix(), findings)


def _options_hash(options: Options) -> str:
    """Return a hash of Festgate's version and the options that affect a verdict. The seed only draws inputs."""
    parts = [version(), options.python, options.load, options.pairs if options.load else 0, options.seconds]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]


def _read(file: Path, name: str) -> Grade | None:
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        reports = tuple(
            AuditedReport(
                report["name"], tuple((code, title) for code, title in report["findings"]), report["problem"]
            )
            for report in fields["reports"]
        )
        return Grade(name, fields["content"], fields["told"], reports, fields["problem"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def with_duplicates(grades: Sequence[Grade]) -> list[Grade]:
    """Note in each grade the first other submission with the same content."""
    first: dict[str, str] = {}
    for grade in grades:
        first.setdefault(grade.content, grade.name)
    return [
        replace(grade, same_as=first[grade.content])
        if grade.content and first[grade.content] != grade.name
        else grade
        for grade in grades
    ]


def row(grade: Grade) -> dict[str, str]:
    """Return the cells of a grade in the CSV."""
    results = grade.results
    routes = {} if results is None else {route["route"]: route for route in results["routes"]}
    cells = {
        "submission": grade.name,
        "result": grade.result,
        "points": f"{grade.points:g}",
        "others": "" if results is None else ("alike" if results["others_alike"] else "differ"),
        "findings": " ".join(sorted({finding["code"] for finding in results["findings"]})) if results else "",
        "reports": " ".join(report.name for report in grade.reports),
        "report findings": " ".join(
            sorted({code for report in grade.reports for code, _ in report.findings})
        ),
        "same as": grade.same_as,
        "problem": grade.problem,
        "seconds": f"{results['seconds']:g}" if results else "",
        "content": grade.content,
    }
    for name, path in ROUTES.items():
        route = routes.get(path)
        cells[name] = route["verdict"] if route else ""
        cells[f"{name} change"] = route["headline"] if route else ""
    return cells


def as_csv(grades: Sequence[Grade]) -> str:
    """Write a line for each grade; a text that a spreadsheet would take for a formula is quoted."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for grade in grades:
        writer.writerow(
            {name: f"'{text}" if text.startswith(_FORMULA) else text for name, text in row(grade).items()}
        )
    return file.getvalue()
