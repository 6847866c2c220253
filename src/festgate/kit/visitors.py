"""Who is asking, as every module sees them; `accounts` finds out."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["attendee", "staff", "organiser"]


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is signed in."""

    person: int
    username: str
    email: str
    role: Role
    is_confirmed: bool = False
    """Whether the person has shown that email reaches them."""

    @property
    def organises(self) -> bool:
        """May publish events and settle orders."""
        return self.role == "organiser"

    @property
    def admits(self) -> bool:
        """May check people in at the door."""
        return self.role in ("staff", "organiser")
