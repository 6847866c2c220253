"""Warnings about rooms: events at the same time in one room, and events with more seats than their room has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from festgate.kit.clock import Milliseconds
from festgate.portal.catalogue.facade import Event, Overlap, Room, overlaps_of


@dataclass(frozen=True, slots=True)
class RoomOverlap:
    """Two events that take place in one room at the same time."""

    room: Room
    times: Overlap


@dataclass(frozen=True, slots=True)
class SmallRoom:
    """A room that holds fewer people than its event has seats."""

    event: Event
    room: Room


@dataclass(frozen=True, slots=True)
class RoomWarnings:
    """The warnings of one event, or of the whole fest."""

    overlaps: tuple[RoomOverlap, ...] = ()
    small: tuple[SmallRoom, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is any warning."""
        return bool(self.overlaps or self.small)


def room_warnings(events: Iterable[Event], now: Milliseconds, chosen: Event | None = None) -> RoomWarnings:
    """Return the warnings about drafts and published events that are not over; only those of `chosen` unless None."""
    by_room: dict[int, tuple[Room, list[Event]]] = {}
    for event in events:
        if event.room is not None and event.state != "cancelled":
            by_room.setdefault(event.room.id, (event.room, []))[1].append(event)
    overlaps: list[RoomOverlap] = []
    small: list[SmallRoom] = []
    for room, inside in by_room.values():
        own = [event for event in inside if chosen is None or event.id == chosen.id]
        overlaps += _overlaps_in(room, own, inside, now)
        small += [
            SmallRoom(event, room)
            for event in own
            if room.capacity is not None and event.capacity > room.capacity and not 0 < event.ends_at <= now
        ]
    return RoomWarnings(tuple(sorted(overlaps, key=lambda overlap: overlap.times.starts_at)), tuple(small))


def _overlaps_in(
    room: Room, own: Sequence[Event], inside: Sequence[Event], now: Milliseconds
) -> list[RoomOverlap]:
    """Return the overlaps of `own` events with all that are `inside` the room. A draft without its times has none."""
    ids = {event.id for event in own}
    timed = [event for event in inside if event.starts_at and event.ends_at]
    chosen = [event for event in timed if event.id in ids]
    others = [event for event in timed if event.id not in ids]
    return [RoomOverlap(room, times) for times in overlaps_of(chosen, others, now)]
