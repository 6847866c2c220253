"""The operations, queries and values of accounts that other modules may use."""

from festgate.portal.accounts.attempts import (
    Limit,
    SeatLimit,
    SeatLimits,
    check_seats,
    count_attempt,
    count_seat,
    network_of,
    too_many,
    uncount_attempt,
)
from festgate.portal.accounts.confirmation import (
    AddressNotConfirmed,
    lock_unconfirmed,
    may_email,
    require_confirmed,
)
from festgate.portal.accounts.corrections import CrewAddress, check_correction, correct_shown_email
from festgate.portal.accounts.email_addresses import MAX_EMAIL_LENGTH
from festgate.portal.accounts.names import MAX_PERSON_NAME_LENGTH, key_of, read_email, read_person_name
from festgate.portal.accounts.people import Taken
from festgate.portal.accounts.personal_data import (
    AllRecords,
    Forecast,
    PersonalRecords,
    Values,
    export_amount,
    export_time,
)
from festgate.portal.accounts.queries import (
    Person,
    find_bearer,
    find_people,
    find_person,
    find_visitor,
    person_by_id,
)
from festgate.portal.accounts.sessions import note_seen

__all__ = [
    "MAX_EMAIL_LENGTH",
    "MAX_PERSON_NAME_LENGTH",
    "AddressNotConfirmed",
    "AllRecords",
    "CrewAddress",
    "Forecast",
    "Limit",
    "Person",
    "PersonalRecords",
    "SeatLimit",
    "SeatLimits",
    "Taken",
    "Values",
    "check_correction",
    "check_seats",
    "correct_shown_email",
    "count_attempt",
    "count_seat",
    "export_amount",
    "export_time",
    "find_bearer",
    "find_people",
    "find_person",
    "find_visitor",
    "key_of",
    "lock_unconfirmed",
    "may_email",
    "network_of",
    "note_seen",
    "person_by_id",
    "read_email",
    "read_person_name",
    "require_confirmed",
    "too_many",
    "uncount_attempt",
]
