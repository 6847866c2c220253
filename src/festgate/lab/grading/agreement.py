"""Compare the claims of a report about each route with the result of the verification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from festgate.lab.grading.reports import AuditedReport, RouteClaim

Agreement = Literal["agrees", "differs", "no claim", "not compared"]
REASONS: Final = "said"
"""The key of the sentences behind a verdict, in a verification as JSON."""
_MAX_SHOWN: Final = 3
"""Claims of one route in a sentence."""
_FASTER: Final = frozenset({"improved"})
_SLOWER: Final = frozenset({"worse"})
_UNCHANGED: Final = frozenset({"unchanged"})


@dataclass(frozen=True, slots=True)
class RouteAgreement:
    """The claims of a report about one route, beside its verification."""

    route: str
    claims: tuple[RouteClaim, ...]
    verified: str
    """The result of the verification in words; empty if there is none."""
    agreement: Agreement

    @property
    def claimed(self) -> str:
        """Return the claims in short: `451 to 324 ms (average)`."""
        shown = list(dict.fromkeys(claim.shown for claim in self.claims))
        more = len(shown) - _MAX_SHOWN
        return ", ".join(shown[:_MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")

    @property
    def sentence(self) -> str:
        """Return both sides: `claims 451 to 324 ms; the route's code is unchanged`."""
        claimed = f"claims {self.claimed}" if self.claims else "claims nothing"
        return f"{claimed}; {self.verified}" if self.verified else f"{claimed}; not verified"


def agreements(
    routes: Sequence[str], reports: Sequence[AuditedReport], results: Mapping[str, Any] | None
) -> tuple[RouteAgreement, ...]:
    """Return the comparison of each route; `results` is the verification as JSON."""
    verified = {} if results is None else {route["route"]: route for route in results["routes"]}
    pairs = []
    for path in routes:
        claims = tuple(claim for report in reports for claim in report.claims if claim.route == path)
        route = verified.get(path)
        pairs.append(
            RouteAgreement(
                path,
                claims,
                "" if route is None else _in_words(route),
                _agreement(claims, None if route is None else str(route["verdict"])),
            )
        )
    return tuple(pairs)


def _agreement(claims: Sequence[RouteClaim], verdict: str | None) -> Agreement:
    directions = {claim.direction for claim in claims} - {""}
    if not claims:
        return "no claim"
    if verdict is None or not directions:
        return "not compared"
    fits = {
        "faster": verdict in _FASTER,
        "slower": verdict in _SLOWER,
        "same": verdict in _UNCHANGED,
    }
    return "agrees" if all(fits[direction] for direction in directions) else "differs"


def _in_words(route: Mapping[str, Any]) -> str:
    verdict, headline = str(route["verdict"]), str(route["headline"])
    if verdict == "unchanged":
        by_code = "code" in route["by"]
        return "the route's code is unchanged" if by_code else "the route is not measurably faster"
    if verdict == "wrong":
        return "the route does not respond as the starter's"
    if verdict in _SLOWER:
        return f"the route is {headline}"
    return headline


def reasons_of(route: Mapping[str, Any]) -> list[str]:
    """Return the sentences behind the verdict on a route."""
    return [str(sentence) for sentence in route[REASONS]]
