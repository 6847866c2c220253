"""Invitations: calendars in emails that add an event to the recipient's calendar, update it there, or remove it.

The formats are those of RFC 5546 (iTIP) and RFC 6047 (iMIP). Each invitation has one attendee, its recipient, and asks
for no answer. A calendar program that answers all the same writes to the organisers' mailbox.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

from festgate.kit.clock import Milliseconds
from festgate.portal.catalogue.calendars import calendar_of, folded, in_utc, properties_of
from festgate.portal.catalogue.queries import Event

Method: TypeAlias = Literal["REQUEST", "CANCEL"]
"""REQUEST adds or updates the entry, and CANCEL removes it."""

_IN_ADDRESS: Final = "@!$'*+"
"""Marks of addresses that need no percent sign in a `mailto:` address (RFC 6068, section 2)."""
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_IN_NAME: Final = str.maketrans({'"': "'", "^": "^^"})
"""A parameter cannot have a double quote, and `^` begins an escape (RFC 6868)."""


@dataclass(frozen=True, slots=True)
class Party:
    """The organiser or the attendee of an invitation."""

    name: str
    email: str


def invitation(
    event: Event, base_url: str, organiser: Party, attendee: Party, at: Milliseconds, method: Method
) -> str:
    """Return the event as an invitation for one attendee, made at the time `at`.

    A CANCEL of an event that is not cancelled ends the invitation of this attendee alone.
    """
    before, after = _frame(event, base_url, organiser, method)
    own = f"DTSTAMP:{in_utc(at)}\r\n" + _line(
        "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE", attendee
    )
    return before + own + after


@lru_cache(maxsize=512)
def _frame(event: Event, base_url: str, organiser: Party, method: Method) -> tuple[str, str]:
    """Return the calendar before and after the lines of one attendee. It is cached: that saves 2 % of an order."""
    properties = properties_of(event, base_url)
    del properties["DTSTAMP"]
    if method == "CANCEL" and event.state != "cancelled":
        # RFC 5546, section 3.2.5: with a status, the CANCEL would be one of the whole event.
        del properties["STATUS"]
    before, end, after = calendar_of([properties], {"METHOD": method}).partition("END:VEVENT\r\n")
    return f"{before}{_line('ORGANIZER', organiser)}", end + after


def _line(name: str, party: Party) -> str:
    """Return a folded line that names the party."""
    shown = " ".join(_CONTROLS.sub(" ", party.name).split())
    named = f';CN="{shown.translate(_IN_NAME)}"' if shown else ""
    return f"{folded(f'{name}{named}:mailto:{quote(party.email, safe=_IN_ADDRESS)}')}\r\n"
