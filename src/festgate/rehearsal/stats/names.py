"""Names of steps that contain visitors' values, such as `/orders/4711`: how they are recognised and rolled up.

If a locustfile gives no `name=` to a request with a value in its path, each value becomes a row. Such rows describe
nothing, and make a report of many megabytes.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

import numpy as np

from festgate.rehearsal.runs.recording import OTHER_NAMES
from festgate.rehearsal.runs.samples import Samples
from festgate.rehearsal.stats.limits import MANY_NAMES

SPARSE_NAMES: Final = 10
"""Steps; from this number on, a median of MIN_PER_NAME requests or fewer shows that names contain users' values."""
MIN_PER_NAME: Final = 3
VALUE: Final = "{}"
"""The part of a name that replaces values."""
_MANY_WORDS: Final = 50
"""Different words at one place of many names; no journey has that many pages at one level of its paths."""
_MAX_ROUTES: Final = 100
"""Names after rolling up; the requests of all further ones are counted together."""
_PARTS: Final = re.compile(r"[^/?&=;,:\s]+|[/?&=;,:\s]+")


def has_many_names(requests: Collection[int]) -> bool:
    """Return whether steps with these numbers of requests are values rather than routes."""
    names = len(requests)
    return names >= MANY_NAMES or (names >= SPARSE_NAMES and median(requests) <= MIN_PER_NAME)


def rolled_up(samples: Samples) -> Samples:
    """Return the samples with one name for each route if their names contain values, otherwise unchanged."""
    counts = np.bincount(samples.name, minlength=len(samples.names))
    requests = {name: int(count) for name, count in zip(samples.names, counts, strict=True) if count}
    if not has_many_names(requests.values()):
        return samples
    routes = _routes(requests)
    names = tuple(dict.fromkeys(routes.get(name, name) for name in samples.names))
    numbers = {name: number for number, name in enumerate(names)}
    new = np.array([numbers[routes.get(name, name)] for name in samples.names], np.int64)
    return replace(samples, names=names, name=new[samples.name])


def _routes(requests: Mapping[str, int]) -> dict[str, str]:
    """Return the route of each name."""
    routes = dict(_merged([(name, _PARTS.findall(name)) for name in requests], len(requests) >= MANY_NAMES))
    totals: dict[str, int] = {}
    for name, route in routes.items():
        totals[route] = totals.get(route, 0) + requests[name]
    frequent = sorted(totals, key=lambda route: -totals[route])[:_MAX_ROUTES]
    kept = frozenset(frequent)
    return {name: route if route in kept else OTHER_NAMES for name, route in routes.items()}


def _merged(names: Sequence[tuple[str, Sequence[str]]], many: bool) -> Iterable[tuple[str, str]]:  # noqa: FBT001
    """Yield each name with its route; `names` are split into parts."""
    # A stack instead of recursion, because a name can have any number of parts.
    waiting = [("", 0, list(names))]
    while waiting:
        prefix, place, group = waiting.pop()
        if len(group) == 1:
            name, parts = group[0]
            yield name, prefix + "".join(parts[place:])
            continue
        followers: dict[str, list[tuple[str, Sequence[str]]]] = {}
        for name, parts in group:
            if place == len(parts):
                yield name, prefix
            else:
                followers.setdefault(parts[place], []).append((name, parts))
        if _are_values(followers, many=many):
            waiting.append(
                (prefix + VALUE, place + 1, [entry for some in followers.values() for entry in some])
            )
        else:
            waiting += [(prefix + word, place + 1, some) for word, some in followers.items()]


def _are_values(words: Collection[str], *, many: bool) -> bool:
    if len(words) < SPARSE_NAMES:
        return False
    numbered = sum(any(character.isdigit() for character in word) for word in words)
    return 2 * numbered >= len(words) or (many and len(words) >= _MANY_WORDS)
