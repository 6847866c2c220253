"""Grade submissions: verify each, audit its reports, read its author and files, and keep the results."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from festgate.files import write_atomically
from festgate.lab.audit.documents import TABLES
from festgate.lab.audit.entry_form import entry_page
from festgate.lab.description.starter import Starter
from festgate.lab.grading.agreement import REASONS, RouteAgreement, agreements
from festgate.lab.grading.originals import starter_identity
from festgate.lab.grading.reports import AuditedReport, ReadReport, read_reports
from festgate.lab.grading.rubric import Rubric
from festgate.lab.grading.score import Score, score_of
from festgate.lab.grading.students import Student, student_in_head, student_of
from festgate.lab.grading.submissions import CopiedSubmission, Source, copy_source, file_name
from festgate.lab.grading.twins import OwnFile, StarterText, Twin, twins
from festgate.lab.student.answers import answers_in
from festgate.lab.student.code import code_files
from festgate.lab.verify.intake import Submission, remove_folder
from festgate.lab.verify.outputs import as_json
from festgate.lab.verify.verification import (
    Baseline,
    CannotVerify,
    Options,
    ReportProgress,
    UnrelatedApp,
    UnusableStarter,
    verify_copy,
)
from festgate.rehearsal.runner.servers import version

Trouble = Literal["submission", "other app", "grading", ""]
"""The cause: no app that runs; an app that does not descend from the starter; or an error of the grading itself."""
RESULTS: Final = "results"
"""The folder of the verifications, in the folder of the grades."""
READINGS: Final = "readings"
"""The folder with the authors and files that were read from the submissions."""
TYPED: Final = "tables"
"""The folder with the tables that were typed from screenshots, in a folder for each submission."""
FORMS: Final = "forms"
"""The folder with the forms for such tables, in a folder for each submission."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The contents of a submission, besides its running app."""

    reports: tuple[AuditedReport, ...] = ()
    author: Student = field(default_factory=Student)
    """The author as the reports name them."""
    files: tuple[OwnFile, ...] = ()
    """The files that differ from the starter's."""
    answered: tuple[int, int] = (0, 0)
    """The number of answered questions, and of all questions."""
    missing: tuple[str, ...] = ()
    """A sentence for each question that is not answered."""


@dataclass(frozen=True)
class Grade:
    """The results of one submission."""

    name: str
    content: str
    """A hash of the submission; empty when it could not be copied."""
    results: Mapping[str, Any] | None
    """The verification as `outputs.as_json` writes it; None when there is none."""
    reading: Reading
    student: Student
    """The author, from the reports and the name of the submission."""
    score: Score
    claims: tuple[RouteAgreement, ...]
    """The claims of the reports about each route, beside the verification."""
    problem: str = ""
    """The reason why it could not be verified."""
    trouble: Trouble = ""
    """The cause of the problem; empty if there is none."""
    same_as: str = ""
    """Another submission with the same content."""
    twins: tuple[Twin, ...] = ()
    """Files that other submissions have, too."""

    @property
    def reports(self) -> tuple[AuditedReport, ...]:
        """Return the audited reports."""
        return self.reading.reports

    @property
    def result(self) -> str:
        """Return `passed`, `not all` or `not verified`."""
        if self.results is None:
            return "not verified"
        return "passed" if self.results["passed"] else "not all"

    @property
    def points(self) -> float:
        """Return the points by the rubric."""
        return self.score.points


@dataclass(frozen=True, slots=True)
class Verified:
    """The verification of a submission, or the reason why there is none."""

    results: Mapping[str, Any] | None
    problem: str = ""
    trouble: Trouble = ""


_READING: Final = TypeAdapter(Reading)


