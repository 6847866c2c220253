"""The operations, queries and values of registrations that other modules may use."""

from festgate.portal.registrations.claims import (
    claim_seats,
    confirm_seats,
    drop_seat,
    extend_seats,
    release_seats,
    unclaim_seats,
)
from festgate.portal.registrations.endings import EVENT, HOLDER, ORGANISER, EndedBy, ending_words
from festgate.portal.registrations.errors import SeatsGone, SeatUsed
from festgate.portal.registrations.facts import tickets_of
from festgate.portal.registrations.holds import IsUsed, release_seat, sweep_all, take_back_seat
from festgate.portal.registrations.line import (
    Entry,
    entries_of_event,
    entry_at,
    entry_by_id,
    entry_of_seat,
    own_place,
)
from festgate.portal.registrations.my_events import hold_hint
from festgate.portal.registrations.pauses import HoldKeeper, kept_sentence, pause_holds, resume_holds
from festgate.portal.registrations.personal_data import personal_records
from festgate.portal.registrations.queries import (
    Seat,
    SeatReferences,
    are_holds_paused,
    count_held,
    count_of_type,
    count_seats,
    count_seats_at,
    find_lapses,
    kept_until,
    live_seats,
    lock_seat,
    own_seats,
    payable_seats,
    seat,
    seats_of,
    seats_of_order,
)
from festgate.portal.registrations.waiting_list import (
    decline,
    offer_by_hand,
    put_on_list,
    remove,
)

__all__ = [
    "EVENT",
    "HOLDER",
    "ORGANISER",
    "EndedBy",
    "Entry",
    "HoldKeeper",
    "IsUsed",
    "Seat",
    "SeatReferences",
    "SeatUsed",
    "SeatsGone",
    "are_holds_paused",
    "claim_seats",
    "confirm_seats",
    "count_held",
    "count_of_type",
    "count_seats",
    "count_seats_at",
    "decline",
    "drop_seat",
    "ending_words",
    "entries_of_event",
    "entry_at",
    "entry_by_id",
    "entry_of_seat",
    "extend_seats",
    "find_lapses",
    "hold_hint",
    "kept_sentence",
    "kept_until",
    "live_seats",
    "lock_seat",
    "offer_by_hand",
    "own_place",
    "own_seats",
    "pause_holds",
    "payable_seats",
    "personal_records",
    "put_on_list",
    "release_seat",
    "release_seats",
    "remove",
    "resume_holds",
    "seat",
    "seats_of",
    "seats_of_order",
    "sweep_all",
    "take_back_seat",
    "tickets_of",
    "unclaim_seats",
]
