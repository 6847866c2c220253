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
from festgate.portal.registrations.holders import (
    NOBODY,
    Holder,
    name_seats,
    read_holder,
    read_holders,
    write_holder,
)
from festgate.portal.registrations.holds import IsUsed, release_seat, sweep_all, take_back_seat
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
from festgate.portal.registrations.team_queries import Team, team_by_id, teams_at
from festgate.portal.registrations.teams import ReplaceCode, cancel_team, link_of, rename_team

__all__ = [
    "EVENT",
    "HOLDER",
    "NOBODY",
    "ORGANISER",
    "EndedBy",
    "HoldKeeper",
    "Holder",
    "IsUsed",
    "ReplaceCode",
    "Seat",
    "SeatReferences",
    "SeatUsed",
    "SeatsGone",
    "Team",
    "are_holds_paused",
    "cancel_team",
    "claim_seats",
    "confirm_seats",
    "count_held",
    "count_of_type",
    "count_seats",
    "count_seats_at",
    "drop_seat",
    "ending_words",
    "extend_seats",
    "find_lapses",
    "hold_hint",
    "kept_sentence",
    "kept_until",
    "link_of",
    "live_seats",
    "lock_seat",
    "name_seats",
    "own_seats",
    "pause_holds",
    "payable_seats",
    "personal_records",
    "read_holder",
    "read_holders",
    "release_seat",
    "release_seats",
    "rename_team",
    "resume_holds",
    "seat",
    "seats_of",
    "seats_of_order",
    "sweep_all",
    "take_back_seat",
    "team_by_id",
    "teams_at",
    "tickets_of",
    "unclaim_seats",
    "write_holder",
]
