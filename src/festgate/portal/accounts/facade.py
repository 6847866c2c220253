"""The operations, queries and values of accounts that other modules may use."""

from festgate.portal.accounts.attempts import SeatLimit, SeatLimits, check_seats, count_seat, too_many
from festgate.portal.accounts.confirmation import (
    AddressNotConfirmed,
    lock_unconfirmed,
    may_email,
    require_confirmed,
)
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.personal_data import (
    AllRecords,
    Forecast,
    PersonalRecords,
    Values,
    export_amount,
    export_time,
)
from festgate.portal.accounts.queries import Person, find_bearer, find_person, find_visitor, person_by_id
from festgate.portal.accounts.sessions import note_seen

__all__ = [
    "AddressNotConfirmed",
    "AllRecords",
    "Forecast",
    "Person",
    "PersonalRecords",
    "SeatLimit",
    "SeatLimits",
    "Values",
    "check_seats",
    "count_seat",
    "export_amount",
    "export_time",
    "find_bearer",
    "find_person",
    "find_visitor",
    "key_of",
    "lock_unconfirmed",
    "may_email",
    "note_seen",
    "person_by_id",
    "require_confirmed",
    "too_many",
]
