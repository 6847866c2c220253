"""Finds the claims of a report: figures before and after, figures of one side, and improvements in per cent."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

from festgate.lab.audit.directions import Direction, clauses_in, direction_of
from festgate.lab.audit.prose import Prose, Sentence
from festgate.lab.audit.quantities import ABOUT, Quantity, mask, quantities_in
from festgate.lab.audit.words import (
    NEGATION,
    NOT_A_TIME,
    Metric,
    Side,
    last_side_of,
    metric_of,
    routes_in,
    side_of,
)

ClaimKind = Literal["pair", "figure", "share", "words"]
"""Two figures; one figure; `50 % faster` (in `claim.share`); or a statement about a change without a figure."""
_BEFORE: Final = re.compile(
    r"\b(?:before|baseline|old|original(?:ly)?|initial(?:ly)?|earlier|previous(?:ly)?|un-?optimi[sz]ed|was|were|had)\b",
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    r"\b(?:after(?:wards)?|new|now|optimi[sz]ed|improved|final(?:ly)?|fixed|is|are|became|becomes)\b",
    re.IGNORECASE,
)
_STRONG_BEFORE: Final = re.compile(
    r"\b(?:before|baseline|originally|initially|previously|earlier)\b", re.IGNORECASE
)
_STRONG_AFTER: Final = re.compile(r"\b(?:after(?:wards)?|now|optimi[sz]ed)\b", re.IGNORECASE)
_ARROW: Final = r"-{1,2}>|=>|[\u2192\u27f6\u2794\u279c]|[\u2013\u2014]>"
_FORWARD: Final = re.compile(
    rf"\s*(?:\([^)]*\)\s*)?,?\s*(?:(?:down |up )?to\b|{_ARROW})\s*{ABOUT}", re.IGNORECASE
)
_THAN: Final = r"from|instead of|compared (?:to|with)|rather than|against|as opposed to"
_REVERSE: Final = re.compile(
    r"(?:\s+(?:after|now)\b[^.;()\d]{0,30}?)?\s*[(,]?\s*(?:down |up )?"
    rf"(?:{_THAN})\s+(?:the \w+ )?{ABOUT}",
    re.IGNORECASE,
)
_FROM: Final = re.compile(rf"\bfrom\s+{ABOUT}$", re.IGNORECASE)
CHANGE: Final = re.compile(
    r"\b(?:fell|fall\w*|drop\w*|decreas\w*|reduc\w*|went|came|improv\w*|increas\w*|r[io]se\w*|shr[aiu]nk\w*|cut\w*|sped"
    r"|lower\w*|rais\w*|gr[eo]w\w*|doubl\w*|better|faster|higher|boost\w*)\b",
    re.IGNORECASE,
)
_TO: Final = re.compile(
    rf"{CHANGE.pattern}[^.;]{{0,40}}\bto\s+{ABOUT}$|\b(?:is|are) now\s+{ABOUT}$", re.IGNORECASE
)
_BY: Final = re.compile(rf"{CHANGE.pattern}[^.;]{{0,60}}\bby\s+{ABOUT}$", re.IGNORECASE)
_NAMED: Final = re.compile(rf"[:=]\s*{ABOUT}$", re.IGNORECASE)
_SHARE: Final = re.compile(
    r"\s*(?:as\s+)?(?:faster|fast\b|quicker|lower|less|better|reduction|decrease|drop|improvement|increase|higher"
    r"|more requests|speed-?\s?up|gain|slower|shorter)",
    re.IGNORECASE,
)
_TWICE: Final = re.compile(r"\b(?:twice as (?:fast|quick)|halved|doubled)\b", re.IGNORECASE)
_FASTER: Final = re.compile(
    r"\b(?:fast\w*|quick\w*|speed\w*|sped|improv\w*|reduc\w*|drop\w*|decreas\w*|fell|lower\w*|less|short\w*|better"
    r"|cut|halved)\b",
    re.IGNORECASE,
)
_SLOWER: Final = re.compile(r"\b(?:slow\w*|worse\w*|longer)\b", re.IGNORECASE)
_NOT: Final = re.compile(r"\b(?:not|never|cannot|no longer|neither|nor)\b|n't\b", re.IGNORECASE)
_NEAR: Final = 30
"""Characters before a number in which a word can change its meaning or negate it."""
_MAX_ROUTES: Final = 100
MAX_LENGTH: Final = 160
"""Characters of a sentence that are shown."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of a report about its figures."""

    kind: ClaimKind
    text: str
    """The sentence, shortened."""
    line: int
    """Line of the document, not of its page."""
    route: str
    """`/events`; empty if the claim names no route."""
    metric: Metric | None
    """The column that the claim names."""
    before: Quantity | None = None
    after: Quantity | None = None
    share: Quantity | None = None
    """Per cent or a factor."""
    better: bool = False
    """The claim calls its share an improvement."""
    negated: bool = False
    """The claim states that something did not change."""
    direction: Direction = 0
    """The direction of the change that its words describe."""

    @property
    def figures(self) -> tuple[tuple[Side, Quantity], ...]:
        """The figures that a table must contain, with their sides."""
        sides: tuple[tuple[Side, Quantity | None], ...] = (("before", self.before), ("after", self.after))
        return tuple((side, figure) for side, figure in sides if figure is not None)


