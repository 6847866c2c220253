"""Every fact that the program knows, and everything that festgate check proves."""

from collections.abc import Collection, Sequence
from importlib import import_module

from festgate.kit.checks import Check
from festgate.kit.messaging.outbox import Fact


def facts(absent: Collection[str] = ()) -> list[type[Fact]]:
    """Return every kind of fact of the modules that can be loaded."""
    names = [
        name
        for name in ("accounts", "catalogue", "registrations", "checkout", "tickets")
        if name not in absent
    ]
    return [fact for name in names for fact in import_module(f"festgate.portal.{name}.facts").FACTS]


def checks() -> Sequence[Check]:
    """Return all checks of `festgate check`."""
    from festgate.kit.messaging.unknown_kinds import check_kinds
    from festgate.portal.accounts.checks import CHECKS as ACCOUNTS
    from festgate.portal.audit.checks import CHECKS as AUDIT
    from festgate.portal.catalogue.checks import CHECKS as CATALOGUE
    from festgate.portal.checkout.checks import CHECKS as CHECKOUT
    from festgate.portal.fest.checks import CHECKS as FEST
    from festgate.portal.registrations.checks import CHECKS as REGISTRATIONS
    from festgate.portal.tickets.checks import CHECKS as TICKETS

    return (
        *AUDIT,
        *ACCOUNTS,
        *FEST,
        *CATALOGUE,
        *REGISTRATIONS,
        *CHECKOUT,
        *TICKETS,
        check_kinds({fact.KIND for fact in facts()}),
    )
