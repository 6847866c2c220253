"""The portal's modules, lowest first. Each is imported where it is built: one that cannot be leaves a placeholder."""

import traceback
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from starlette.routing import BaseRoute

from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict, StartupError
from festgate.kit.messaging.mail_links import LinkMaker
from festgate.kit.messaging.outbox import Subscription
from festgate.kit.resilience import faults
from festgate.kit.resilience.bulkhead import Budget, Bulkhead, Unguarded
from festgate.kit.resilience.pulse import Pulse
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.navigation import Navigation, NavigationEntry
from festgate.kit.web.portal import PageLinks, Portal
from festgate.settings import Given, Settings

if TYPE_CHECKING:  # a command that only looks at the data does without it, and is a fifth quicker
    from fastapi import APIRouter

    from festgate.portal.accounts.facade import AssignEvents, PersonalRecords
    from festgate.portal.catalogue.facade import FindPlace, FindSeats, LapsedHolds
    from festgate.portal.fest.facade import Logo, PaymentTest
    from festgate.portal.registrations.facade import IsUsed, ReplaceCode, SeatReferences

log = structlog.get_logger()

T = TypeVar("T")

TEMPLATE_PACKAGES = (
    "festgate.kit",
    "festgate.portal.accounts",
    "festgate.portal.fest",
    "festgate.portal.catalogue",
    "festgate.portal.registrations",
    "festgate.portal.checkout",
    "festgate.portal.tickets",
    "festgate.portal.door",
    "festgate.portal.backoffice",
)
STATIC_PACKAGES = (
    "festgate.kit",
    "festgate.portal.tickets",
    "festgate.portal.door",
    "festgate.portal.backoffice",
)
NAVIGATION = Navigation(
    (
        NavigationEntry(N_("Events"), "/events", "events", "everyone"),
        NavigationEntry(N_("My events"), "/my-events", "my-events", "signed-in"),
        NavigationEntry(N_("Checkout"), "/checkout", "checkout", "signed-in", counts_held=True),
        NavigationEntry(N_("Door"), "/door", "door", "door"),
        NavigationEntry(N_("Organise"), "/organise", "organise", "office"),
        NavigationEntry(N_("Sign in"), "/login", "login", "anonymous"),
        NavigationEntry(N_("Sign up"), "/register", "register", "anonymous"),
    ),
    account="/account",
    sign_in="/login",
    sign_out="/logout",
    prove="/account/prove",
    second_factor="/account/second-factor",
)
"""The header's links, in their order. They stand there also while their module is unavailable."""
WAYS_ON = (("catalogue", N_("See the events"), "/events"), ("registrations", N_("My events"), "/my-events"))
"""Pages that a visitor whose module is unavailable can go to instead, as (module, label, address)."""

MAX_EVENT_BODY = 512 * 1024
"""Bytes of an event's form. A description may have 10,000 characters of any script in any spelling, which can be four
times as many (Korean from a Mac). A form sends each as up to 12 bytes: `%F0%9F%8E%89`."""
MAX_LOGO_FORM = 320 * 1024
"""Bytes of a form with the fest's logo, which has at most 256 KB."""
MAX_UPLOAD = 2 * 1024 * 1024 + 64 * 1024
"""Bytes of a form with a file: the largest file, and the form around it."""
MAX_IMPORT_BODY = 5 * 1024 * 1024
"""Bytes of a form with a file of events: 2 MB, which a preview sends as base64 with its signs percent-encoded."""
DEFAULT_ACTIONS = ((N_("See the events"), "/events"),)
"""Links for the page of an error that has none of its own, as (label, address)."""


@dataclass(frozen=True)
class Module:
    """The parts that one module adds to the portal."""

    routes: Sequence[BaseRoute] = ()
    api: "APIRouter | None" = None
    subscriptions: Sequence[Subscription[Any]] = ()
    periodic_tasks: Sequence[Callable[[Connection], object]] = ()
    """Operations that run every half minute; nothing may depend on the moment."""
    work: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    """Background tasks, from start-up until they are cancelled."""
    closes: Sequence[Callable[[], None]] = ()
    """Functions that are called when the portal ends."""
    email_links: Mapping[str, LinkMaker] = field(default_factory=dict)
    """Functions that make the links in its emails as those are sent, by kind."""


@dataclass(frozen=True)
class Declared:
    """The facts about a module that are known before it is imported."""

    name: str
    title: str
    """Its name for visitors, at the beginning of a sentence."""
    keeps: str
    """A sentence for visitors about what its failure leaves untouched."""
    budget: Budget
    pages: Sequence[str]
    """Path patterns of its pages; placeholders answer there while it is not loaded."""
    api: Sequence[str]
    """The same below /api/v1."""
    build: "Callable[[Portal, Links], Module]"
    security_events: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Names of its security events in the log, by method and route."""
    max_bodies: Mapping[str, int] = field(default_factory=dict)
    """Limits on the bodies of its requests, in bytes, by the beginning of the path, where the kit's does not fit."""


