"""The words with which reports speak of figures: of columns, sides, routes and units."""

import re
from typing import Final, Literal

Metric = Literal["average", "median", "p90", "p95", "p99", "most", "least", "rate"]
Side = Literal["before", "after"]

_METRICS: Final[tuple[tuple[Metric, str], ...]] = (
    (
        "p95",
        r"\bp\s?95\b|\b95\s?(?:th)?\s?%?\s?-?(?:percentile|ile)\b|\b95th\b|\b95\s?%(?=\s+(?:response|latency))",
    ),
    ("p99", r"\bp\s?99\b|\b99\s?(?:th)?\s?%?\s?-?(?:percentile|ile)\b|\b99th\b"),
    ("p90", r"\bp\s?90\b|\b90\s?(?:th)?\s?%?\s?-?(?:percentile|ile)\b|\b90th\b"),
    ("median", r"\bmedians?\b|\bp\s?50\b|\b50\s?(?:th)?\s?%?\s?-?(?:percentile|ile)\b|\b50th\b"),
    ("average", r"\baverages?\b|\bmeans?\b(?!\s+that)|\bavg\b"),
    ("most", r"\bmax(?:imum)?\b|\bslowest\b|\bworst\b|\bpeak (?:latency|response)\b"),
    ("least", r"\bmin(?:imum)?\b|\bfastest\b|\bbest(?:-case)?\b"),
    (
        "rate",
        r"\brps\b|\bthroughputs?\b|\breq(?:uest)?s?\s?(?:/|per)\s?s(?:ec(?:ond)?)?\b|\brequests? rates?\b",
    ),
)

METRICS: Final = tuple((metric, re.compile(pattern, re.IGNORECASE)) for metric, pattern in _METRICS)
"""Those with figures in them first: `95th percentile` is no number of milliseconds."""
COLUMNS: Final[dict[Metric, str]] = {
    "average": "Average",
    "median": "Median",
    "p90": "90 %",
    "p95": "95 %",
    "p99": "99 %",
    "most": "Max",
    "least": "Min",
    "rate": "RPS",
}
"""As the columns of Locust's tables are called."""
_SIDE: Final = re.compile(
    r"\b(?:(before|baseline|old|original|initial|un-?optimi[sz]ed|starter|pre-\w+)"
    r"|(after|new|optimi[sz]ed|improved|final|fixed|post-\w+))\b",
    re.IGNORECASE,
)
ROUTE: Final = re.compile(r"(?<![\w./<:])/[A-Za-z_][\w\-{}]*(?:/[\w\-{}<>]+)*/?(?:\?[\w=&%{}<>.+-]*)?")
NO_TIME: Final = re.compile(
    r"(?:interval|confidence|\bCI\b|rang\w+|between|varie[sd]|wait\w*|think\w*|paus\w+|spread|\busers?\b|iterations?"
    r"|\bloop\w*|\bwarm\w*|\bduration\b|\blast(?:s|ed)\b|\bfor\s+(?:about\s+)?$|\bafter\s+(?:about\s+)?$|\bevery\s+$|\blines?\b|\bsleep\w*|\btimeout\b|\bfees?\b|rupees|bytes|\bKB\b|\bMB\b)",
    re.IGNORECASE,
)
"""What tells that the numbers around it are no two times of one route."""
DENIED: Final = re.compile(
    r"\b(?:no|not|never|cannot|without|neither|nor|unchanged|same)\b|n't\b|\bnot\b", re.IGNORECASE
)


def metric_of(text: str) -> Metric | None:
    """The column that the text speaks of last; None where it names none."""
    found = [(match.start(), metric) for metric, pattern in METRICS for match in pattern.finditer(text)]
    return max(found)[1] if found else None


def side_of(text: str) -> Side | None:
    """Whether the text speaks of the build before or after; the first such word decides."""
    found = _SIDE.search(text)
    if found is None:
        return None
    return "before" if found[1] else "after"


def route_of(name: str) -> str:
    """The route of a request's name: without its host, its query and its numbers."""
    path = re.sub(r"^[a-z]+://[^/]+", "", name.strip()).partition("?")[0].partition("#")[0]
    path = re.sub(r"/\d+(?=/|$)", "/{id}", path)
    return path.rstrip("/") or "/"


def routes_in(text: str, known: tuple[str, ...]) -> list[tuple[int, str]]:
    """(place, route) of every route that the text names: by its path, or as "the events page" where it is known."""
    found = [(match.start(), route_of(match[0].rstrip(".,;:"))) for match in ROUTE.finditer(text)]
    for route in known:
        bare = re.sub(r"[-_/]+", "[-_ /]?", re.escape(route.strip("/")).replace("\\", ""))
        if bare and "{" not in bare:
            pattern = rf"(?<![\w/-])(?:{bare})(?=\s+(?:page|route|endpoint|path|list|request|api)s?\b)"
            found += [(match.start(), route) for match in re.finditer(pattern, text, re.IGNORECASE)]
    return sorted(found)
