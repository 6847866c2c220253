"""Events at overlapping times, which one person cannot attend both."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from festgate.kit.clock import Milliseconds


class Timed(Protocol):
    """An event, or a seat at one."""

    @property
    def title(self) -> str:
        """The title of the event."""

    @property
    def starts_at(self) -> Milliseconds:
        """The start of the event."""

    @property
    def ends_at(self) -> Milliseconds:
        """The end of the event."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """The time that two events have in common."""

    first: str
    """The title of the event that starts first."""
    second: str
    starts_at: Milliseconds
    ends_at: Milliseconds


def overlaps_of(chosen: Iterable[Timed], others: Iterable[Timed], now: Milliseconds) -> tuple[Overlap, ...]:
    """Return the overlaps among `chosen`, and of these with `others`, that are not over yet, by their start.

    An event that starts when another one ends does not overlap with it.
    """
    ordered = sorted(
        chain(((entry, True) for entry in chosen), ((entry, False) for entry in others)),
        key=lambda pair: (pair[0].starts_at, pair[0].ends_at, pair[0].title),
    )
    overlaps: list[Overlap] = []
    for place, (first, is_chosen) in enumerate(ordered):
        for second, is_chosen_too in ordered[place + 1 :]:
            if second.starts_at >= first.ends_at:
                break
            end = min(first.ends_at, second.ends_at)
            # Two tickets for one event do not overlap.
            is_same = (first.title, first.starts_at, first.ends_at) == (
                second.title,
                second.starts_at,
                second.ends_at,
            )
            if (is_chosen or is_chosen_too) and end > now and not is_same:
                overlaps.append(Overlap(first.title, second.title, second.starts_at, end))
    # Several tickets for one event overlap with another event once.
    return tuple(sorted(dict.fromkeys(overlaps), key=lambda overlap: overlap.starts_at))