@dataclass(frozen=True)
class Ways:
    """The functions of the portal as a whole that the module of the settings needs."""

    given: Given
    """The values of settings from outside the data."""
    renew: Callable[[], Awaitable[None]]
    """Brings the settings of the data into force in this process."""
    refuse_currency: Callable[[Connection, str], None]
    """Raises StartupError if there is money in other currencies only."""


Identify = Callable[[Connection, str], Visitor | None]


@dataclass(frozen=True, kw_only=True)
class Links(PageLinks):
    """The functions that modules get of each other, or their stand-ins while a module is not loaded."""

    assign_events: "AssignEvents"
    find_lapses: "Callable[[Connection], LapsedHolds]"
    own_seats: "FindSeats"
    own_place: "FindPlace"
    ticket_codes: "SeatReferences"
    is_used: "IsUsed"
    replace_code: "ReplaceCode"
    order_refs: "SeatReferences"
    """Draws a text as a QR code (SVG); empty while the module of tickets, which has the library, is not loaded."""
    personal_records: "Mapping[str, PersonalRecords | None]"
    """The data about a person of each module that has such, lowest first; None while the module cannot be loaded."""
    ways: "Ways"
    """The functions of the portal as a whole."""
    logo: "Logo | None"
    """The fest's logo."""


class Loader:
    """Loads each module, and keeps the reason where one cannot be loaded."""

    def __init__(self, absent: Mapping[str, str]) -> None:
        """`absent` are modules that cannot run at all (a table is missing), with the reason."""
        self.absent = dict(absent)
        self.details: dict[str, str] = {}
        """The traceback of each module that could not be loaded."""

    def attempt(self, name: str, load: Callable[[], T]) -> T | None:
        """Return the result of `load`; None where the module cannot be loaded. A StartupError ends the whole portal."""
        if name in self.absent:
            return None
        try:
            faults.inject(f"import.{name}")
            return load()
        except StartupError:
            raise
        except Exception as error:
            log.exception("a module cannot start; the rest opens without it", module=name)
            self.absent[name] = "".join(traceback.format_exception_only(error)).strip()
            self.details[name] = "".join(traceback.format_exception(error, limit=-1)).strip()
            return None


def link(loader: Loader, ways: Ways, logo: "Logo | None") -> Links:
    """Return the functions that modules get of each other, with stand-ins for modules that cannot be loaded."""

    def accounts() -> tuple[
        Identify, Identify, Callable[[Connection, str], None], Callable[[Connection, int], bool]
    ]:
        from festgate.portal.accounts import facade

        return facade.find_visitor, facade.find_bearer, facade.note_seen, facade.lacks_second_factor

    def catalogue() -> "tuple[Callable[[Connection, Visitor, str], bool], AssignEvents]":
        from festgate.portal.catalogue import facade

        return facade.reaches, facade.assign_invited

    def registrations() -> (
        "tuple[Callable[[Connection, int], int], Callable[[Connection], LapsedHolds], "
        "Callable[[Connection, int], str], FindSeats, FindPlace]"
    ):
        from festgate.portal.registrations import facade

        return (
            facade.count_held,
            facade.find_lapses,
            facade.kept_sentence,
            facade.own_seats,
            facade.own_place,
        )

    def tickets() -> "tuple[SeatReferences, IsUsed, ReplaceCode]":
        from festgate.portal.tickets import facade

        return facade.codes_by_seat, facade.is_used, facade.replace_code

    def checkout() -> "SeatReferences":
        from festgate.portal.checkout import facade

        return facade.refs_by_seat

    find_visitor, find_bearer, note_seen, lacks_second_factor = loader.attempt("accounts", accounts) or (
        lambda _connection, _token: None,
        lambda _connection, _token: None,
        lambda _connection, _token: None,
        lambda _connection, _person: False,
    )
    count_held, find_lapses, kept_sentence, own_seats, own_place = loader.attempt(
        "registrations", registrations
    ) or (
        lambda _connection, _person: 0,
        _no_lapses,
        lambda _connection, _person: "",
        lambda _connection, _person: (),
        lambda _connection, _person, _slug: None,
    )
    ticket_codes, is_used, replace_code = loader.attempt("tickets", tickets) or (
        lambda _connection, _person: {},
        lambda _connection, _seat: False,
        # Members of teams cannot change while their tickets cannot.
        lambda _connection, _seat: False,
    )
    reaches, assign_events = loader.attempt("catalogue", catalogue) or (
        lambda _connection, _visitor, _slug: False,
        _assign_none,
    )
    return Links(
        find_visitor,
        find_bearer,
        note_seen,
        count_held,
        {"checkout": kept_sentence},
        WAYS_ON,
        reaches,
        lacks_second_factor,
        DEFAULT_ACTIONS,
        assign_events=assign_events,
        find_lapses=find_lapses,
        own_seats=own_seats,
        own_place=own_place,
        ticket_codes=ticket_codes,
        is_used=is_used,
        replace_code=replace_code,
        order_refs=loader.attempt("checkout", checkout) or (lambda _connection, _person: {}),
        ways=ways,
        logo=logo,
        personal_records={name: loader.attempt(name, records_of) for name, records_of in _RECORDS.items()},
    )


