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
from festgate.lab.audit.table_checks import is_first_connection, table_spots, unclear_loads


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
    """What cannot be checked, and why."""
    report: ParsedReport

    def place(self, spot: Spot) -> Place:
        """Return its place in the file."""
        return self.report.document.place(spot.line)


def audit(path: Path) -> AuditResult:
    """Audit the report at `path`. Raises UnreadableReport for an unreadable file, or one with nothing to audit."""
    document = read_document(path)
    report = parse_report(document)
    if not report.groups and not report.claims:
        msg = f"{document.source} contains no Locust table as text, and no claim with figures."
        if document.pictures:
            msg += f" {_unread_pictures(document)}."
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


def _unread_pictures(document: Document) -> str:
    count = document.pictures
    return "1 picture was not read" if count == 1 else f"{count} pictures were not read"


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
    for problem in document.output.problems:
        yield Spot(problem.line, f"A table was not understood completely: {problem.sentence}")
    if not report.groups:
        pictures = f" ({_unread_pictures(document)})" if document.pictures else ""
        yield Spot(
            report.claims[0].claim.line,
            f"There is no Locust table as text{pictures}: no claim can be checked.",
        )
        return
    yield from unclear_loads(report)
    yield from claims_without_source(report)
    if not report.claims:
        yield Spot(
            document.tables[0].line,
            "No claim with figures was found in the prose; only the tables were checked.",
        )
    for group in report.groups:
        if group.side is None and report.claims:
            yield Spot(
                group.table.line,
                f"The report does not say whether this table is of the build before or after ({group.title}).",
            )


__all__ = ["AuditResult", "CheckedClaim", "UnreadableReport", "audit"]
