"""Limits on what one person of the team can do in an hour: exports, bulk actions and resent emails.

A stranger at an open browser, or a script that goes wrong, reads or sends only so much. The numbers are far above what
a busy day at the office needs; docs/how-to/read-the-audit-log.md lists them.
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection
from festgate.kit.errors import TooMany
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts.attempts import add_to_count, too_many

Use: TypeAlias = Literal["export", "bulk", "resend"]

MAX_USES: Final[Mapping[Use, int]] = {"export": 30, "bulk": 60, "resend": 200}
"""The maximum number of uses by one person in an hour."""
_SENTENCES: Final[Mapping[Use, str]] = {
    "export": N_("You have downloaded many lists in the last hour."),
    "bulk": N_("You have changed many lists at once in the last hour."),
    "resend": N_("You have sent many emails again in the last hour."),
}


class LimitReached(TooMany):
    """A person has exported, changed or sent too much in an hour."""

    code = "use-limit"
    title = N_("Too much in one hour")


def allow_use(connection: Connection, person_id: int, use: Use) -> None:
    """Count one use by this person. Raises LimitReached; nothing of the transaction is kept then."""
    end = add_to_count(connection, f"use:{use}:{person_id}", 1, MAX_USES[use], HOUR)
    if end is not None:
        refusal = too_many(gettext(_SENTENCES[use]), end - connection.now)
        raise LimitReached(refusal.message, refusal.retry_after)
