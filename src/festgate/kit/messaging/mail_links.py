"""Secret links in emails: the queue holds a placeholder, and the link is made when the email is sent."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from festgate.kit.db.statements import Connection


def _placeholder() -> str:
    return f"[link {secrets.token_hex(16)}]"


@dataclass(frozen=True)
class Link:
    """A secret link in an email. The queue holds `placeholder`; the postman makes the link when it sends the email.

    Whoever reads the database or a backup of it could use the link otherwise. The placeholder is random and made after
    everything that people have typed, so nobody can type it.
    """

    kind: str
    """Names the function that makes it, such as `accounts.password`."""
    arguments: tuple[int | str, ...]
    """What that function takes; kept as JSON."""
    placeholder: str = field(default_factory=_placeholder)

    def __str__(self) -> str:
        """Return the text that stands for it in the body."""
        return self.placeholder


LinkMaker = Callable[..., str | None]
"""`(connection, *arguments)`: the link's address; None once it would not work any more."""


class LinkOver(Exception):
    """A link of an email does not work any more, so the email is not sent."""


def fill(connection: Connection, text: str, links: Iterable[Link], makers: Mapping[str, LinkMaker]) -> str:
    """Return the text with its links in place of their placeholders. Raises LinkOver.

    LookupError where the module that makes a link is not there: the email is tried again.
    """
    for link in links:
        if link.kind not in makers:
            msg = f"links of the kind {link.kind} cannot be made now"
            raise LookupError(msg)
        address = makers[link.kind](connection, *link.arguments)
        if address is None:
            msg = "It was not sent: the link in it was over or used already."
            raise LinkOver(msg)
        text = text.replace(link.placeholder, address)
    return text
