"""Security events in the log, under names that stay: who (the account's number), from where, and how it ended.

The gate writes one line for a request that is such an event. No line holds what somebody typed, a code or a token: a
password typed into the field for the name would stand in the log for ever. docs/how-to/read-the-security-log.md lists
the names.
"""

import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

import structlog

log = structlog.get_logger()

EVENTS: Final[Mapping[tuple[str, str], str]] = {
    ("POST", "/login"): "sign-in",
    ("POST", "/logout"): "sign-out",
    ("POST", "/register"): "account-made",
    ("POST", "/forgot"): "password-reset-asked",
    ("POST", "/reset"): "password-reset-used",
    ("POST", "/account"): "password-changed",
    ("POST", "/confirm"): "address-confirmed",
    ("POST", "/api/v1/tokens"): "token-made",
    ("DELETE", "/api/v1/tokens/current"): "token-ended",
    ("POST", "/api/v1/people"): "account-made",
    ("POST", "/organise/events/new"): "event-created",
    ("POST", "/organise/events/{slug}"): "event-changed",
    ("POST", "/organise/events/{slug}/publish"): "event-published",
    ("POST", "/organise/events/{slug}/cancel"): "event-cancelled",
    ("POST", "/organise/orders/{ref}/paid"): "order-marked-paid",
    ("POST", "/organise/orders/{ref}/refunded"): "order-marked-refunded",
    ("POST", "/organise/orders/{ref}/cancel"): "registration-cancelled",
    ("POST", "/api/v1/orders/{ref}/refund"): "registration-cancelled",
    ("POST", "/organise/payments/{ref}/try"): "payment-tried-again",
    ("POST", "/webhooks/stripe"): "webhook",
}
"""By method and route. With `outcome` each name says what was tried and whether it was done."""
ACCESS_REFUSED: Final = "access-refused"
CROSS_SITE_REFUSED: Final = "cross-site-refused"
LIMIT_REACHED: Final = "limit-reached"
COMMANDS: Final = (
    "account-made",
    "address-confirmed",
    "password-changed",
    "role-changed",
    "email-changed",
    "event-published",
    "event-cancelled",
    "registration-cancelled",
)
"""Done on the command line, whose address is `command line`."""

_account: ContextVar[list[int]] = ContextVar("security_account")


def begin() -> None:
    """Begin a request, of which it is not known yet whose it is."""
    _account.set([])


def about(person: int) -> None:
    """The request is this account's, or tries to be."""
    named = _account.get(None)
    if named is not None:
        named[:] = [person]


def note_request(method: str, route: str, status: int, address: str, *, cross_site: bool = False) -> None:
    """Log the request if it is a security event."""
    name = EVENTS.get((method, route))
    if status == 403:  # noqa: PLR2004
        name = CROSS_SITE_REFUSED if cross_site else ACCESS_REFUSED
    elif status == 429:  # noqa: PLR2004
        name = LIMIT_REACHED
    if name is None:
        return
    done = status < 400  # noqa: PLR2004
    named = _account.get([])
    level = log.info if done else log.warning
    level(
        name,
        security=True,
        outcome="done" if done else "refused" if status < 500 else "failed",  # noqa: PLR2004
        account=named[0] if named else None,
        address=address,
        method=method,
        route=route,
        status=status,
    )


def note_command(name: str, account: int | None = None) -> None:
    """Log a command that changed an account, an event or a registration, where standard error goes to a log.

    `account` is the one that was changed, or the organiser who is named with `--by`. On a terminal the command's own
    answer stands there already, and nobody keeps the line.
    """
    if sys.stderr.isatty():
        return
    log.info(name, security=True, outcome="done", account=account, address="command line")