def personal_records() -> "list[PersonalRecords]":
    """Return the data about a person of every module, for commands."""
    return [records_of() for records_of in _RECORDS.values()]


def _registration_records() -> "PersonalRecords":
    from festgate.portal.registrations import facade
    from festgate.portal.tickets.facade import is_used, replace_code

    return facade.personal_records(is_used, replace_code)


def _checkout_records() -> "PersonalRecords":
    from festgate.portal.checkout.facade import PERSONAL_RECORDS

    return PERSONAL_RECORDS


def _ticket_records() -> "PersonalRecords":
    from festgate.portal.tickets.facade import PERSONAL_RECORDS

    return PERSONAL_RECORDS


def _catalogue_records() -> "PersonalRecords":
    from festgate.portal.catalogue.facade import PERSONAL_RECORDS

    return PERSONAL_RECORDS


_RECORDS: "Mapping[str, Callable[[], PersonalRecords]]" = {
    "catalogue": _catalogue_records,
    "registrations": _registration_records,
    "checkout": _checkout_records,
    "tickets": _ticket_records,
}
"""Functions that load the data about a person of each module, lowest first."""


def _no_lapses(_connection: Connection) -> "LapsedHolds":
    from festgate.portal.catalogue.facade import LapsedHolds

    return LapsedHolds()


def _assign_none(_connection: Connection, _person: int, event_ids: Collection[int]) -> None:
    """Refuse an invitation for certain events while events cannot be assigned."""
    if event_ids:
        raise Conflict(gettext("Events cannot be assigned now. Please try again later."))


def _accounts(portal: Portal, links: Links) -> Module:
    from festgate.portal.accounts import address_changes, confirmation, guest_links, invitations, recovery
    from festgate.portal.accounts.account_pages import OwnAccountPages
    from festgate.portal.accounts.api import AccountApi
    from festgate.portal.accounts.deletion_pages import DeletionPages
    from festgate.portal.accounts.guest_claims import claim_subscriptions
    from festgate.portal.accounts.guest_links import forget_expired_links
    from festgate.portal.accounts.guest_pages import GuestPages
    from festgate.portal.accounts.guests import forget_forms
    from festgate.portal.accounts.invitation_pages import InvitationPages
    from festgate.portal.accounts.invitations import forget_invitations
    from festgate.portal.accounts.pages import AccountPages
    from festgate.portal.accounts.passwords import Hasher
    from festgate.portal.accounts.reception import Reception
    from festgate.portal.accounts.second_factor_pages import SecondFactorPages
    from festgate.portal.accounts.sessions import forget_expired

    hasher = Hasher()
    reception = Reception(portal.database, hasher, portal.settings, portal.secret)
    records = [part for part in links.personal_records.values() if part is not None]
    absent = [name for name, part in links.personal_records.items() if part is None]
    return Module(
        [
            *AccountPages(portal, hasher).routes(),
            *OwnAccountPages(portal, reception).routes(),
            *SecondFactorPages(portal, reception).routes(),
            *DeletionPages(portal, reception, records, absent).routes(),
            *GuestPages(portal, records, absent).routes(),
            *InvitationPages(portal, reception, links.assign_events).routes(),
        ],
        AccountApi(portal, hasher).router(),
        # While a module cannot move its part, the facts wait.
        () if absent else claim_subscriptions(records),
        periodic_tasks=[forget_expired, forget_expired_links, forget_forms, forget_invitations],
        closes=[hasher.close],
        email_links={
            module.LINK_KIND: partial(
                module.make_link, secret=portal.secret, base_url=portal.settings.base_url
            )
            for module in (confirmation, recovery, address_changes, guest_links, invitations)
        },
    )


def _fest(portal: Portal, links: Links) -> Module:
    from festgate.portal.fest.api import SettingsApi
    from festgate.portal.fest.editing import Editor, Live
    from festgate.portal.fest.pages import SettingsPages
    from festgate.portal.fest.setup_pages import SetUpPages

    # Modules above this one are loaded when they are needed: without them the settings still work.
    def check_methods(settings: Settings, database: Database) -> None:
        from festgate.portal.checkout import facade

        facade.check_methods(settings, database)

    async def run_tests(settings: Settings, database: Database) -> "Sequence[PaymentTest]":
        from festgate.portal.checkout import facade

        return await facade.run_tests(settings, database)

    def count_events(connection: Connection) -> int:
        from festgate.portal.catalogue import facade

        return facade.count_events(connection)

    ways = links.ways
    live = Live(ways.given, ways.renew, check_methods, run_tests, ways.refuse_currency)
    editor = Editor(portal.database, portal.secret, live)
    return Module(
        [
            *SettingsPages(portal, editor, links.logo).routes(),
            *SetUpPages(portal, editor, live, count_events).routes(),
        ],
        SettingsApi(portal, editor).router(),
    )


def _catalogue(portal: Portal, links: Links) -> Module:
    from festgate.portal.catalogue.api import CatalogueApi
    from festgate.portal.catalogue.facade import SeatQueries
    from festgate.portal.catalogue.pages import CataloguePages

    seats = SeatQueries(links.own_seats, links.ticket_codes, links.order_refs, links.own_place)
    return Module(
        CataloguePages(portal, links.find_lapses, seats).routes(),
        CatalogueApi(portal, links.find_lapses).router(),
    )


