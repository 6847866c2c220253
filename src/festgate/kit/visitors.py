"""The signed-in visitor of a request, in the form that every module uses."""

from dataclasses import dataclass, field
from typing import Literal

from festgate.kit.clock import MINUTE, Milliseconds

Role = Literal["attendee", "staff", "organiser"]
SEEN_EVERY = 30 * MINUTE
"""Minimum time between two stored uses of a session, so that an opening's first minutes need no such writes."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person, or a guest whose browser has bought something or opened a link."""

    person: int
    username: str
    email: str
    role: Role
    is_confirmed: bool = False
    """Whether the person has confirmed their email address."""
    name: str = ""
    """The person's name; empty if they have not entered one."""
    seen_at: Milliseconds = field(default=0, compare=False)
    """Time of the session's last stored use."""

    is_guest: bool = False
    """Whether the person buys without an account: sees own orders and tickets, and no page of an account."""

    @property
    def shown_name(self) -> str:
        """Return the person's name, or the username in its place."""
        return self.name or self.username

    @property
    def organises(self) -> bool:
        """Return whether the visitor may publish events and settle orders."""
        return self.role == "organiser"

    @property
    def admits(self) -> bool:
        """Return whether the visitor may check people in at the door."""
        return self.role in ("staff", "organiser")
