"""Secret links in emails: the queue stores a placeholder, and the link is made when the email is sent."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from festgate.kit.db.statements import Connection


def _placeholder() -> str:
    return f"[link {secrets.token_hex(16)}]"


@dataclass(frozen=True)
class Link:
    """A secret link in an email. The queue stores `placeholder`; the link is made when the email is sent.

    A stored link could be used by anyone who reads the database or a backup. The placeholder is random and made after
    all input of visitors, so no visitor can type it.
    """

    kind: str
    """Name of the function that makes the link, such as `accounts.password`."""
    arguments: tuple[int | str, ...]
    """Arguments of that function; stored as JSON."""
    placeholder: str = field(default_factory=_placeholder)

    def __str__(self) -> str:
        """Return the placeholder, for use in the body."""
        return self.placeholder


LinkMaker = Callable[..., str | None]
"""A function `(connection, *arguments)` that returns the address of the link; None if it is no longer valid."""


class LinkOver(Exception):
    """A link that is no longer valid; its email is not sent."""


def fill(connection: Connection, text: str, links: Iterable[Link], makers: Mapping[str, LinkMaker]) -> str:
    """Return the text with its links in place of their placeholders. Raise LinkOver.

    Raise LookupError if the module that makes a link is unavailable; the email is then retried.
    """
    for link in links:
        if link.kind not in makers:
            msg = f"links of the kind {link.kind} cannot be made now"
            raise LookupError(msg)
        address = makers[link.kind](connection, *link.arguments)
        if address is None:
            msg = "It was not sent, because its link had expired or been used."
            raise LinkOver(msg)
        text = text.replace(link.placeholder, address)
    return text