def _registrations(portal: Portal, links: Links) -> Module:
    from festgate.portal.accounts.facade import SeatLimits
    from festgate.portal.registrations import facade
    from festgate.portal.registrations.answer_pages import AnswerPages
    from festgate.portal.registrations.api import RegistrationApi
    from festgate.portal.registrations.handlers import SUBSCRIPTIONS
    from festgate.portal.registrations.holder_pages import HolderPages
    from festgate.portal.registrations.pages import RegistrationPages
    from festgate.portal.registrations.team_api import TeamApi
    from festgate.portal.registrations.team_pages import TeamPages
    from festgate.portal.registrations.waiting_pages import WaitingPages

    addresses = SeatLimits(portal.secret, portal.settings.max_seats_of_address)
    api = RegistrationApi(portal, links.is_used, addresses).router()
    TeamApi(portal, links.is_used, links.replace_code, addresses).add_to(api)
    return Module(
        [
            *RegistrationPages(
                portal, links.ticket_codes, links.order_refs, links.is_used, addresses
            ).routes(),
            *HolderPages(portal, links.is_used).routes(),
            *AnswerPages(portal, links.is_used).routes(),
            *TeamPages(portal, links.is_used, links.replace_code, addresses).routes(),
            *WaitingPages(portal).routes(),
        ],
        api,
        SUBSCRIPTIONS,
        periodic_tasks=[facade.sweep_all, facade.forget_ended_files],
        work=[facade.HoldKeeper(portal.database, portal.bulkheads["checkout"].is_unavailable).run],
    )


def _checkout(portal: Portal, links: Links) -> Module:
    from festgate.portal.checkout.api import CheckoutApi
    from festgate.portal.checkout.bank_lines import forget_lines
    from festgate.portal.checkout.handlers import SUBSCRIPTIONS
    from festgate.portal.checkout.pages import CheckoutPages
    from festgate.portal.checkout.payments import Payments, payment_methods
    from festgate.portal.checkout.transfer_api import TransferApi
    from festgate.portal.checkout.transfers import remind_payers
    from festgate.portal.checkout.webhooks import webhook_routes

    # Nothing is paid beforehand, so anyone could keep seats under an invented address.
    confirmed_only = {"desk", "transfer"} if portal.settings.confirms_email else set()
    payments = Payments(portal.database, payment_methods(portal.settings, portal.database), confirmed_only)
    api = CheckoutApi(portal, payments, links.is_used).router()
    TransferApi(portal).add_to(api)
    return Module(
        [
            *CheckoutPages(portal, payments, links.ticket_codes, links.is_used).routes(),
            *webhook_routes(portal, payments),
        ],
        api,
        SUBSCRIPTIONS,
        periodic_tasks=[remind_payers, forget_lines],
        work=[payments.run],
    )


def _tickets(portal: Portal, _links: Links) -> Module:
    from festgate.portal.tickets import holder_links
    from festgate.portal.tickets.api import TicketApi
    from festgate.portal.tickets.handlers import TicketHandlers
    from festgate.portal.tickets.holder_pages import HolderPages
    from festgate.portal.tickets.pages import TicketPages

    handlers, pages = TicketHandlers(portal.settings, portal.secret), TicketPages(portal)
    make_link = partial(holder_links.make_link, secret=portal.secret, base_url=portal.settings.base_url)
    return Module(
        [*HolderPages(portal, pages, handlers.holders).routes(), *pages.routes()],
        TicketApi(portal, handlers.holders, handlers.post_order_copy).router(),
        handlers.subscriptions(),
        email_links={holder_links.LINK_KIND: make_link},
    )


def _door(portal: Portal, _links: Links) -> Module:
    from festgate.portal.door.api import DoorApi
    from festgate.portal.door.pages import DoorPages

    return Module(DoorPages(portal).routes(), DoorApi(portal).router())


def _joined(*routers: "APIRouter") -> "APIRouter":
    from fastapi import APIRouter

    joined = APIRouter()
    for router in routers:
        joined.include_router(router)
    return joined


