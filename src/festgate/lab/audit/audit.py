"""One report audited: what was found, with its places, and what cannot be told."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from festgate.lab.audit.claim_checks import claim_spots, described, unheld, written
from festgate.lab.audit.documents import Place, Unreadable, read_document
from festgate.lab.audit.findings import FIRST_CONNECTION, KINDS, SLOWEST, Finding, Kind, Spot
from festgate.lab.audit.ground import Ground, ground_of
from festgate.lab.audit.sources import Traced
from festgate.lab.audit.table_checks import is_first_connection, table_spots, unclear_loads


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim, and where its numbers are from."""

    text: str
    place: Place
    sources: tuple[str, ...]
    """One sentence for each number."""


@dataclass(frozen=True, slots=True)
class Audited:
    """A report."""

    source: str
    """The file as it was named."""
    tables: int
    requests: int
    """Of all tables together."""
    findings: tuple[Finding, ...]
    claims: tuple[Checked, ...]
    open: tuple[Spot, ...]
    """What cannot be told, and why."""
    ground: Ground

    def place(self, spot: Spot) -> Place:
        """Where in the file it is."""
        return self.ground.document.place(spot.line)


def audit(path: Path) -> Audited:
    """The report at that path. Raises Unreadable where it cannot be read, or holds nothing that can be audited."""
    document = read_document(path)
    ground = ground_of(document)
    if not ground.groups and not ground.claims:
        pictures = f" Its {document.pictures} pictures were not read." if document.pictures else ""
        msg = f"{document.source} holds no table of Locust as text, and claims no figures.{pictures}"
        raise Unreadable(msg)
    spots = [*table_spots(ground), *claim_spots(ground)]
    findings = tuple(
        Finding(_asked(kind, ground), tuple(_each(spot for code, spot in spots if code == kind.code)))
        for kind in KINDS.values()
        if any(code == kind.code for code, _ in spots)
    )
    return Audited(
        source=document.source,
        tables=len(document.tables),
        requests=sum(table.requests for table in document.tables),
        findings=findings,
        claims=tuple(_checked(traced, ground) for traced in ground.claims),
        open=tuple(_each(_open(ground))),
        ground=ground,
    )


def _each(spots: Iterable[Spot]) -> list[Spot]:
    return sorted(dict.fromkeys(spots), key=lambda spot: spot.line)


def _asked(kind: Kind, ground: Ground) -> Kind:
    if kind.question:
        return kind
    return replace(kind, question=FIRST_CONNECTION if is_first_connection(ground) else SLOWEST)


def _checked(traced: Traced, ground: Ground) -> Checked:
    told = []
    for side, figure, sources in traced.found:
        found = " or ".join(described(source, ground) for source in sources[:2]) or "in no table"
        told.append(f"{written(figure)} ({side}): {found}")
    return Checked(traced.claim.text, ground.document.place(traced.claim.line), tuple(told))


def _open(ground: Ground) -> Iterable[Spot]:
    document = ground.document
    for problem in document.output.problems:
        yield Spot(problem.line, f"A table was not understood whole: {problem.sentence}")
    if not ground.groups:
        pictures = f"; its {document.pictures} pictures were not read" if document.pictures else ""
        yield Spot(
            ground.claims[0].claim.line,
            f"There is no table of Locust as text{pictures}: no claim can be checked.",
        )
        return
    yield from unclear_loads(ground)
    yield from unheld(ground)
    if not ground.claims:
        yield Spot(
            document.tables[0].line,
            "No claim with figures was found in the prose; only the tables were looked at.",
        )
    for group in ground.groups:
        if group.side is None and ground.claims:
            yield Spot(
                group.table.line,
                f"Whether this table is of the build before or after is not told ({group.title}).",
            )


__all__ = ["Audited", "Checked", "Unreadable", "audit"]
