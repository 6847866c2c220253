"""All that the checks of a report look at."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from festgate.lab.audit.claims import Claim, claims_of, every_route
from festgate.lab.audit.documents import Document
from festgate.lab.audit.own_tables import claims_of_tables
from festgate.lab.audit.prose import Prose, read_prose
from festgate.lab.audit.routes import Group, Pair, groups_of, pairs_of
from festgate.lab.audit.sources import Traced, trace

_USERS: Final = re.compile(
    r"\b(?P<many>\d{1,6})\s+(?:concurrent |virtual |simulated |simultaneous |parallel )?users?\b"
    r"|(?:--users|-u)[ =](?P<option>\d{1,6})\b|\busers?\s*[:=]\s*(?P<told>\d{1,6})\b"
    r"|\b(?P<one>one|a single|single)\s+user\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """A report, read."""

    document: Document
    prose: Prose
    groups: tuple[Group, ...]
    pairs: tuple[Pair, ...]
    claims: tuple[Traced, ...]

    @property
    def compares(self) -> bool:
        """Whether it sets two builds side by side, in tables or in words."""
        told = (traced.claim for traced in self.claims)
        return bool(self.pairs) or any(claim.kind in ("pair", "share") for claim in told)

    @property
    def users(self) -> int | None:
        """How many it says that there were at once, the most of all that it says; None where it does not."""
        every = [
            found["many"] or found["option"] or found["told"] or "1"
            for found in _USERS.finditer(self.prose.text)
        ]
        return max(map(int, every), default=None)

    def is_of_medians(self, route: str) -> bool:
        """Whether all that is claimed of the route's times is claimed of medians, which one request does not move."""
        told = [
            traced
            for traced in self.claims
            if traced.claim.kind in ("pair", "figure")
            and traced.claim.metric != "rate"
            and (traced.route or traced.claim.route) in (route, "")
        ]
        return bool(told) and all("median" in {traced.claim.metric, *traced.columns} for traced in told)


def parse_report(document: Document) -> ParsedReport:
    """Everything that is read out of the report."""
    prose = read_prose(document.lines, document.output.spans)
    groups = groups_of(document)
    routes = every_route([group.route for group in groups if group.route])
    claims: Sequence[Claim] = sorted(
        [*claims_of(prose, routes), *claims_of_tables(prose, routes)], key=lambda claim: claim.line
    )
    return ParsedReport(
        document, prose, groups, pairs_of(groups), tuple(trace(claim, groups) for claim in claims)
    )