def claims_of(prose: Prose, routes: tuple[str, ...]) -> list[Claim]:
    """Return the claims of the prose by their lines; `routes` are the routes of the report's tables."""
    claims = [claim for sentence in prose.sentences for claim in _of_sentence(sentence, routes)]
    return sorted(claims, key=lambda claim: claim.line)


def _of_sentence(sentence: Sentence, routes: tuple[str, ...]) -> Iterator[Claim]:
    text = mask(sentence.text)
    quantities = quantities_in(text)
    claims = [
        *_figures(
            sentence,
            text,
            [quantity for quantity in quantities if quantity.unit not in ("percent", "times")],
            routes,
        ),
        *_shares(sentence, text, quantities, routes),
    ]
    yield from claims
    change = CHANGE.search(text)
    stated = {claim.metric for claim in claims}
    if change is not None and metric_of(sentence.text) == "rate" and "rate" not in stated:
        verb = Quantity(0.0, "rate", 1.0, change.start(), change.end())
        claim = _claim(sentence, "words", verb, verb, routes)
        directions = (clause.direction for clause in clauses_in(sentence.text) if clause.metric == "rate")
        yield replace(
            claim,
            metric="rate",
            negated=NEGATION.search(text) is not None,
            direction=next(directions, 0),
        )
    if claims:
        return
    # `mask` hides the names of columns such as p95, in which a digit is no quantity.
    for clause in clauses_in(sentence.text):
        if clause.metric != "rate":
            mention = Quantity(0.0, "ms", 1.0, clause.start, clause.start)
            yield replace(
                _claim(sentence, "words", mention, mention, routes),
                metric=clause.metric,
                direction=clause.direction,
            )


def _figures(
    sentence: Sentence, text: str, figures: Sequence[Quantity], routes: tuple[str, ...]
) -> Iterator[Claim]:
    """Yield the pairs of figures, then the claims about a single figure."""
    paired: set[int] = set()
    for first, second in pairwise(figures):
        if first.start not in paired and (pair := _pair(sentence, text, first, second, routes)) is not None:
            paired |= {first.start, second.start}
            yield pair
    for figure in figures:
        if figure.start not in paired and (single := _figure(sentence, text, figure, routes)) is not None:
            yield single


def _shares(
    sentence: Sentence, text: str, quantities: Sequence[Quantity], routes: tuple[str, ...]
) -> Iterator[Claim]:
    for quantity in quantities:
        if quantity.unit in ("percent", "times") and _is_share(text, quantity):
            yield _share(sentence, text, quantity, routes)
    for match in _TWICE.finditer(text):
        yield _share(sentence, text, Quantity(2.0, "times", 0.2, match.start(), match.end()), routes)


def _share(sentence: Sentence, text: str, share: Quantity, routes: tuple[str, ...]) -> Claim:
    near = text[max(share.start - 2 * _NEAR, 0) : share.end + _NEAR]
    better = _SLOWER.search(near) is None and _FASTER.search(near) is not None
    return replace(_claim(sentence, "share", share, share, routes), share=share, better=better)


def _pair(
    sentence: Sentence, text: str, first: Quantity, second: Quantity, routes: tuple[str, ...]
) -> Claim | None:
    earlier = text[: first.start]
    lead = re.split(r"\d[\d.,]*\s?(?:ms|s|%)?", earlier)[-1]
    gap = text[first.end : second.start]
    if {first.unit, second.unit} == {"ms", "rate"}:
        return None
    order = _order(lead, gap, text[second.end : second.end + 12], both=bool(first.unit and second.unit))
    if not order:
        return None
    claim = _claim(sentence, "pair", first, second, routes)
    unit = first.unit or second.unit or ("rate" if claim.metric == "rate" else "")
    if not unit and claim.metric is None:
        return None
    if NOT_A_TIME.search(lead[-_NEAR:]) or (
        not (first.unit and second.unit) and NOT_A_TIME.search(text[second.end :][:15])
    ):
        return None
    first, second = (figure.as_unit(unit or "ms") for figure in (first, second))
    return replace(
        claim,
        before=first if order > 0 else second,
        after=second if order > 0 else first,
        metric="rate" if unit == "rate" else claim.metric,
        direction=_direction(text, first.start, is_rate=unit == "rate"),
    )


