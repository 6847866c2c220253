"""The operations, queries and values of accounts that other modules may use."""

from festgate.portal.accounts.attempts import (
    Limit,
    SeatLimit,
    SeatLimits,
    address_limit,
    check_seats,
    count_attempt,
    count_seat,
    network_of,
    too_many,
    uncount_attempt,
)
from festgate.portal.accounts.confirmation import (
    UNCONFIRMED_HOLD_MINUTES,
    AddressNotConfirmed,
    lock_unconfirmed,
    may_email,
    require_confirmed,
)
from festgate.portal.accounts.corrections import CrewAddress, check_correction, correct_shown_email
from festgate.portal.accounts.deletion import AccountInUse, delete_account, plan_deletion
from festgate.portal.accounts.email_addresses import MAX_EMAIL_LENGTH
from festgate.portal.accounts.guest_claims import claimers
from festgate.portal.accounts.guest_finding import send_link_to_guest
from festgate.portal.accounts.guest_links import LIFE as GUEST_LINK_LIFE
from festgate.portal.accounts.guest_links import add_link, end_links
from festgate.portal.accounts.guests import (
    GuestEntry,
    admit_guest,
    end_guest_access,
    form_key,
    guest_ids,
    guest_to_delete,
    has_guest,
    is_same_guest,
    lock_guest,
    open_guest_session,
    read_guest,
)
from festgate.portal.accounts.names import (
    MAX_PASSWORD_LENGTH,
    MAX_PERSON_NAME_LENGTH,
    MIN_PASSWORD_LENGTH,
    key_of,
    read_email,
    read_password,
    read_person_name,
    read_username,
)
from festgate.portal.accounts.passwords import hash_password
from festgate.portal.accounts.people import Newcomer, Taken, add_person
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
    has_people,
    person_by_id,
)
from festgate.portal.accounts.sessions import LIFE as SESSION_LIFE
from festgate.portal.accounts.sessions import Session, end_session, note_seen, open_session
from festgate.portal.accounts.strength import find_weakness

__all__ = [
    "GUEST_LINK_LIFE",
    "MAX_EMAIL_LENGTH",
    "MAX_PASSWORD_LENGTH",
    "MAX_PERSON_NAME_LENGTH",
    "MIN_PASSWORD_LENGTH",
    "SESSION_LIFE",
    "UNCONFIRMED_HOLD_MINUTES",
    "AccountInUse",
    "AddressNotConfirmed",
    "AllRecords",
    "CrewAddress",
    "Forecast",
    "GuestEntry",
    "Limit",
    "Newcomer",
    "Person",
    "PersonalRecords",
    "SeatLimit",
    "SeatLimits",
    "Session",
    "Taken",
    "Values",
    "add_link",
    "add_person",
    "address_limit",
    "admit_guest",
    "check_correction",
    "check_seats",
    "claimers",
    "correct_shown_email",
    "count_attempt",
    "count_seat",
    "delete_account",
    "end_guest_access",
    "end_links",
    "end_session",
    "export_amount",
    "export_time",
    "find_bearer",
    "find_people",
    "find_person",
    "find_visitor",
    "find_weakness",
    "form_key",
    "guest_ids",
    "guest_to_delete",
    "has_guest",
    "has_people",
    "hash_password",
    "is_same_guest",
    "key_of",
    "lock_guest",
    "lock_unconfirmed",
    "may_email",
    "network_of",
    "note_seen",
    "open_guest_session",
    "open_session",
    "person_by_id",
    "plan_deletion",
    "read_email",
    "read_guest",
    "read_password",
    "read_person_name",
    "read_username",
    "require_confirmed",
    "send_link_to_guest",
    "too_many",
    "uncount_attempt",
]
