"""One report audited: what was found, with its places, and what cannot be told."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from festgate.lab.audit.claim_checks import claim_spots, described, unheld, written
from festgate.lab.audit.documents import Place, UnreadableReport, read_document
from festgate.lab.audit.findings import FIRST_CONNECTION, KINDS, SLOWEST, AuditFinding, FindingKind, Spot
from festgate.lab.audit.parsed_report import ParsedReport, parse_report
from festgate.lab.audit.sources import Traced
from festgate.lab.audit.table_checks import is_first_connection, table_spots, unclear_loads


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim, and where its numbers are from."""

    text: str
    place: Place
    sources: tuple[str, ...]
    """One sentence for each number."""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """A report."""

    source: str
    """The file as it was named."""
    tables: int
    requests: int
    """Of all tables together."""
    findings: tuple[AuditFinding, ...]
    claims: tuple[CheckedClaim, ...]
    open: tuple[Spot, ...]
    """What cannot be told, and why."""
    report: ParsedReport

    def place(self, spot: Spot) -> Place:
        """Where in the file it is."""
        return self.report.document.place(spot.line)


def audit(path: Path) -> AuditResult:
    """Audit the report at `path`. Raises UnreadableReport for an unreadable file, or one with nothing to audit."""
    document = read_document(path)
    report = parse_report(document)
    if not report.groups and not report.claims:
        pictures = f" Its {document.pictures} pictures were not read." if document.pictures else ""
        msg = f"{document.source} holds no table of Locust as text, and claims no figures.{pictures}"
        raise UnreadableReport(msg)
    spots = [*table_spots(report), *claim_spots(report)]
    findings = tuple(
        AuditFinding(_asked(kind, report), tuple(_each(spot for code, spot in spots if code == kind.code)))
        for kind in KINDS.values()
        if any(code == kind.code for code, _ in spots)
    )
    return AuditResult(
        source=document.source,
        tables=len(document.tables),
        requests=sum(table.requests for table in document.tables),
        findings=findings,
        claims=tuple(_checked(traced, report) for traced in report.claims),
        open=tuple(_each(_open(report))),
        report=report,
    )


def _each(spots: Iterable[Spot]) -> list[Spot]:
    return sorted(dict.fromkeys(spots), key=lambda spot: spot.line)


def _asked(kind: FindingKind, report: ParsedReport) -> FindingKind:
    if kind.question:
        return kind
    return replace(kind, question=FIRST_CONNECTION if is_first_connection(report) else SLOWEST)


def _checked(traced: Traced, report: ParsedReport) -> CheckedClaim:
    told = []
    for side, figure, sources in traced.found:
        found = " or ".join(described(source, report) for source in sources[:2]) or "in no table"
        told.append(f"{written(figure)} ({side}): {found}")
    return CheckedClaim(traced.claim.text, report.document.place(traced.claim.line), tuple(told))


def _open(report: ParsedReport) -> Iterable[Spot]:
    document = report.document
    for problem in document.output.problems:
        yield Spot(problem.line, f"A table was not understood whole: {problem.sentence}")
    if not report.groups:
        pictures = f"; its {document.pictures} pictures were not read" if document.pictures else ""
        yield Spot(
            report.claims[0].claim.line,
            f"There is no table of Locust as text{pictures}: no claim can be checked.",
        )
        return
    yield from unclear_loads(report)
    yield from unheld(report)
    if not report.claims:
        yield Spot(
            document.tables[0].line,
            "No claim with figures was found in the prose; only the tables were looked at.",
        )
    for group in report.groups:
        if group.side is None and report.claims:
            yield Spot(
                group.table.line,
                f"Whether this table is of the build before or after is not told ({group.title}).",
            )


__all__ = ["AuditResult", "CheckedClaim", "UnreadableReport", "audit"]
