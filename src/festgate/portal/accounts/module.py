"""The module accounts: what it adds to the portal, and the functions that other parts get of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from festgate.kit.db.statements import Connection
from festgate.kit.resilience.bulkhead import Budget
from festgate.kit.translation import N_
from festgate.kit.visitors import Visitor
from festgate.kit.web.modules import Module, Parts
from festgate.kit.web.navigation import AccountPaths, NavigationEntry
from festgate.kit.web.portal import Portal

if TYPE_CHECKING:
    from fastapi import APIRouter

    from festgate.portal.accounts.facade import AssignEvents, PersonalRecords

PATHS = AccountPaths(
    account="/account",
    sign_in="/login",
    sign_out="/logout",
    prove="/account/prove",
    second_factor="/account/second-factor",
)
MODULE = Module(
    name="accounts",
    title=N_("Signing in"),
    keeps=N_("You stay signed in if you are."),
    # As long as it takes to hash the passwords of a whole campus that signs in at once.
    budget=Budget(requests=1000, seconds=30),
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
    navigation=[
        NavigationEntry(N_("Sign in"), PATHS.sign_in, "login", "anonymous"),
        NavigationEntry(N_("Sign up"), "/register", "register", "anonymous"),
    ],
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
)


@dataclass(frozen=True)
class Functions:
    """The functions that all pages get of accounts."""

    find_visitor: Callable[[Connection, str], Visitor | None]
    find_bearer: Callable[[Connection, str], Visitor | None]
    note_seen: Callable[[Connection, str], None]
    lacks_second_factor: Callable[[Connection, int], bool]


STAND_INS = Functions(
    find_visitor=lambda _connection, _token: None,
    find_bearer=lambda _connection, _token: None,
    note_seen=lambda _connection, _token: None,
    lacks_second_factor=lambda _connection, _person: False,
)
"""Their stand-ins while accounts cannot be loaded."""


def functions() -> Functions:
    """Return the functions of accounts."""
    from festgate.portal.accounts import facade

    return Functions(facade.find_visitor, facade.find_bearer, facade.note_seen, facade.lacks_second_factor)


def build(
    portal: Portal,
    personal_records: "Mapping[str, PersonalRecords | None]",
    assign_events: "AssignEvents",
) -> Parts:
    """Build the parts of accounts, with the data about a person of each higher module; None where it is missing."""
    from festgate.portal.accounts import address_changes, confirmation, guest_links, invitations, recovery
    from festgate.portal.accounts.account_pages import OwnAccountPages
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

    def api() -> "APIRouter":
        from festgate.portal.accounts.api import AccountApi

        return AccountApi(portal, hasher).router()

    hasher = Hasher()
    reception = Reception(portal.database, hasher, portal.settings, portal.secret)
    records = [part for part in personal_records.values() if part is not None]
    absent = [name for name, part in personal_records.items() if part is None]
    return Parts(
        [
            *AccountPages(portal, hasher).routes(),
            *OwnAccountPages(portal, reception).routes(),
            *SecondFactorPages(portal, reception).routes(),
            *DeletionPages(portal, reception, records, absent).routes(),
            *GuestPages(portal, records, absent).routes(),
            *InvitationPages(portal, reception, assign_events).routes(),
        ],
        api,
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
