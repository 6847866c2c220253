"""Security events in the log, under stable names: the account's number, the client's address and the outcome.

Modules register which of their routes are security events; the gate logs one line for each such request. No line
contains a code, a token or anything that a visitor typed: a password typed into the username field would stay in the
log. docs/how-to/read-the-security-log.md lists the names.
"""

import sys
from contextvars import ContextVar
from typing import Final, Literal

import structlog

log = structlog.get_logger()

ACCESS_REFUSED: Final = "access-refused"
CROSS_SITE_REFUSED: Final = "cross-site-refused"
LIMIT_REACHED: Final = "limit-reached"
CommandEvent = Literal[
    "account-made",
    "account-deleted",
    "address-confirmed",
    "password-changed",
    "role-changed",
    "email-changed",
    "event-published",
    "event-cancelled",
    "registration-cancelled",
    "second-factor-changed",
]
"""Names of events on the command line, whose address is `command line`."""

_account: ContextVar[list[int]] = ContextVar("security_account")
_concerned: ContextVar[list[int]] = ContextVar("security_concerned")
_questions: ContextVar[list[bool]] = ContextVar("security_questions")


def begin() -> None:
    """Begin a request whose account is not known yet."""
    _account.set([])
    _concerned.set([])
    _questions.set([])


def about(person: int) -> None:
    """Note that the request belongs to this account, or tries to sign in to it."""
    named = _account.get(None)
    if named is not None:
        named[:] = [person]


def concern(person: int) -> None:
    """Note that the request changes the account of this other person, which the line then has as `concerns`."""
    concerned = _concerned.get(None)
    if concerned is not None:
        concerned[:] = [person]


def note_question() -> None:
    """Note that the response only asks whether the action shall be done, so that no line reports it as done."""
    asked = _questions.get(None)
    if asked is not None:
        asked[:] = [True]


def note_request(
    event: str | None, method: str, route: str, status: int, address: str, *, cross_site: bool = False
) -> None:
    """Log the request if it is a security event: one that its route names, a refused access or a reached limit."""
    if status == 403:  # noqa: PLR2004
        event = CROSS_SITE_REFUSED if cross_site else ACCESS_REFUSED
    elif status == 429:  # noqa: PLR2004
        event = LIMIT_REACHED
    if event is None:
        return
    done = status < 400  # noqa: PLR2004
    if done and _questions.get([]):
        return
    named = _account.get([])
    concerned = _concerned.get([])
    level = log.info if done else log.warning
    level(
        event,
        security=True,
        outcome="done" if done else "refused" if status < 500 else "failed",  # noqa: PLR2004
        account=named[0] if named else None,
        address=address,
        method=method,
        route=route,
        status=status,
        **({"concerns": concerned[0]} if concerned else {}),
    )


def note_command(name: CommandEvent, account: int | None = None) -> None:
    """Log a command that changed an account, an event or a registration, unless standard error is a terminal.

    `account` is the changed account, or the organiser given with `--by`. On a terminal the command's own output is
    enough, and the line would not be kept.
    """
    if sys.stderr.isatty():
        return
    log.info(name, security=True, outcome="done", account=account, address="command line")
