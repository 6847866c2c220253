"""Audits one report: its findings with their places, the source of each number, and what cannot be checked."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from festgate.lab.audit.claim_checks import (
    claim_spots,
    claims_without_source,
    describe_source,
    format_quantity,
)
from festgate.lab.audit.documents import Document, Place, UnreadableReport, read_document
from festgate.lab.audit.findings import FIRST_CONNECTION, KINDS, SLOWEST, AuditFinding, FindingKind, Spot
from festgate.lab.audit.parsed_report import ParsedReport, parse_report
from festgate.lab.audit.sources import TracedClaim
from festgate.lab.audit.table_checks import (
    incomplete_tables,
    is_first_connection,
    table_spots,
    unclear_loads,
)


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim with the sources of its numbers."""

    text: str
    place: Place
    sources: tuple[str, ...]
    """One sentence for each number."""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """A report with its findings."""

    source: str
    """The path of the file as it was given."""
    tables: int
    requests: int
    """Requests in all tables."""
    findings: tuple[AuditFinding, ...]
    claims: tuple[CheckedClaim, ...]
    open: tuple[Spot, ...]
    """The points that cannot be checked, each with the reason."""
    report: ParsedReport

    @property
    def is_checked(self) -> bool:
        """True if the report has a Locust table. Without one nothing can be checked, which is not "no findings"."""
        return self.tables > 0

    @property
    def pictures(self) -> int:
        """The number of pictures whose numbers have not been entered; 0 if tables were entered."""
        return 0 if self.report.document.entered else len(self.report.document.pictures)

    def place(self, spot: Spot) -> Place:
        """Return its place in the file."""
        return self.report.document.place(spot.line)


def audit(path: Path, tables: Path | None = None) -> AuditResult:
    """Audit the report at `path`, with the tables that were typed from its screenshots (see `read_document`).

    Raises UnreadableReport for an unreadable file, or one without tables, claims and pictures.
    """
    document = read_document(path, tables)
    report = parse_report(document)
    figures = any(traced.claim.kind != "words" for traced in report.claims)
    if not report.groups and not figures and not document.pictures:
        msg = f"{document.source} contains no Locust table as text, no claim with figures, and no picture."
        raise UnreadableReport(msg)
    spots = [*table_spots(report), *claim_spots(report)]
    findings = tuple(
        AuditFinding(_with_question(kind, report), shown)
        for kind in KINDS.values()
        if (shown := _by_line(spot for spot in spots if spot.code == kind.code))
    )
    return AuditResult(
        source=document.source,
        tables=len(document.tables),
        requests=sum(table.requests for table in document.tables),
        findings=findings,
        claims=tuple(_checked(traced, report) for traced in report.claims),
        open=_by_line(_open(report)),
        report=report,
    )


def _by_line(spots: Iterable[Spot]) -> tuple[Spot, ...]:
    return tuple(sorted(dict.fromkeys(spots), key=lambda spot: spot.line))


def _with_question(kind: FindingKind, report: ParsedReport) -> FindingKind:
    if kind.question:
        return kind
    return replace(kind, question=FIRST_CONNECTION if is_first_connection(report) else SLOWEST)


def _checked(traced: TracedClaim, report: ParsedReport) -> CheckedClaim:
    sentences = []
    for side, figure, sources in traced.figures:
        origin = " or ".join(describe_source(source, report) for source in sources[:2]) or "in no table"
        sentences.append(f"{format_quantity(figure)} ({side}): {origin}")
    return CheckedClaim(traced.claim.text, report.document.place(traced.claim.line), tuple(sentences))


def _open(report: ParsedReport) -> Iterable[Spot]:
    document = report.document
    first = report.claims[0].claim.line if report.claims else 1
    for problem in document.output.problems:
        yield Spot(problem.line, f"A table was not understood completely: {problem.sentence}")
    if not report.groups:
        yield Spot(first, "There is no Locust table as text: nothing can be checked.")
        yield from _screenshots(document, first)
        return
    unsourced = list(claims_without_source(report))
    if unsourced or not report.pairs:
        yield from _screenshots(document, first)
    yield from incomplete_tables(report)
    yield from unclear_loads(report)
    yield from unsourced
    if not report.claims:
        yield Spot(
            document.tables[0].line,
            "No claim with figures was found in the prose; only the tables were checked.",
        )
    for group in report.groups:
        if group.side is None and report.claims:
            yield Spot(
                group.table.line,
                f"The report does not show whether this table is of the build before or after ({group.title}).",
            )


def _screenshots(document: Document, line: int) -> Iterable[Spot]:
    count = len(document.pictures)
    if count and not document.entered:
        numbers = (
            "1 screenshot: enter its numbers" if count == 1 else f"{count} screenshots: enter these numbers"
        )
        yield Spot(line, f'{numbers} (festgate lab audit --enter "{document.source}").')
