"""Seats of one person at overlapping times. The events of a pass may overlap with each other."""

from collections.abc import Sequence

from festgate.kit.clock import Milliseconds
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.queries import Seat


def seat_overlaps(
    chosen: Sequence[Seat], live: Sequence[Seat], now: Milliseconds
) -> tuple[catalogue.Overlap, ...]:
    """Return the overlaps of `chosen` seats, and of the places of chosen passes, with others of the person.

    `live` are all live seats and places of the person.
    """
    if len(live) < 2:  # noqa: PLR2004  (two seats can overlap)
        return ()
    if not any(seat.is_pass for seat in live):
        return catalogue.overlaps_of(chosen, [seat for seat in live if seat not in chosen], now)
    tickets = {seat.id for seat in chosen}
    overlaps = [
        overlap
        for part in live
        if _ticket_of(part) in tickets
        for overlap in catalogue.overlaps_of(
            [part], [other for other in live if _ticket_of(other) != _ticket_of(part)], now
        )
    ]
    return tuple(sorted(dict.fromkeys(overlaps), key=lambda overlap: overlap.starts_at))


def _ticket_of(seat: Seat) -> int:
    return seat.pass_seat_id or seat.id
