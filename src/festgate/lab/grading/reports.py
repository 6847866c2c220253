"""Find the reports in a submission, and audit each."""

import ast
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from festgate.lab.audit.audit import AuditResult, audit
from festgate.lab.audit.claim_checks import format_quantity
from festgate.lab.audit.claims import Claim
from festgate.lab.audit.documents import TABLES, Document, UnreadableReport, read_document
from festgate.lab.audit.pictures import MAX_PICTURES, Picture
from festgate.lab.audit.pictures import SUFFIXES as PICTURES
from festgate.lab.audit.words import COLUMNS
from festgate.lab.description.starter import Starter
from festgate.lab.grading.originals import original_files
from festgate.lab.grading.submissions import printable
from festgate.lab.student.folder import HINTS, RUNS
from festgate.rehearsal.runs.plan import normalise_text

Direction = Literal["faster", "slower", "same", ""]
State = Literal["findings", "no findings", "not checked", "not readable"]
SCREENSHOTS: Final = "screenshots"
"""The name of the report of a submission that has only pictures."""
SUFFIXES: Final = frozenset({".md", ".markdown", ".txt", ".html", ".htm", ".pdf", ".docx"})
GENERATED: Final = b"Written by Festgate."
"""A text in the footer of each page that `festgate lab report` and the rehearsal write."""
_NO_REPORTS: Final = frozenset({RUNS, HINTS, "templates", "before", "static", "tests"})
"""Folders that hold no report of the student."""
_OTHER_FILES: Final = re.compile(
    r"(?:requirements|constraints|packages|pip[-_]?freeze|robots|licen[cs]e|copying|notice|authors|changelog|changes"
    r"|contributing|code[-_]of[-_]conduct|security)\b.*",
    re.IGNORECASE,
)
_PACKAGE_HEAD: Final = re.compile(r"Package\s+Version", re.IGNORECASE)
_PACKAGE: Final = re.compile(
    r"[A-Za-z][\w.-]*\s*(?:\[[\w, -]+\])?(?:\s*(?:[=~!<>]=|===|[<>])\s*\d|\s+\d[\w.]*$|\s*@\s*\S+$|$)"
)
"""A package with a version, as pip writes it."""
_CONCLUSION: Final = re.compile(
    r"\b(?:faster|slower|improved|improvement|optimi[sz]ed|optimi[sz]ation|bottleneck|reduced|dropped|response times?"
    r"|throughput|latency|rps|load test(?:ed|ing|s)?)\b",
    re.IGNORECASE,
)
_SMALL: Final = 1 << 20
"""Bytes at the beginning of a text file that decide whether it is a report."""


@dataclass(frozen=True, slots=True)
class ReportFinding:
    """A finding of an audit."""

    code: str
    title: str
    meaning: str = ""
    question: str = ""
    places: tuple[str, ...] = ()
    """Each with its place: `line 12: 324 ms is row 1 of 12`."""


@dataclass(frozen=True, slots=True)
class RouteClaim:
    """A statement of a report about the speed of a route."""

    route: str
    """`/events`; empty if the report names none."""
    shown: str
    """`451 to 324 ms (average)`, `50 % faster`."""
    direction: Direction
    text: str
    place: str


