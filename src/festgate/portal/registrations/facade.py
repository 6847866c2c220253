"""The operations, queries and values of registrations that other modules may use."""

from festgate.portal.registrations.answer_forms import FormGroup, entered_answers, form_groups
from festgate.portal.registrations.answer_values import MAX_ANSWER, YES, shown_answer
from festgate.portal.registrations.answers import (
    Answer,
    AnswerSheet,
    answer_sheet,
    count_answers,
    door_answers,
    require_answers,
    save_answers,
)
from festgate.portal.registrations.cancellations import release_seat, take_back_seat
from festgate.portal.registrations.choices import Choice, read_choice
from festgate.portal.registrations.claims import (
    claim_seats,
    confirm_seats,
    drop_seat,
    extend_seats,
    release_seats,
    unclaim_seats,
)
from festgate.portal.registrations.endings import EVENT, EXCHANGE, HOLDER, ORGANISER, EndedBy, ending_words
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    AnswersNeeded,
    NotExchangeable,
    SeatsGone,
    SeatUsed,
    TooManyTickets,
)
from festgate.portal.registrations.exchanges import check_exchange, exchange_seat
from festgate.portal.registrations.facts import tickets_of
from festgate.portal.registrations.files import any_file, delete_answers, file_of_event, forget_ended_files
from festgate.portal.registrations.gifts import give_seat
from festgate.portal.registrations.holders import (
    NOBODY,
    Holder,
    name_seats,
    read_holder,
    read_holders,
    write_holder,
)
from festgate.portal.registrations.holds import sweep_all
from festgate.portal.registrations.line import (
    Entry,
    entries_of_event,
    entry_at,
    entry_by_id,
    entry_of_seat,
    own_place,
)
from festgate.portal.registrations.my_events import hold_hint
from festgate.portal.registrations.pause_queries import are_holds_paused
from festgate.portal.registrations.pauses import HoldKeeper, kept_sentence, pause_holds, resume_holds
from festgate.portal.registrations.personal_data import personal_records
from festgate.portal.registrations.queries import (
    IsUsed,
    Seat,
    SeatReferences,
    count_held,
    count_of_type,
    count_passes,
    count_seats,
    count_seats_at,
    find_lapses,
    kept_until,
    live_seats,
    lock_seat,
    own_seats,
    payable_seats,
    places_of_pass,
    seat,
    seats_of,
    seats_of_order,
    times_of_seat,
    titles_of_places,
)
from festgate.portal.registrations.seat_overlaps import seat_overlaps
from festgate.portal.registrations.sold_seats import sell_seats
from festgate.portal.registrations.sums import SeatTotals, count_all_seats, count_taken, was_registered_for
from festgate.portal.registrations.team_queries import Team, team_by_id, teams_at
from festgate.portal.registrations.teams import ReplaceCode, cancel_team, link_of, rename_team
from festgate.portal.registrations.waiting_list import decline, offer_by_hand, put_on_list, remove

__all__ = [
    "EVENT",
    "EXCHANGE",
    "HOLDER",
    "MAX_ANSWER",
    "NOBODY",
    "ORGANISER",
    "YES",
    "AlreadyRegistered",
    "Answer",
    "AnswerSheet",
    "AnswersNeeded",
    "Choice",
    "EndedBy",
    "Entry",
    "FormGroup",
    "HoldKeeper",
    "Holder",
    "IsUsed",
    "NotExchangeable",
    "ReplaceCode",
    "Seat",
    "SeatReferences",
    "SeatTotals",
    "SeatUsed",
    "SeatsGone",
    "Team",
    "TooManyTickets",
    "answer_sheet",
    "any_file",
    "are_holds_paused",
    "cancel_team",
    "check_exchange",
    "claim_seats",
    "confirm_seats",
    "count_all_seats",
    "count_answers",
    "count_held",
    "count_of_type",
    "count_passes",
    "count_seats",
    "count_seats_at",
    "count_taken",
    "decline",
    "delete_answers",
    "door_answers",
    "drop_seat",
    "ending_words",
    "entered_answers",
    "entries_of_event",
    "entry_at",
    "entry_by_id",
    "entry_of_seat",
    "exchange_seat",
    "extend_seats",
    "file_of_event",
    "find_lapses",
    "forget_ended_files",
    "form_groups",
    "give_seat",
    "hold_hint",
    "kept_sentence",
    "kept_until",
    "link_of",
    "live_seats",
    "lock_seat",
    "name_seats",
    "offer_by_hand",
    "own_place",
    "own_seats",
    "pause_holds",
    "payable_seats",
    "personal_records",
    "places_of_pass",
    "put_on_list",
    "read_choice",
    "read_holder",
    "read_holders",
    "release_seat",
    "release_seats",
    "remove",
    "rename_team",
    "require_answers",
    "resume_holds",
    "save_answers",
    "seat",
    "seat_overlaps",
    "seats_of",
    "seats_of_order",
    "sell_seats",
    "shown_answer",
    "sweep_all",
    "take_back_seat",
    "team_by_id",
    "teams_at",
    "tickets_of",
    "times_of_seat",
    "titles_of_places",
    "unclaim_seats",
    "was_registered_for",
    "write_holder",
]
