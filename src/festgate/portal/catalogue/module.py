"""The module catalogue: what it adds to the portal, and the functions that other modules get of it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict
from festgate.kit.resilience.bulkhead import Budget
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.modules import Module, Parts
from festgate.kit.web.navigation import NavigationEntry
from festgate.kit.web.portal import Portal

if TYPE_CHECKING:
    from fastapi import APIRouter

    from festgate.portal.accounts.facade import AssignEvents, PersonalRecords
    from festgate.portal.catalogue.facade import FindPlace, FindSeats, LapsedHolds
    from festgate.portal.catalogue.own_seats import References

EVENTS = (N_("See the events"), "/events")
"""The page of all events as a link, (label, address)."""

MODULE = Module(
    name="catalogue",
    title=N_("The list of events"),
    keeps=N_("Your seats and tickets are safe."),
    budget=Budget(requests=1000, seconds=5),
    pages=["/", "/events", "/events/{slug}", "/events/{slug}/"],
    api=["/events", "/events/{slug}"],
    navigation=[NavigationEntry(N_("Events"), "/events", "events", "everyone")],
    way_on=EVENTS,
)


@dataclass(frozen=True)
class Functions:
    """The functions that other modules and all pages get of the catalogue."""

    reaches: Callable[[Connection, Visitor, str], bool]
    assign_events: "AssignEvents"


def _assign_none(_connection: Connection, _person: int, event_ids: Collection[int]) -> None:
    """Refuse an invitation for certain events while events cannot be assigned."""
    if event_ids:
        raise Conflict(gettext("Events cannot be assigned now. Please try again later."))


STAND_INS = Functions(reaches=lambda _connection, _visitor, _slug: False, assign_events=_assign_none)
"""Their stand-ins while the catalogue cannot be loaded."""


def functions() -> Functions:
    """Return the functions of the catalogue."""
    from festgate.portal.catalogue import facade

    return Functions(facade.reaches, facade.assign_invited)


def count_events(connection: Connection) -> int:
    """Return the number of events. The catalogue is loaded when it is called: the settings work without it."""
    from festgate.portal.catalogue import facade

    return facade.count_events(connection)


def personal_records() -> "PersonalRecords":
    """Return the catalogue's data about a person."""
    from festgate.portal.catalogue.facade import PERSONAL_RECORDS

    return PERSONAL_RECORDS


def build(
    portal: Portal,
    find_lapses: "Callable[[Connection], LapsedHolds]",
    *,
    own_seats: "FindSeats",
    own_place: "FindPlace",
    ticket_codes: "References",
    order_refs: "References",
) -> Parts:
    """Build the parts of the catalogue, with queries of registrations, tickets and checkout."""
    from festgate.portal.catalogue.facade import SeatQueries
    from festgate.portal.catalogue.pages import CataloguePages

    def api() -> "APIRouter":
        from festgate.portal.catalogue.api import CatalogueApi

        return CatalogueApi(portal, find_lapses).router()

    seats = SeatQueries(own_seats, ticket_codes, order_refs, own_place)
    return Parts(CataloguePages(portal, find_lapses, seats).routes(), api)