def _backoffice(portal: Portal, links: Links) -> Module:
    from festgate.portal.backoffice.audit_api import AuditApi
    from festgate.portal.backoffice.audit_pages import AuditPages
    from festgate.portal.backoffice.box_office_api import BoxOfficeApi
    from festgate.portal.backoffice.box_office_pages import BoxOfficePages
    from festgate.portal.backoffice.crew_api import CrewApi
    from festgate.portal.backoffice.crew_pages import CrewPages
    from festgate.portal.backoffice.dashboard_pages import DashboardPages
    from festgate.portal.backoffice.event_api import EventStepApi
    from festgate.portal.backoffice.event_step_pages import EventStepPages
    from festgate.portal.backoffice.guest_action_api import GuestActionApi
    from festgate.portal.backoffice.guest_action_pages import GuestActionPages
    from festgate.portal.backoffice.guest_api import GuestApi
    from festgate.portal.backoffice.guest_export_pages import GuestExportPages
    from festgate.portal.backoffice.guest_pages import GuestPages
    from festgate.portal.backoffice.holder_pages import HolderRulePages
    from festgate.portal.backoffice.import_api import ImportApi
    from festgate.portal.backoffice.import_pages import ImportPages
    from festgate.portal.backoffice.order_pages import OrderPages
    from festgate.portal.backoffice.overview_pages import OverviewPages
    from festgate.portal.backoffice.pages import BackofficePages
    from festgate.portal.backoffice.people_pages import PeoplePages
    from festgate.portal.backoffice.promo_code_pages import PromoCodePages
    from festgate.portal.backoffice.question_pages import QuestionPages
    from festgate.portal.backoffice.registration_pages import RegistrationPages
    from festgate.portal.backoffice.room_pages import RoomPages
    from festgate.portal.backoffice.second_factor_api import TeamFactorApi
    from festgate.portal.backoffice.second_factor_pages import TeamFactorPages
    from festgate.portal.backoffice.shift_pages import ShiftPages
    from festgate.portal.backoffice.statement_pages import StatementPages
    from festgate.portal.backoffice.team_pages import EventTeamPages
    from festgate.portal.backoffice.ticket_pages import TicketTypePages
    from festgate.portal.backoffice.transfer_pages import TransferPages
    from festgate.portal.backoffice.unmatched_pages import UnmatchedPages
    from festgate.portal.backoffice.waiting_pages import WaitingListPages
    from festgate.portal.tickets.handlers import TicketHandlers

    handlers = TicketHandlers(portal.settings, portal.secret)
    people = PeoplePages(
        portal,
        handlers.post_copy,
        [part for part in links.personal_records.values() if part is not None],
        [name for name, part in links.personal_records.items() if part is None],
    )
    return Module(
        [
            *DashboardPages(portal).routes(),
            *EventTeamPages(portal, links.is_used).routes(),
            *BackofficePages(portal).routes(),
            *people.routes(),
            *OrderPages(portal, handlers.post_order_copy).routes(),
            *RegistrationPages(portal, handlers.holders).routes(),
            *TicketTypePages(portal).routes(),
            *PromoCodePages(portal).routes(),
            *HolderRulePages(portal).routes(),
            *WaitingListPages(portal).routes(),
            *RoomPages(portal).routes(),
            *QuestionPages(portal).routes(),
            *QuestionPages(portal, of_fest=True).routes(),
            *CrewPages(portal).routes(),
            *EventStepPages(portal).routes(),
            *ImportPages(portal).routes(),
            *OverviewPages(portal).routes(),
            *GuestPages(portal).routes(),
            *GuestActionPages(portal, handlers.post_copy, links.is_used).routes(),
            *GuestExportPages(portal).routes(),
            *BoxOfficePages(portal).routes(),
            *ShiftPages(portal).routes(),
            *TransferPages(portal).routes(),
            *StatementPages(portal).routes(),
            *UnmatchedPages(portal).routes(),
            *AuditPages(portal).routes(),
            *TeamFactorPages(portal).routes(),
        ],
        _joined(
            AuditApi(portal).router(),
            BoxOfficeApi(portal).router(),
            CrewApi(portal).router(),
            EventStepApi(portal).router(),
            GuestActionApi(portal, handlers.post_copy, links.is_used).router(),
            GuestApi(portal).router(),
            ImportApi(portal).router(),
            TeamFactorApi(portal).router(),
        ),
    )