@dataclass(frozen=True, slots=True)
class AuditedReport:
    """A report in a submission, and its audit."""

    name: str
    """Its path in the submission."""
    findings: tuple[ReportFinding, ...] = ()
    problem: str = ""
    """The reason why it could not be audited."""
    claims: tuple[RouteClaim, ...] = ()
    tables: int = 0
    pictures: int = 0
    """Screenshots whose numbers have not been entered."""
    open: tuple[str, ...] = ()
    """The points that could not be checked, each with the reason."""
    form: str = ""
    """The form for the numbers of its screenshots, in the folder of the grades; empty if there is none."""
    entered: bool = False
    """Whether its tables were typed from screenshots."""

    @property
    def state(self) -> State:
        """Return the result of the audit; "nothing to check" is not the same as "no findings"."""
        if self.findings:
            return "findings"
        if self.tables:
            return "no findings"
        return "not readable" if self.problem and not self.pictures else "not checked"


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A report with its text."""

    audited: AuditedReport
    document: Document | None
    """None if it cannot be read."""
    typed: Path | None = None
    """The file with the tables that were typed from its screenshots."""

    pictures: tuple[Picture, ...] = ()

    @property
    def prose(self) -> list[str]:
        """Return the lines that are in no table of Locust."""
        return [] if self.document is None else [line.text for line in self.document.prose]


def read_reports(starter: Starter, tree: Path, entered: Path) -> Iterator[ReadReport]:
    """Read and audit each report in the copy of a submission.

    Tables that were typed from screenshots are read from the folder `entered`, or beside the report.
    """
    original = {
        normalise_text(path.read_bytes()) for path in original_files(starter) if path.suffix in SUFFIXES
    }
    lines = _lines_of(starter)
    insides = [path.relative_to(tree) for path in _report_files(starter, tree, original)]
    names = [inside.name for inside in insides]
    reports = []
    for inside in insides:
        tables = _tables_for(inside, tree, entered, names)
        report = _read(tree / inside, printable(inside.as_posix()), tables)
        if not inside.stem.lower().startswith("readme") or _concludes(report, lines):
            reports.append(report)
    yield from reports or _screenshots(tree, entered)


def _screenshots(tree: Path, entered: Path) -> Iterator[ReadReport]:
    """Yield the pictures of a submission without a report: their numbers can be entered, too."""
    insides = [
        path.relative_to(tree)
        for path in sorted(tree.rglob("*"))
        if path.suffix.lower() in PICTURES and path.is_file()
    ]
    pictures = tuple(
        Picture(printable(inside.as_posix()), (tree / inside).read_bytes)
        for inside in insides
        if _NO_REPORTS.isdisjoint(part.lower() for part in inside.parts[:-1])
    )[:MAX_PICTURES]
    if not pictures:
        return
    typed = entered / f"{SCREENSHOTS}{TABLES}"
    if typed.is_file():
        report = _read(typed, typed.name, None)
        audited = replace(report.audited, name=SCREENSHOTS, entered=True, pictures=0)
        yield ReadReport(audited, report.document, typed, pictures)
    else:
        yield ReadReport(AuditedReport(SCREENSHOTS, pictures=len(pictures)), None, None, pictures)


def _report_files(starter: Starter, tree: Path, original: Container[bytes]) -> Iterator[Path]:
    for file in sorted(tree.rglob("*")):
        folders = {part.lower() for part in file.relative_to(tree).parts[:-1]}
        if (
            file.suffix.lower() in SUFFIXES
            and not file.name.endswith(TABLES)
            and file.is_file()
            and not (_NO_REPORTS | starter.load_folders) & folders
            and not _is_other(file)
        ):
            content = file.read_bytes()
            if normalise_text(content) not in original and GENERATED not in content:
                yield file


def _tables_for(inside: Path, tree: Path, entered: Path, names: Sequence[str]) -> Path | None:
    """Return the file with the tables typed from the screenshots of the report `inside`; None if there is none."""
    places = [entered / f"{inside}{TABLES}", tree / f"{inside}{TABLES}"]
    if names.count(inside.name) == 1:
        places.append(entered / f"{inside.name}{TABLES}")
    return next((place for place in places if place.is_file()), None)


def _read(file: Path, name: str, tables: Path | None) -> ReadReport:
    try:
        audited = audit(file, tables)
    except UnreadableReport as error:
        problem = str(error).replace(str(file), name)
        try:
            document = read_document(file)
        except UnreadableReport:
            return ReadReport(AuditedReport(name, problem=problem), None)
        return ReadReport(AuditedReport(name, problem=problem), document, tables, document.pictures)
    document = audited.report.document
    return ReadReport(_audited(name, file, audited), document, tables, document.pictures)


def _audited(name: str, file: Path, audited: AuditResult) -> AuditedReport:
    findings = tuple(
        ReportFinding(
            finding.kind.code,
            finding.kind.title,
            finding.kind.meaning,
            finding.kind.question,
            tuple(f"{audited.place(spot)}: {spot.figure}" for spot in finding.spots),
        )
        for finding in audited.findings
    )
    return AuditedReport(
        name,
        findings,
        claims=tuple(_claims(audited)),
        tables=audited.tables,
        pictures=audited.pictures,
        entered=bool(audited.report.document.entered),
        open=tuple(f"{audited.place(spot)}: {spot.figure}".replace(str(file), name) for spot in audited.open),
    )


def _claims(audited: AuditResult) -> Iterator[RouteClaim]:
    claims = [(traced.claim, traced.claim.route or traced.route) for traced in audited.report.claims]
    paired = {route for claim, route in claims if claim.kind in {"pair", "share"}}
    for claim, route in claims:
        place = str(audited.report.document.place(claim.line))
        shown, direction = _shown(claim)
        if claim.kind == "figure" and route not in paired:
            other = next((later for later, its in claims if its == route and _completes(claim, later)), None)
            shown, direction = _two(claim, other) if other is not None else ("", "")
        if shown:
            yield RouteClaim(route, shown, direction, claim.text, place)


def _completes(claim: Claim, later: Claim) -> bool:
    """Return whether `later` has the figure after, and `claim` the figure before: one statement in two sentences."""
    return (
        claim.before is not None
        and claim.after is None
        and later.kind == "figure"
        and later.after is not None
        and claim.metric == later.metric
    )


def _two(before: Claim, after: Claim) -> tuple[str, Direction]:
    if before.before is None or after.after is None:
        return "", ""
    rate = before.metric == "rate"
    values = before.before.value, after.after.value
    name = (
        f" ({COLUMNS[before.metric].lower() if before.metric != 'rate' else 'RPS'})" if before.metric else ""
    )
    first, second = format_quantity(before.before), format_quantity(after.after)
    if first.rpartition(" ")[2] == second.rpartition(" ")[2] and " " in first:
        first = first.rpartition(" ")[0]
    return f"{first} to {second}{name}", _direction(*values, rate=rate)


def _direction(before: float, after: float, *, rate: bool) -> Direction:
    if before == after:
        return "same"
    return "faster" if (after > before) == rate else "slower"


def _shown(claim: Claim) -> tuple[str, Direction]:
    if claim.kind == "pair":
        shown, direction = _two(claim, claim)
        return shown, "same" if claim.negated else direction
    if claim.kind == "share" and claim.share is not None and not claim.negated:
        return (
            f"{format_quantity(claim.share)}{' faster' if claim.better else ''}",
            "faster" if claim.better else "",
        )
    return "", ""


def _is_other(file: Path) -> bool:
    """Return whether it is a list of packages, a licence, a locustfile or a template, and no report."""
    suffix = file.suffix.lower()
    if suffix in {".pdf", ".docx"}:
        return False
    if _OTHER_FILES.fullmatch(file.stem):
        return True
    if file.stat().st_size > _SMALL:
        return False
    text = _text(file)
    if suffix in {".html", ".htm"}:
        return "{%" in text or "{{" in text
    return _lists_packages(text) or _is_code(text)


def _lists_packages(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    names = [
        line for line in lines if not line.startswith(("#", "-", "\\")) and not _PACKAGE_HEAD.fullmatch(line)
    ]
    return bool(names) and all(re.fullmatch(r"[\w.-]+", line) or _PACKAGE.match(line) for line in names)


def _is_code(text: str) -> bool:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(
        isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) for node in tree.body
    )


def _concludes(report: ReadReport, starter_lines: frozenset[str]) -> bool:
    """Return whether a README holds figures or conclusions of its own."""
    if report.audited.tables or report.audited.claims:
        return True
    if report.document is None:
        return False
    own = [line.text for line in report.document.lines if " ".join(line.text.split()) not in starter_lines]
    return any(map(_CONCLUSION.search, own))


def _lines_of(starter: Starter) -> frozenset[str]:
    return frozenset(
        " ".join(line.split())
        for path in original_files(starter)
        if path.suffix in {".md", ".txt"}
        for line in _text(path).splitlines()
    )


def _text(file: Path) -> str:
    content = file.read_bytes()
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    return content.decode(encoding, errors="replace")
