"""The signed-in visitor of a request, in the form that every module uses."""

from dataclasses import dataclass, field
from typing import Literal

from festgate.kit.clock import MINUTE, Milliseconds
from festgate.kit.roles import PERMISSIONS, Permission, Role

PROOF_LIFE = 10 * MINUTE
"""The time after which a sensitive action asks for the password again."""
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

    proved_at: Milliseconds = field(default=0, compare=False)
    """When the person last entered the password in this session, or got this token with it."""

    @property
    def shown_name(self) -> str:
        """Return the person's name, or the username in its place."""
        return self.name or self.username

    def may(self, permission: Permission) -> bool:
        """Return whether the visitor's role has the permission; a lead has it at their own events only."""
        return permission in PERMISSIONS[self.role]

    def may_everywhere(self, permission: Permission) -> bool:
        """Return whether the visitor has the permission for the whole fest: a lead never does."""
        return self.may(permission) and self.role != "lead"

    def has_proof(self, now: Milliseconds) -> bool:
        """Return whether the password was entered a moment ago, so that a sensitive action need not ask for it."""
        return now - self.proved_at <= PROOF_LIFE


@dataclass(frozen=True, slots=True)
class Actor:
    """The origin of an operation, for the audit log."""

    person: int | None
    """None for a command, and for what the portal does by itself."""
    origin: Literal["session", "token", "command", "portal"]
    address: str = ""
    """The client's address; empty for a command."""


COMMAND = Actor(None, "command")
"""The actor of every command on the command line."""