@dataclass
class Grader:
    """The state that the grading of all submissions shares."""

    starter: Starter
    options: Options
    rubric: Rubric
    baseline: Baseline
    folder: Path
    """The folder of the grades."""
    again: bool = False
    """Whether submissions with a kept result are verified again."""
    _text: StarterText = field(init=False)
    _identity: str = field(init=False)

    def __post_init__(self) -> None:
        """Read the starter once."""
        self._text = StarterText(self.starter)
        self._identity = starter_identity(self.starter)

    def grade(self, source: Source, names: Student, report: ReportProgress) -> Grade:
        """Grade a submission, or read its kept results. A problem with it is part of the result.

        `names` is the author as the submission's name gives it. Raises KeyboardInterrupt and OSError.
        """
        folder = Path(tempfile.mkdtemp(prefix="festgate-lab-"))
        try:
            report("copying the submission", None)
            copied = copy_source(self.starter, source, folder)
            reading, problem = self.read(source, copied, report)
            verified = self._verified(source, copied, report)
            if problem:
                verified = replace(verified, problem=f"{verified.problem} {problem}".strip())
            return self.assembled(source.name, copied.content, verified, reading, names)
        finally:
            remove_folder(folder)

    def assembled(
        self,
        name: str,
        content: str,
        verified: Verified,
        reading: Reading,
        names: Student,
    ) -> Grade:
        """Return the grade of kept results: points and comparisons are computed anew."""
        results = verified.results
        return Grade(
            name=name,
            content=content,
            results=results,
            reading=reading,
            student=student_of(names, [reading.author]),
            score=score_of(self.rubric, self.starter, results, reading.reports, reading.answered),
            claims=agreements(tuple(self.starter.paths.values()), reading.reports, results),
            problem=verified.problem,
            trouble=verified.trouble,
        )

    def _verified(self, source: Source, copied: CopiedSubmission, report: ReportProgress) -> Verified:
        """Return the verification. Only a successful one is kept: a failed one may only lack a package."""
        if copied.submission is None:
            return Verified(None, copied.problem, "submission")
        # The seed, which only draws inputs, is not part of the key. Nor is the rubric: points are computed from kept
        # results.
        options = self.options
        fields = [options.python, options.load, options.pairs if options.load else 0, options.seconds]
        file = self.folder / RESULTS / f"{copied.content}-{self._key(fields)}.json"
        if not self.again and (known := _kept(file)) is not None:
            return Verified(known)
        verified = self._run(source, copied.submission, report)
        if verified.results is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, json.dumps(verified.results, ensure_ascii=False, indent=1) + "\n")
        return verified

    def _run(self, source: Source, submission: Submission, report: ReportProgress) -> Verified:
        try:
            return Verified(
                as_json(verify_copy(source.name, submission, self.options, self.baseline, report))
            )
        except UnrelatedApp as error:
            return Verified(None, str(error), "other app")
        except UnusableStarter as error:
            return Verified(None, str(error), "grading")
        except CannotVerify as error:
            return Verified(None, str(error), "submission")
        except Exception as error:  # noqa: BLE001  (an error of Festgate in one submission must not stop the others)
            return Verified(None, _failed("verify it", error), "grading")

    def read(self, source: Source, copied: CopiedSubmission, report: ReportProgress) -> tuple[Reading, str]:
        """Return the reports, the author and the files of a copied submission, kept or read now, and a problem.

        Raises OSError.
        """
        typed = self.folder / TYPED / file_name(source.name)
        file = (
            self.folder
            / READINGS
            / f"{copied.content}-{_typed_hash(typed, copied.tree)}-{self._key([])}.json"
        )
        if copied.content and not self.again:
            with suppress(OSError, ValidationError):
                known = _READING.validate_json(file.read_bytes())
                if all((self.folder / form.form).is_file() for form in known.reports if form.form):
                    return known, ""
        report("reading the reports", None)
        try:
            reading = self._read(source, copied, typed)
            content = _READING.dump_json(reading, indent=1)
        except Exception as error:  # noqa: BLE001  (see above)
            return Reading(), _failed("read its reports", error)
        if copied.content:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, content)
        return reading, ""

    def _read(self, source: Source, copied: CopiedSubmission, typed: Path) -> Reading:
        reports = [
            self._with_form(source, report) for report in read_reports(self.starter, copied.tree, typed)
        ]
        heads, texts = [], []
        for report in reports:
            if report.document is not None:
                lines = report.prose
                heads.append(student_in_head(lines))
                texts.append(self._text.own_report(report.audited.name, "\n".join(lines)))
        answers = answers_in(self.starter, copied.app)
        missing = tuple(answer.missing for answer in answers if answer.missing)
        return Reading(
            reports=tuple(report.audited for report in reports),
            author=student_of(Student(), heads),
            files=(*self._code(copied), *texts),
            answered=(len(answers) - len(missing), len(answers)),
            missing=missing,
        )

    def _with_form(self, source: Source, report: ReadReport) -> ReadReport:
        """Write the form in which a person types the numbers of the report's screenshots, if the report needs one."""
        audited = report.audited
        if not report.pictures or (audited.tables and not audited.entered):
            return report
        form = f"{FORMS}/{file_name(source.name)}/{audited.name}.html"
        (self.folder / form).parent.mkdir(parents=True, exist_ok=True)
        entered = "" if report.typed is None else report.typed.read_text(encoding="utf-8", errors="replace")
        page = entry_page(
            Path(audited.name).name, report.pictures, entered, tuple(self.starter.paths.values())
        )
        write_atomically(self.folder / form, page)
        (self.folder / TYPED / file_name(source.name) / audited.name).parent.mkdir(
            parents=True, exist_ok=True
        )
        return replace(report, audited=replace(audited, form=form))

    def _code(self, copied: CopiedSubmission) -> Sequence[OwnFile]:
        if copied.submission is None:
            files = sorted(path for path in copied.tree.rglob("*") if path.is_file())
        else:
            app = copied.app
            loads = [
                path for folder in self.starter.load_folders for path in sorted((app / folder).rglob("*.py"))
            ]
            templates = sorted((app / "templates").rglob("*.html"))
            files = [*code_files(self.starter, app), *loads, *templates]
        return list(self._text.own_code(copied.app, dict.fromkeys(files)))

    def _key(self, fields: Sequence[object]) -> str:
        """Return a hash of Festgate's version, the starter, and other fields that affect a result."""
        return hashlib.sha256(json.dumps([version(), self._identity, *fields]).encode()).hexdigest()[:8]