DECLARED: Sequence[Declared] = (
    Declared(
        "accounts",
        N_("Signing in"),
        N_("You stay signed in if you are."),
        # As long as it takes to hash the passwords of a whole campus that signs in at once.
        Budget(requests=1000, seconds=30),
        pages=[
            "/register",
            "/login",
            "/login/code",
            "/logout",
            "/forgot",
            "/reset",
            "/confirm",
            "/confirm/again",
            "/account",
            "/account/{rest:path}",
            "/find-tickets",
            "/guest",
            "/guest/{rest:path}",
            "/invitation",
        ],
        api=["/tokens", "/tokens/current", "/people", "/people/{rest:path}"],
        build=_accounts,
        security_events={
            ("POST", "/login"): "sign-in",
            ("POST", "/login/code"): "sign-in",
            ("POST", "/account/prove"): "password-proved",
            ("POST", "/account/second-factor/confirm"): "second-factor-changed",
            ("POST", "/account/second-factor/codes"): "second-factor-changed",
            ("POST", "/account/second-factor/off"): "second-factor-changed",
            ("POST", "/api/v1/people/me/second-factor/confirm"): "second-factor-changed",
            ("POST", "/api/v1/people/me/second-factor/codes"): "second-factor-changed",
            ("POST", "/api/v1/people/me/second-factor/off"): "second-factor-changed",
            ("POST", "/logout"): "sign-out",
            ("POST", "/register"): "account-made",
            ("POST", "/forgot"): "password-reset-asked",
            ("POST", "/reset"): "password-reset-used",
            ("POST", "/account"): "password-changed",
            ("POST", "/account/email"): "email-change-asked",
            ("POST", "/account/email/confirm"): "email-changed",
            ("POST", "/account/sessions/end"): "sessions-ended",
            ("POST", "/account/sessions/{name}/end"): "sessions-ended",
            ("GET", "/account/data"): "data-downloaded",
            ("POST", "/account/delete"): "account-deleted",
            ("POST", "/confirm"): "address-confirmed",
            ("POST", "/find-tickets"): "guest-link-asked",
            ("POST", "/guest/open"): "guest-link-used",
            ("POST", "/guest/links/end"): "guest-links-ended",
            ("POST", "/guest/delete"): "guest-deleted",
            ("GET", "/guest/data"): "data-downloaded",
            ("POST", "/guest/claim"): "guest-claimed",
            ("POST", "/invitation"): "invitation-accepted",
            ("POST", "/api/v1/tokens"): "token-made",
            ("DELETE", "/api/v1/tokens/current"): "token-ended",
            ("POST", "/api/v1/people"): "account-made",
            ("DELETE", "/api/v1/people/me/sessions"): "sessions-ended",
            ("DELETE", "/api/v1/people/me/sessions/{session}"): "sessions-ended",
        },
    ),
    Declared(
        "fest",
        N_("The page of the settings"),
        N_("The fest keeps the settings that it has."),
        # A test of the mail server or of a payment provider waits for its answer.
        Budget(requests=100, seconds=30),
        pages=["/setup", "/fest/logo", "/organise/settings", "/organise/settings/{rest:path}"],
        api=["/settings", "/settings/logo", "/settings/mail/test", "/settings/payments/test"],
        build=_fest,
        security_events={
            ("POST", "/setup"): "fest-set-up",
            ("POST", "/organise/settings"): "settings-changed",
            ("POST", "/organise/settings/payments"): "settings-changed",
            ("POST", "/organise/settings/mail"): "settings-changed",
            ("POST", "/organise/settings/sign-up"): "settings-changed",
            ("POST", "/organise/settings/logo"): "settings-changed",
            ("POST", "/organise/settings/logo/remove"): "settings-changed",
            ("POST", "/organise/settings/mail/test"): "settings-tested",
            ("POST", "/organise/settings/payments/test"): "settings-tested",
            ("PATCH", "/api/v1/settings"): "settings-changed",
            ("PUT", "/api/v1/settings/logo"): "settings-changed",
            ("DELETE", "/api/v1/settings/logo"): "settings-changed",
            ("POST", "/api/v1/settings/mail/test"): "settings-tested",
            ("POST", "/api/v1/settings/payments/test"): "settings-tested",
        },
        max_bodies={
            "/setup": MAX_LOGO_FORM,
            "/organise/settings/logo": MAX_LOGO_FORM,
            "/api/v1/settings/logo": MAX_UPLOAD,
        },
    ),
    Declared(
        "catalogue",
        N_("The list of events"),
        N_("Your seats and tickets are safe."),
        Budget(requests=1000, seconds=5),
        pages=["/", "/events", "/events/{slug}", "/events/{slug}/"],
        api=["/events", "/events/{slug}"],
        build=_catalogue,
    ),
    Declared(
        "registrations",
        N_("Registration"),
        N_("Your registrations are safe."),
        Budget(requests=1000, seconds=10),
        pages=[
            "/my-events",
            "/my-events/{rest:path}",
            "/events/{slug}/register",
            "/events/{slug}/wait",
            "/waiting/{id}/leave",
            "/registrations/{id}/confirm",
            "/registrations/{id}/cancel",
            "/registrations/{id}/holder",
            "/events/{slug}/teams",
            "/teams/{rest:path}",
        ],
        api=[
            "/registrations",
            "/registrations/{id}/confirm",
            "/registrations/{id}/cancel",
            "/registrations/{id}/holder",
            "/registrations/{id}/answers",
            "/events/{slug}/questions",
            "/events/{slug}/registrations",
            "/events/{slug}/teams",
            "/teams/{rest:path}",
            "/events/{slug}/waiting",
            "/waiting",
            "/waiting/{id}/leave",
        ],
        build=_registrations,
        max_bodies={"/my-events/": MAX_UPLOAD},
    ),
    Declared(
        "checkout",
        N_("Checkout"),
        N_("Your seats are kept, and their time is paused until checkout is available again."),
        # A payment provider is given ten seconds to answer.
        Budget(requests=400, seconds=12),
        pages=[
            "/checkout",
            "/orders/{ref}",
            "/orders/{ref}/cancel",
            "/orders/{ref}/transfer",
            "/orders/{ref}/seats/{seat_id}/cancel",
            "/webhooks/stripe",
        ],
        api=[
            "/orders",
            "/orders/{ref}",
            "/orders/{ref}/cancel",
            "/orders/{ref}/refund",
            "/orders/{ref}/transfer",
            "/transfers",
            "/transfers/{rest:path}",
            "/bank-lines",
            "/bank-lines/{rest:path}",
            "/bank-statements",
            "/orders/{ref}/seats/{seat_id}/cancel",
            "/orders/{ref}/refunds",
            "/orders/{ref}/notes",
            "/orders/{ref}/paid",
            "/orders/{ref}/refunded",
            "/events/{slug}/orders",
            "/events/{slug}/complimentary",
            "/registrations/{id}/exchange",
            "/exchanges/{id}/settlement",
        ],
        build=_checkout,
        security_events={
            ("POST", "/api/v1/orders/{ref}/refunds"): "order-refunded",
            ("POST", "/api/v1/orders/{ref}/notes"): "note-written",
            ("POST", "/api/v1/orders/{ref}/paid"): "order-marked-paid",
            ("POST", "/api/v1/orders/{ref}/refunded"): "order-marked-refunded",
            ("POST", "/api/v1/events/{slug}/complimentary"): "ticket-given",
            ("POST", "/api/v1/registrations/{registration_id}/exchange"): "ticket-exchanged",
            ("POST", "/api/v1/exchanges/{exchange_id}/settlement"): "difference-settled",
            ("POST", "/api/v1/orders/{ref}/refund"): "registration-cancelled",
            ("POST", "/webhooks/stripe"): "webhook",
            ("POST", "/api/v1/transfers/{ref}/confirm"): "order-marked-paid",
            ("POST", "/api/v1/transfers/{ref}/reject"): "transfer-rejected",
            ("POST", "/api/v1/bank-lines/assign"): "payment-assigned",
            ("POST", "/api/v1/bank-lines/ignore"): "payment-ignored",
            ("POST", "/api/v1/bank-statements"): "statement-imported",
        },
        max_bodies={"/api/v1/bank-statements": MAX_UPLOAD},
    ),
    Declared(
        "tickets",
        N_("Ticketing"),
        N_("Your payments and seats are safe."),
        Budget(requests=400, seconds=5),
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
        build=_tickets,
        security_events={
            ("POST", "/api/v1/orders/{ref}/send"): "ticket-sent-again",
            ("POST", "/api/v1/registrations/{registration_id}/correction"): "holder-corrected",
            ("POST", "/api/v1/registrations/{registration_id}/transfer"): "ticket-transferred",
            ("POST", "/tickets/{code}/send"): "ticket-sent",
            ("POST", "/tickets/{code}/transfer"): "ticket-transferred",
            ("POST", "/api/v1/tickets/{code}/send"): "ticket-sent",
            ("POST", "/api/v1/tickets/{code}/transfer"): "ticket-transferred",
        },
    ),
    # Behind a bulkhead of its own: a crowd that looks at its tickets must not starve the door.
    Declared(
        "door",
        N_("The door"),
        N_("Check-ins are stored. Meanwhile, let guests in by a printed list."),
        Budget(requests=200, seconds=5),
        pages=["/door", "/door/{rest:path}"],
        api=["/tickets/{code}/admission"],
        build=_door,
    ),
    Declared(
        "backoffice",
        N_("The organisers' office"),
        N_("Visitors can use the fest as usual."),
        Budget(requests=50, seconds=10),
        pages=["/organise", "/organise/{rest:path}"],
        api=[
            "/audit",
            "/box-office/{rest:path}",
            "/team",
            "/team/{rest:path}",
            "/dashboard",
            "/imports",
            "/imports/preview",
            "/settings/second-factor",
            "/events/{slug}/publish",
            "/events/{slug}/unpublish",
            "/events/{slug}/sales/open",
            "/events/{slug}/sales/close",
            "/events/{slug}/capacity",
            "/events/{slug}/move",
            "/events/{slug}/duplicate",
            "/events/{slug}/cancel",
            "/guests",
            "/guests/{rest:path}",
            "/orders/{ref}/history",
            "/emails",
            "/emails/{id}/try",
            "/events/{slug}/guests",
        ],
        build=_backoffice,
        security_events={
            ("POST", "/organise/team/invitations"): "team-invited",
            ("POST", "/organise/team/invitations/{id}/again"): "team-invited",
            ("POST", "/organise/team/invitations/{id}/withdraw"): "invitation-withdrawn",
            ("POST", "/organise/team/{id}/change"): "role-changed",
            ("POST", "/api/v1/team/invitations"): "team-invited",
            ("POST", "/api/v1/team/invitations/{invitation}/again"): "team-invited",
            ("DELETE", "/api/v1/team/invitations/{invitation}"): "invitation-withdrawn",
            ("PUT", "/api/v1/team/{person}"): "role-changed",
            ("DELETE", "/api/v1/team/{person}"): "role-changed",
            ("POST", "/organise/box-office/events/{slug}"): "tickets-sold",
            ("POST", "/organise/box-office/sales/{ref}/undo"): "sale-undone",
            ("POST", "/organise/box-office/shift/close"): "shift-closed",
            ("POST", "/api/v1/box-office/sales"): "tickets-sold",
            ("POST", "/api/v1/box-office/sales/{ref}/undo"): "sale-undone",
            ("POST", "/api/v1/box-office/shifts/current/close"): "shift-closed",
            ("POST", "/organise/events/new"): "event-created",
            ("POST", "/organise/events/{slug}/edit"): "event-changed",
            ("POST", "/organise/events/{slug}/publish"): "event-published",
            ("POST", "/organise/events/{slug}/unpublish"): "event-changed",
            ("POST", "/organise/events/{slug}/open-sales"): "event-changed",
            ("POST", "/organise/events/{slug}/close-sales"): "event-changed",
            ("POST", "/organise/events/{slug}/move"): "event-changed",
            ("POST", "/organise/events/{slug}/capacity"): "event-changed",
            ("POST", "/organise/events/{slug}/duplicate"): "event-created",
            ("POST", "/api/v1/events/{slug}/publish"): "event-published",
            ("POST", "/api/v1/events/{slug}/unpublish"): "event-changed",
            ("POST", "/api/v1/events/{slug}/sales/open"): "event-changed",
            ("POST", "/api/v1/events/{slug}/sales/close"): "event-changed",
            ("POST", "/api/v1/events/{slug}/capacity"): "event-changed",
            ("POST", "/api/v1/events/{slug}/move"): "event-changed",
            ("POST", "/api/v1/events/{slug}/duplicate"): "event-created",
            ("POST", "/api/v1/events/{slug}/cancel"): "event-cancelled",
            ("POST", "/organise/emails/{id}/try"): "email-sent-again",
            ("POST", "/organise/backup"): "backup-made",
            ("POST", "/organise/import/save"): "events-imported",
            ("POST", "/organise/events/{slug}/cancel"): "event-cancelled",
            ("POST", "/organise/orders/{ref}/paid"): "order-marked-paid",
            ("POST", "/organise/orders/{ref}/refunded"): "order-marked-refunded",
            ("POST", "/organise/orders/{ref}/cancel"): "registration-cancelled",
            ("POST", "/organise/orders/{ref}/refund"): "order-refunded",
            ("POST", "/organise/orders/{ref}/send"): "ticket-sent-again",
            ("POST", "/organise/orders/{ref}/notes"): "note-written",
            ("POST", "/organise/people/{id}/notes"): "note-written",
            ("POST", "/organise/differences/{id}"): "difference-settled",
            ("POST", "/organise/registrations/{id}/exchange"): "ticket-exchanged",
            ("POST", "/organise/registrations/{id}/cancel"): "registration-cancelled",
            ("POST", "/organise/registrations/{id}/holder"): "holder-corrected",
            ("POST", "/organise/registrations/{id}/transfer"): "ticket-transferred",
            ("POST", "/organise/events/{slug}/complimentary"): "ticket-given",
            ("POST", "/organise/payments/{ref}/try"): "payment-tried-again",
            ("POST", "/organise/transfers/orders/{ref}/confirm"): "order-marked-paid",
            ("POST", "/organise/transfers/orders/{ref}/reject"): "transfer-rejected",
            ("POST", "/organise/transfers/statement/import"): "statement-imported",
            ("POST", "/organise/transfers/assign"): "payment-assigned",
            ("POST", "/organise/transfers/ignore"): "payment-ignored",
            ("POST", "/organise/people/{id}/email/change"): "email-changed",
            ("POST", "/organise/people/{id}/links/end"): "guest-links-ended",
            ("POST", "/organise/people/{id}/delete"): "guest-deleted",
            ("POST", "/organise/people/{id}/tickets/{code}/again"): "ticket-sent-again",
            ("POST", "/organise/guests/action"): "guests-changed",
            ("POST", "/api/v1/guests/actions"): "guests-changed",
            ("POST", "/api/v1/guests/{person}/notes"): "note-written",
            ("POST", "/organise/events/{slug}/guests/action"): "guests-changed",
            ("POST", "/organise/guests/export"): "guests-exported",
            ("POST", "/organise/events/{slug}/guests/export"): "guests-exported",
            ("POST", "/organise/second-factor"): "second-factor-changed",
            ("PUT", "/api/v1/settings/second-factor"): "second-factor-changed",
        },
        max_bodies={
            "/organise/events/": MAX_EVENT_BODY,
            "/organise/import": MAX_IMPORT_BODY,
            "/api/v1/imports": MAX_IMPORT_BODY,
            "/organise/transfers/": MAX_UPLOAD,
        },
    ),
)


def security_events() -> dict[tuple[str, str], str]:
    """Return the security events of all modules, by method and route."""
    return {route: event for declared in DECLARED for route, event in declared.security_events.items()}


def max_bodies() -> dict[str, int]:
    """Return the limits on request bodies of all modules, by the beginning of the path."""
    return {start: limit for declared in DECLARED for start, limit in declared.max_bodies.items()}


def bulkheads(*, guarded: bool) -> dict[str, Bulkhead]:
    """Return a bulkhead for each module; without `guarded` they contain nothing, for comparisons."""
    pulse = Pulse()
    kind = Bulkhead if guarded else Unguarded
    return {
        declared.name: kind(declared.name, declared.title, declared.budget, pulse, declared.keeps)
        for declared in DECLARED
    }


def assemble(portal: Portal, links: Links, loader: Loader) -> dict[str, Module]:
    """Build every module that can be loaded, with the functions that it needs of others."""
    modules: dict[str, Module] = {}
    for declared in DECLARED:
        module = loader.attempt(declared.name, partial(declared.build, portal, links))
        if module is not None:
            modules[declared.name] = module
    return modules
