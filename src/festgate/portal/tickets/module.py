"""The module tickets: what it adds to the portal, and the functions that other modules get of it."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from festgate.kit.resilience.bulkhead import Budget
from festgate.kit.translation import N_
from festgate.kit.web.modules import Module, Parts
from festgate.kit.web.portal import Portal

if TYPE_CHECKING:
    from fastapi import APIRouter

    from festgate.portal.accounts.facade import PersonalRecords
    from festgate.portal.registrations.facade import IsUsed, ReplaceCode, SeatReferences
    from festgate.portal.tickets.emails import TicketEmails

MODULE = Module(
    name="tickets",
    title=N_("Ticketing"),
    keeps=N_("Your payments and seats are safe."),
    budget=Budget(requests=400, seconds=5),
    pages=[
        "/tickets/open/{token}",
        "/tickets/{code}",
        "/tickets/{code}/send",
        "/tickets/{code}/transfer",
    ],
    api=[
        "/tickets",
        "/tickets/{rest:path}",
        "/orders/{ref}/send",
        "/registrations/{id}/correction",
        "/registrations/{id}/transfer",
    ],
    has_static=True,
    security_events={
        ("POST", "/api/v1/orders/{ref}/send"): "ticket-sent-again",
        ("POST", "/api/v1/registrations/{registration_id}/correction"): "holder-corrected",
        ("POST", "/api/v1/registrations/{registration_id}/transfer"): "ticket-transferred",
        ("POST", "/tickets/{code}/send"): "ticket-sent",
        ("POST", "/tickets/{code}/transfer"): "ticket-transferred",
        ("POST", "/api/v1/tickets/{code}/send"): "ticket-sent",
        ("POST", "/api/v1/tickets/{code}/transfer"): "ticket-transferred",
    },
)


@dataclass(frozen=True)
class Functions:
    """The functions that lower modules get of tickets."""

    codes_by_seat: "SeatReferences"
    is_used: "IsUsed"
    replace_code: "ReplaceCode"


STAND_INS = Functions(
    codes_by_seat=lambda _connection, _person: {},
    is_used=lambda _connection, _seat: False,
    # Members of teams cannot change while their tickets cannot.
    replace_code=lambda _connection, _seat: False,
)
"""Their stand-ins while tickets cannot be loaded."""


def functions() -> Functions:
    """Return the functions of tickets."""
    from festgate.portal.tickets import facade

    return Functions(facade.codes_by_seat, facade.is_used, facade.replace_code)


def personal_records() -> "PersonalRecords":
    """Return the data of tickets about a person."""
    from festgate.portal.tickets.facade import PERSONAL_RECORDS

    return PERSONAL_RECORDS


def emails(portal: Portal) -> "TicketEmails":
    """Return the emails about tickets, which the organisers' office sends too."""
    from festgate.portal.tickets.emails import TicketEmails

    return TicketEmails(portal.settings, portal.secret)


def build(portal: Portal) -> Parts:
    """Build the parts of tickets."""
    from festgate.portal.tickets import holder_links
    from festgate.portal.tickets.handlers import TicketHandlers
    from festgate.portal.tickets.holder_pages import HolderPages
    from festgate.portal.tickets.pages import TicketPages

    handlers, pages = TicketHandlers(portal.settings, portal.secret), TicketPages(portal)
    make_link = partial(holder_links.make_link, secret=portal.secret, base_url=portal.settings.base_url)

    def api() -> "APIRouter":
        from festgate.portal.tickets.api import TicketApi

        return TicketApi(portal, handlers.emails.holders, handlers.emails.post_order_copy).router()

    return Parts(
        [*pages.routes(), *HolderPages(portal, pages, handlers.emails.holders).routes()],
        api,
        handlers.subscriptions(),
        email_links={holder_links.LINK_KIND: make_link},
    )
