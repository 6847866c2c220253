"""Shows the result of an audit as text and as JSON."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from festgate.lab.audit.audit import AuditResult
from festgate.lab.audit.findings import Spot


def as_json(reports: Sequence[AuditResult], unreadable: Sequence[str]) -> dict[str, Any]:
    """Return all reports, and a sentence for each file that could not be read."""
    return {"reports": [_report(audited) for audited in reports], "unreadable": list(unreadable)}


def show(audited: AuditResult, console: Console) -> None:
    """Print one report: wrapped and indented in a terminal, otherwise one line for each item, to be searched."""
    console.print(_title(audited), soft_wrap=True)
    for finding in audited.findings:
        kind = finding.kind
        number = f"Error {kind.error}: " if kind.error is not None else ""
        console.print(
            Text.assemble("\n", (f"{number}{kind.title}", "bold yellow"), (f"  {kind.code}", "dim"))
        )
        for spot in finding.spots:
            _print(console, _spot(audited, spot), 2)
        _print(console, Text(kind.meaning), 2)
        _print(console, Text.assemble(("? ", "bold"), kind.question), 2)
    claims = [claim for claim in audited.claims if claim.sources]
    if claims:
        console.print(Text("\nSources of its numbers", "bold"))
    for claim in claims:
        _print(console, Text.assemble((f"{claim.place}: ", "cyan"), claim.text), 2)
        for source in claim.sources:
            _print(console, Text(source, "dim"), 6)
    if audited.open:
        console.print(Text("\nWhat cannot be checked", "bold"))
    for spot in audited.open:
        _print(console, _spot(audited, spot), 2)
    console.print()


def _print(console: Console, text: Text, indent: int) -> None:
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent)))
    else:
        console.print(Text(" " * indent).append_text(text), soft_wrap=True)


def _title(audited: AuditResult) -> Text:
    tables = f"{audited.tables} Locust {'table' if audited.tables == 1 else 'tables'}"
    claims = f"{len(audited.claims)} {'claim' if len(audited.claims) == 1 else 'claims'}"
    count = len(audited.findings)
    findings = f"{count} {'finding' if count == 1 else 'findings'}" if count else "no findings"
    tone = "bold yellow" if count else "bold green"
    if not audited.is_checked:
        findings = f"{findings}; its figures could not be checked" if count else "nothing could be checked"
        tone = "bold yellow"
    entered = f" (with those of {audited.report.document.entered})" if audited.report.document.entered else ""
    return Text.assemble(
        (audited.source, "bold"),
        f": {tables} with {audited.requests:,} requests{entered}, {claims}; ",
        (findings, tone),
    )


def _spot(audited: AuditResult, spot: Spot) -> Text:
    return Text.assemble((f"{audited.place(spot)}: ", "cyan"), spot.figure)


def _report(audited: AuditResult) -> dict[str, Any]:
    return {
        "file": audited.source,
        "tables": audited.tables,
        "requests": audited.requests,
        "checked": audited.is_checked,
        "screenshots": audited.pictures,
        "entered": audited.report.document.entered,
        "findings": [
            {
                "code": finding.kind.code,
                "error": finding.kind.error,
                "title": finding.kind.title,
                "meaning": finding.kind.meaning,
                "question": finding.kind.question,
                "places": [_placed(audited, spot) for spot in finding.spots],
            }
            for finding in audited.findings
        ],
        "claims": [
            {
                "line": claim.place.line,
                "page": claim.place.page,
                "text": claim.text,
                "sources": list(claim.sources),
            }
            for claim in audited.claims
        ],
        "cannot_tell": [_placed(audited, spot) for spot in audited.open],
    }


def _placed(audited: AuditResult, spot: Spot) -> dict[str, Any]:
    place = audited.place(spot)
    return {"line": place.line, "page": place.page, "file": place.file, "figure": spot.figure}