def with_twins(grades: Sequence[Grade]) -> list[Grade]:
    """Note in each grade the first other submission with the same content, and the files that it shares with others."""
    first: dict[str, str] = {}
    for grade in grades:
        first.setdefault(grade.content, grade.name)
    contents = {grade.name: grade.content for grade in grades}
    shared = twins({grade.name: grade.reading.files for grade in grades}, contents)
    return [
        replace(
            grade,
            same_as=first[grade.content] if grade.content and first[grade.content] != grade.name else "",
            twins=shared[grade.name],
        )
        for grade in grades
    ]


def _kept(file: Path) -> Mapping[str, Any] | None:
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
        routes, findings = results["routes"], results["findings"]
        complete = {"passed", "others_alike", "notes", "seconds"} <= results.keys()
        routes_complete = all(
            {"route", "verdict", "headline", "by", REASONS} <= route.keys() for route in routes
        )
        findings_complete = all({"code", "route", "figure"} <= finding.keys() for finding in findings)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return results if complete and routes_complete and findings_complete else None


def _typed_hash(typed: Path, tree: Path) -> str:
    """Return a hash of the tables that were typed from screenshots, which may be added later."""
    hashed = hashlib.sha256()
    for folder in (typed, tree):
        for path in sorted(folder.rglob(f"*{TABLES}")):
            if path.is_file():
                hashed.update(path.name.encode("utf-8", "surrogateescape") + b"\n" + path.read_bytes())
    return hashed.hexdigest()[:8]


def _failed(what: str, error: Exception) -> str:
    return f"Festgate failed to {what}. Please report this error: {type(error).__name__}: {error}"
