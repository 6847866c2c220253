"""Reads a report into the parts that the checks need."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from festgate.lab.audit.claims import Claim, claims_of, every_route
from festgate.lab.audit.documents import Document, UnreadableReport
from festgate.lab.audit.own_tables import claims_of_tables
from festgate.lab.audit.prose import Prose, read_prose
from festgate.lab.audit.routes import Group, Pair, groups_of, pairs_of
from festgate.lab.audit.sources import TracedClaim, trace

MAX_PROSE: Final = 2_000_000
"""Characters outside of the tables; a report of twenty pages has 60,000, and two million take about ten seconds."""
_USERS: Final = re.compile(
    r"\b(?P<many>\d{1,6})\s+(?:concurrent |virtual |simulated |simultaneous |parallel )?users?\b"
    r"|(?:--users|-u)[ =](?P<option>\d{1,6})\b|\busers?\s*[:=]\s*(?P<label>\d{1,6})\b"
    r"|\b(?P<one>one|a single|single)\s+user\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """A report with its prose, its tables by route, and its claims."""

    document: Document
    prose: Prose
    groups: tuple[Group, ...]
    pairs: tuple[Pair, ...]
    claims: tuple[TracedClaim, ...]

    @property
    def compares(self) -> bool:
        """True if the report compares two builds, in tables or in words."""
        return bool(self.pairs) or any(traced.claim.kind in ("pair", "share") for traced in self.claims)

    @property
    def users(self) -> int | None:
        """The largest number of simultaneous users in the report; None if it gives none."""
        return max(self._user_counts, default=None)

    @property
    def stated_users(self) -> int | None:
        """The number of simultaneous users if the report gives only one; None if it gives none or several."""
        counts = self._user_counts
        return counts.pop() if len(counts) == 1 else None

    @property
    def _user_counts(self) -> set[int]:
        return {
            int(match["many"] or match["option"] or match["label"] or "1")
            for match in _USERS.finditer(self.prose.text)
        }

    def is_of_medians(self, route: str) -> bool:
        """Return whether all claims about the route's times are about medians, which one request hardly changes."""
        claims = [
            traced
            for traced in self.claims
            if traced.claim.kind in ("pair", "figure")
            and traced.claim.metric != "rate"
            and (traced.route or traced.claim.route) in (route, "")
        ]
        return bool(claims) and all("median" in {traced.claim.metric, *traced.columns} for traced in claims)


def parse_report(document: Document) -> ParsedReport:
    """Find the prose, the tables and the claims of the report. Raises UnreadableReport for too much prose."""
    if sum(len(line.text) + 1 for line in document.prose) > MAX_PROSE:
        msg = f"{document.source} has more than {MAX_PROSE // 10**6} million characters besides its tables."
        raise UnreadableReport(msg)
    prose = read_prose(document.lines, document.output.spans, is_unwrapped=document.kind == "word")
    groups = groups_of(document)
    routes = every_route([group.route for group in groups if group.route])
    claims: Sequence[Claim] = sorted(
        [*claims_of(prose, routes), *claims_of_tables(prose, routes)], key=lambda claim: claim.line
    )
    return ParsedReport(
        document, prose, groups, pairs_of(groups), tuple(trace(claim, groups) for claim in claims)
    )