def _direction(text: str, place: int, *, is_rate: bool) -> Direction:
    """Return the direction in the words before the figures, from the start of the sentence or the figures before."""
    lead = re.split(r"\d[\d.,]*\s?(?:ms|s|%)?", text[:place])[-1]
    return direction_of(lead[-3 * _NEAR :], is_rate=is_rate)


def _order(lead: str, gap: str, behind: str, *, both: bool) -> int:
    """Return 1 if the first number is the figure before, -1 if it is the figure after, 0 if they are not a pair."""
    if _FORWARD.fullmatch(gap):
        arrow = re.search(_ARROW, gap) is not None
        return 1 if arrow or both or _FROM.search(lead) or CHANGE.search(lead) else 0
    if _REVERSE.fullmatch(gap):
        return -1
    named = metric_of(lead), metric_of(gap)
    if None not in named and named[0] != named[1]:
        return 0
    if _STRONG_AFTER.search(lead[-2 * _NEAR :]) and _STRONG_BEFORE.search(gap + behind):
        return -1
    if (
        _BEFORE.search(lead[-2 * _NEAR :]) or re.match(r"\s*\(?(?:before|originally)", gap)
    ) and _AFTER.search(gap):
        return 1
    return 0


def _figure(sentence: Sentence, text: str, figure: Quantity, routes: tuple[str, ...]) -> Claim | None:
    """Return a claim about a figure of one side: "fell to 324 ms", "After: 324 ms"."""
    lead = text[: figure.start]
    claim = _claim(sentence, "figure", figure, figure, routes)
    unit = figure.unit or ("rate" if claim.metric == "rate" else "ms" if claim.metric is not None else "")
    if not unit or NOT_A_TIME.search(lead[-_NEAR:]):
        return None
    side: Side | None = None
    if _TO.search(lead):
        side = "after"
    elif figure.unit or (claim.metric is not None and (sentence.label or _NAMED.search(lead))):
        side = last_side_of(lead) or side_of(text) or side_of(sentence.label) or side_of(sentence.title)
        # Unless a column or a side is named nearby, the number can be any time that the author mentions.
        side = side if claim.metric is not None or side_of(lead[-2 * _NEAR :]) is not None else None
    if side is None:
        return None
    metric: Metric | None = "rate" if unit == "rate" else claim.metric
    before, after = (figure.as_unit(unit) if side == name else None for name in ("before", "after"))
    direction = _direction(text, figure.start, is_rate=unit == "rate")
    return replace(claim, before=before, after=after, metric=metric, direction=direction)


def _is_share(text: str, quantity: Quantity) -> bool:
    lead, behind = text[: quantity.start], text[quantity.end :]
    if not quantity.value or re.match(
        r"\s*(?:of\b|confidence|interval|CI\b|failures?)", behind, re.IGNORECASE
    ):
        return False
    return _BY.search(lead) is not None or _SHARE.match(behind) is not None


def _claim(
    sentence: Sentence, kind: ClaimKind, first: Quantity, last: Quantity, routes: tuple[str, ...]
) -> Claim:
    text = sentence.text
    named = [(place, route) for place, route in routes_in(text, routes)]
    near = [route for place, route in named if place < first.start] or [route for _, route in named[:1]]
    for other in (sentence.earlier, sentence.label, sentence.title):
        near = near or [route for _, route in routes_in(other, routes)]
    behind = re.split(r"\d[\d.,]*\s?(?:ms|s)\b|[;,]", text[last.end :])[0]
    return Claim(
        kind=kind,
        text=_excerpt(text, first.start),
        line=sentence.line(first.start),
        route=near[-1] if near else "",
        metric=metric_of(text[: first.start]) or metric_of(text[first.start : last.end]) or metric_of(behind),
        negated=_NOT.search(mask(text)[max(first.start - 2 * _NEAR, 0) : first.start]) is not None,
    )


def _excerpt(text: str, begin: int) -> str:
    """Return the text if it is short, otherwise the part of it around that offset."""
    if len(text) <= MAX_LENGTH:
        return text
    first = max(min(begin - MAX_LENGTH // 2, len(text) - MAX_LENGTH), 0)
    first = first and text.find(" ", first, begin) + 1
    last = first + MAX_LENGTH - 2
    shown = text[first:last] if last >= len(text) else text[first:last].rsplit(" ", 1)[0] + "\u2026"
    return f"\u2026{shown}" if first else shown


def every_route(names: Sequence[str]) -> tuple[str, ...]:
    """Return the routes without repetition, the longest first, so that `/events` is not found in `/my-events`.

    Return none if there are too many: they are then values of single visitors, and prose does not name them.
    """
    routes = sorted(set(names), key=lambda name: (-len(name), name))
    return tuple(routes) if len(routes) <= _MAX_ROUTES else ()
