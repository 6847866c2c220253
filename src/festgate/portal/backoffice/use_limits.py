"""Limits on the exports and bulk actions of one person: a session in wrong hands cannot empty or flood the fest."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts import facade as accounts

Use: TypeAlias = Literal["bulk", "export"]
_LIMITS: Final[Mapping[Use, tuple[int, str]]] = {
    "bulk": (60, N_("You have started many actions on guests within an hour.")),
    "export": (60, N_("You have exported many lists within an hour.")),
}
"""The uses of one person in an hour, and the reason that they read when there are more."""


def allow_use(connection: Connection, person_id: int, use: Use) -> None:
    """Count a use by the person. Raises TooMany."""
    maximum, sentence = _LIMITS[use]
    accounts.count_attempt(connection, accounts.Limit(f"{use}:{person_id}", maximum, gettext(sentence), HOUR))
