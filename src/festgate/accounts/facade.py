"""What other modules may know of people."""

from festgate.accounts.names import key_of
from festgate.accounts.queries import Person, find_bearer, find_person, find_visitor, person_by_id
from festgate.accounts.sessions import forget_expired, note_seen

__all__ = [
    "Person",
    "find_bearer",
    "find_person",
    "find_visitor",
    "forget_expired",
    "key_of",
    "note_seen",
    "person_by_id",
]
