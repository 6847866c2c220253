"""The portal's modules, lowest first, and the functions that they get of each other.

Each module declares itself in its `module.py`, which imports nothing else of it: its pages and operations are imported
when it is built, and a module that cannot be built leaves a placeholder.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from festgate.kit.errors import StartupError
from festgate.kit.resilience import faults
from festgate.kit.resilience.bulkhead import Bulkhead, Unguarded
from festgate.kit.resilience.pulse import Pulse
from festgate.kit.web.modules import Module, Parts
from festgate.kit.web.navigation import Navigation
from festgate.kit.web.portal import PageLinks, Portal
from festgate.portal.accounts import module as accounts
from festgate.portal.backoffice import module as backoffice
from festgate.portal.catalogue import module as catalogue
from festgate.portal.checkout import module as checkout
from festgate.portal.door import module as door
from festgate.portal.fest import module as fest
from festgate.portal.registrations import module as registrations
from festgate.portal.tickets import module as tickets

if TYPE_CHECKING:
    from festgate.portal.accounts.facade import PersonalRecords

log = structlog.get_logger()

T = TypeVar("T")

PASSING: Final = (OSError, MemoryError)
"""Errors of a process that is short of files or memory. What is loaded in a rush may meet them, and is tried again."""

MODULES: Final[Sequence[Module]] = (
    accounts.MODULE,
    fest.MODULE,
    catalogue.MODULE,
    registrations.MODULE,
    checkout.MODULE,
    tickets.MODULE,
    door.MODULE,
    backoffice.MODULE,
)
TEMPLATE_PACKAGES: Final = ("festgate.kit", *(f"festgate.portal.{module.name}" for module in MODULES))
STATIC_PACKAGES: Final = (
    "festgate.kit",
    *(f"festgate.portal.{module.name}" for module in MODULES if module.has_static),
)
NAVIGATION: Final = Navigation([entry for module in MODULES for entry in module.navigation], accounts.PATHS)


def security_events() -> dict[tuple[str, str], str]:
    """Return the security events of all modules, by method and route."""
    return {route: event for module in MODULES for route, event in module.security_events.items()}


def max_bodies() -> dict[str, int]:
    """Return the limits on request bodies of all modules, by the beginning of the path."""
    return {start: limit for module in MODULES for start, limit in module.max_bodies.items()}


def bulkheads(*, guarded: bool) -> dict[str, Bulkhead]:
    """Return a bulkhead for each module; without `guarded` they contain nothing, for comparisons."""
    pulse = Pulse()
    kind = Bulkhead if guarded else Unguarded
    return {
        module.name: kind(module.name, module.title, module.budget, pulse, module.keeps) for module in MODULES
    }


class Loader:
    """Loads each module, and keeps the reason where one cannot be loaded."""

    def __init__(self, absent: Mapping[str, str]) -> None:
        """`absent` are modules that cannot run at all (a table is missing), with the reason."""
        self.absent = dict(absent)
        self.details: dict[str, str] = {}
        """The traceback of each module that could not be loaded."""

    def attempt(self, name: str, load: Callable[[], T], raised: tuple[type[Exception], ...] = ()) -> T | None:
        """Return the result of `load`; None where the module cannot be loaded.

        A StartupError ends the whole portal. Errors of a kind in `raised` are for the caller, and nothing is kept.
        """
        if name in self.absent:
            return None
        try:
            faults.inject(f"import.{name}")
            return load()
        except StartupError:
            raise
        except Exception as error:
            if isinstance(error, raised):
                raise
            log.exception("a module cannot start; the rest opens without it", module=name)
            self.absent[name] = "".join(traceback.format_exception_only(error)).strip()
            self.details[name] = "".join(traceback.format_exception(error, limit=-1)).strip()
            return None


@dataclass(frozen=True)
class Links:
    """The functions that modules get of each other, or their stand-ins while a module cannot be loaded."""

    accounts: accounts.Functions
    catalogue: catalogue.Functions
    registrations: registrations.Functions
    checkout: checkout.Functions
    tickets: tickets.Functions
    personal_records: "Mapping[str, PersonalRecords | None]"
    """The data about a person of each module that has such, lowest first; None while the module cannot be loaded."""

    def of_pages(self) -> PageLinks:
        """Return the functions and addresses that every page uses."""
        return PageLinks(
            find_visitor=self.accounts.find_visitor,
            find_bearer=self.accounts.find_bearer,
            note_seen=self.accounts.note_seen,
            count_held=self.registrations.count_held,
            comforts={checkout.MODULE.name: self.registrations.kept_sentence},
            ways_on=[(module.name, *module.way_on) for module in MODULES if module.way_on is not None],
            reaches=self.catalogue.reaches,
            lacks_second_factor=self.accounts.lacks_second_factor,
            default_actions=[catalogue.EVENTS],
        )


def link(loader: Loader) -> Links:
    """Return the functions that modules get of each other, with stand-ins for modules that cannot be loaded."""
    of_accounts = loader.attempt("accounts", accounts.functions) or accounts.STAND_INS
    of_registrations = loader.attempt("registrations", registrations.functions) or registrations.STAND_INS
    of_tickets = loader.attempt("tickets", tickets.functions) or tickets.STAND_INS
    of_catalogue = loader.attempt("catalogue", catalogue.functions) or catalogue.STAND_INS
    of_checkout = loader.attempt("checkout", checkout.functions) or checkout.STAND_INS
    records = {name: loader.attempt(name, load) for name, load in _record_loaders(of_tickets).items()}
    return Links(of_accounts, of_catalogue, of_registrations, of_checkout, of_tickets, records)


def personal_records() -> "list[PersonalRecords]":
    """Return the data about a person of every module, for commands."""
    return [load() for load in _record_loaders(tickets.functions()).values()]


def _record_loaders(of_tickets: tickets.Functions) -> "Mapping[str, Callable[[], PersonalRecords]]":
    """Return functions that load the data about a person of each module, lowest first."""
    return {
        "catalogue": catalogue.personal_records,
        "registrations": partial(registrations.personal_records, of_tickets.is_used, of_tickets.replace_code),
        "checkout": checkout.personal_records,
        "tickets": tickets.personal_records,
    }


def assemble(portal: Portal, links: Links, loader: Loader, application: fest.Application) -> dict[str, Parts]:
    """Build every module that can be loaded, with the functions that it needs of others."""

    def build_backoffice() -> Parts:
        emails = tickets.emails(portal)
        return backoffice.build(
            portal,
            links.personal_records,
            links.tickets.is_used,
            post_copy=emails.post_copy,
            post_order_copy=emails.post_order_copy,
            holder_emails=emails.holders,
        )

    builds: dict[str, Callable[[], Parts]] = {
        "accounts": lambda: accounts.build(portal, links.personal_records, links.catalogue.assign_events),
        "fest": lambda: fest.build(
            portal,
            application,
            check_methods=checkout.check_methods,
            run_tests=checkout.run_tests,
            count_events=catalogue.count_events,
        ),
        "catalogue": lambda: catalogue.build(
            portal,
            links.registrations.find_lapses,
            own_seats=links.registrations.own_seats,
            own_place=links.registrations.own_place,
            ticket_codes=links.tickets.codes_by_seat,
            order_refs=links.checkout.refs_by_seat,
        ),
        "registrations": lambda: registrations.build(
            portal,
            ticket_codes=links.tickets.codes_by_seat,
            order_refs=links.checkout.refs_by_seat,
            is_used=links.tickets.is_used,
            replace_code=links.tickets.replace_code,
        ),
        "checkout": lambda: checkout.build(
            portal, ticket_codes=links.tickets.codes_by_seat, is_used=links.tickets.is_used
        ),
        "tickets": lambda: tickets.build(portal),
        "door": lambda: door.build(portal),
        "backoffice": build_backoffice,
    }
    built = {module.name: loader.attempt(module.name, builds[module.name]) for module in MODULES}
    return {name: parts for name, parts in built.items() if parts is not None}
