"""Who is asking, as every module sees them; `accounts` finds out."""

from dataclasses import dataclass, field
from typing import Literal

from festgate.kit.clock import MINUTE, Milliseconds

Role = Literal["attendee", "staff", "organiser"]
SEEN_EVERY = 30 * MINUTE
"""How late a session's last use may be stored: one small write in that time, none in an opening's first minutes."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is signed in."""

    person: int
    username: str
    email: str
    role: Role
    is_confirmed: bool = False
    """Whether the person has shown that email reaches them."""
    seen_at: Milliseconds = field(default=0, compare=False)
    """When the session's last use was stored."""

    @property
    def organises(self) -> bool:
        """May publish events and settle orders."""
        return self.role == "organiser"

    @property
    def admits(self) -> bool:
        """May check people in at the door."""
        return self.role in ("staff", "organiser")
