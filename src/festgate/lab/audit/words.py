"""The words by which reports name columns, sides, routes and units."""

import re
from typing import Final, Literal

Metric = Literal["average", "median", "p90", "p95", "p99", "max", "min", "rate"]
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
    ("max", r"\bmax(?:imum)?\b|\bslowest\b|\bworst\b|\bpeak (?:latency|response)\b"),
    ("min", r"\bmin(?:imum)?\b|\bfastest\b|\bbest(?:-case)?\b"),
    (
        "rate",
        r"\brps\b|\bthroughputs?\b|\breq(?:uest)?s?\s?(?:/|per)\s?s(?:ec(?:ond)?)?\b|\brequests? rates?\b",
    ),
)

METRICS: Final = tuple((metric, re.compile(pattern, re.IGNORECASE)) for metric, pattern in _METRICS)
"""Names with digits come first: `95th percentile` is not a number of milliseconds."""
COLUMNS: Final[dict[Metric, str]] = {
    "average": "Average",
    "median": "Median",
    "p90": "90 %",
    "p95": "95 %",
    "p99": "99 %",
    "max": "Max",
    "min": "Min",
    "rate": "RPS",
}
"""The names of the columns in Locust's tables."""
_SIDE: Final = re.compile(
    r"\b(?:(before|baseline|old|original|initial|un-?optimi[sz]ed|starter|pre-\w+)"
    r"|(after|new|optimi[sz]ed|improved|final|fixed|post-\w+))\b",
    re.IGNORECASE,
)
ROUTE: Final = re.compile(r"(?<![\w./<:])/[A-Za-z_][\w\-{}]*(?:/[\w\-{}<>]+)*/?(?:\?[\w=&%{}<>.+-]*)?")
NOT_A_TIME: Final = re.compile(
    r"(?:interval|confidence|\bCI\b|rang\w+|between|varie[sd]|wait\w*|think\w*|paus\w+|spread|\busers?\b|iterations?"
    r"|\bloop\w*|\bwarm\w*|\bduration\b|\blast(?:s|ed)\b|\bfor\s+(?:about\s+)?$|\bafter\s+(?:about\s+)?$|\bevery\s+$|\blines?\b|\bsleep\w*|\btimeout\b|\bfees?\b|rupees|bytes|\bKB\b|\bMB\b)",
    re.IGNORECASE,
)
"""Words whose neighbouring numbers are not two times of one route."""
NEGATION: Final = re.compile(
    r"\b(?:no|not|never|cannot|without|neither|nor|unchanged|same)\b|n't\b|\bnot\b", re.IGNORECASE
)


def metric_of(text: str) -> Metric | None:
    """Return the column that the text names last; None if it names none."""
    named = [(match.start(), metric) for metric, pattern in METRICS for match in pattern.finditer(text)]
    return max(named)[1] if named else None


def side_of(text: str) -> Side | None:
    """Return the side that the first such word of the text names; None if there is none."""
    match = _SIDE.search(text)
    return _side(match) if match is not None else None


def last_side_of(text: str) -> Side | None:
    """Return the side that the last such word of the text names; None if there is none."""
    matches = list(_SIDE.finditer(text))
    return _side(matches[-1]) if matches else None


def _side(match: re.Match[str]) -> Side:
    return "before" if match[1] else "after"


def route_of(name: str) -> str:
    """Return the route of a request's name, without host and query; numbers become `{id}`."""
    path = re.sub(r"^[a-z]+://[^/]+", "", name.strip()).partition("?")[0].partition("#")[0]
    path = re.sub(r"/\d+(?=/|$)", "/{id}", path)
    return path.rstrip("/") or "/"


def routes_in(text: str, known: tuple[str, ...]) -> list[tuple[int, str]]:
    """Return (offset, route) of each route in the text: its path, or "the events page" for a known route."""
    named = [(match.start(), route_of(match[0].rstrip(".,;:"))) for match in ROUTE.finditer(text)]
    for route in known:
        bare = re.sub(r"[-_/]+", "[-_ /]?", re.escape(route.strip("/")).replace("\\", ""))
        if bare and "{" not in bare:
            pattern = rf"(?<![\w/-])(?:{bare})(?=\s+(?:page|route|endpoint|path|list|request|api)s?\b)"
            named += [(match.start(), route) for match in re.finditer(pattern, text, re.IGNORECASE)]
    return sorted(named)
