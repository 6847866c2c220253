"""The module registrations: what it adds to the portal, and the functions that other modules get of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from festgate.kit.db.statements import Connection
from festgate.kit.resilience.bulkhead import Budget
from festgate.kit.translation import N_
from festgate.kit.web.modules import MAX_UPLOAD, Module, Parts
from festgate.kit.web.navigation import NavigationEntry
from festgate.kit.web.portal import Portal

if TYPE_CHECKING:
    from fastapi import APIRouter

    from festgate.portal.accounts.facade import PersonalRecords
    from festgate.portal.catalogue.facade import FindPlace, FindSeats, LapsedHolds
    from festgate.portal.registrations.facade import IsUsed, ReplaceCode, SeatReferences

MODULE = Module(
    name="registrations",
    title=N_("Registration"),
    keeps=N_("Your registrations are safe."),
    budget=Budget(requests=1000, seconds=10),
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
    navigation=[NavigationEntry(N_("My events"), "/my-events", "my-events", "signed-in")],
    way_on=(N_("My events"), "/my-events"),
    max_bodies={"/my-events/": MAX_UPLOAD},
)


@dataclass(frozen=True)
class Functions:
    """The functions that the catalogue and all pages get of registrations."""

    count_held: Callable[[Connection, int], int]
    find_lapses: "Callable[[Connection], LapsedHolds]"
    kept_sentence: Callable[[Connection, int], str]
    own_seats: "FindSeats"
    own_place: "FindPlace"


def _no_lapses(_connection: Connection) -> "LapsedHolds":
    from festgate.portal.catalogue.facade import LapsedHolds

    return LapsedHolds()


STAND_INS = Functions(
    count_held=lambda _connection, _person: 0,
    find_lapses=_no_lapses,
    kept_sentence=lambda _connection, _person: "",
    own_seats=lambda _connection, _person: (),
    own_place=lambda _connection, _person, _slug: None,
)
"""Their stand-ins while registrations cannot be loaded."""


def functions() -> Functions:
    """Return the functions of registrations."""
    from festgate.portal.registrations import facade

    return Functions(
        facade.count_held, facade.find_lapses, facade.kept_sentence, facade.own_seats, facade.own_place
    )


def personal_records(is_used: "IsUsed", replace_code: "ReplaceCode") -> "PersonalRecords":
    """Return the data of registrations about a person, with functions of tickets."""
    from festgate.portal.registrations import facade

    return facade.personal_records(is_used, replace_code)


def build(
    portal: Portal,
    *,
    ticket_codes: "SeatReferences",
    order_refs: "SeatReferences",
    is_used: "IsUsed",
    replace_code: "ReplaceCode",
) -> Parts:
    """Build the parts of registrations, with functions of tickets and of checkout."""
    from festgate.portal.accounts.facade import SeatLimits
    from festgate.portal.registrations import facade
    from festgate.portal.registrations.answer_pages import AnswerPages
    from festgate.portal.registrations.handlers import SUBSCRIPTIONS
    from festgate.portal.registrations.holder_pages import HolderPages
    from festgate.portal.registrations.pages import RegistrationPages
    from festgate.portal.registrations.team_pages import TeamPages
    from festgate.portal.registrations.waiting_pages import WaitingPages

    addresses = SeatLimits(portal.secret, portal.settings.max_seats_of_address)

    def api() -> "APIRouter":
        from festgate.portal.registrations.api import RegistrationApi
        from festgate.portal.registrations.team_api import TeamApi

        router = RegistrationApi(portal, is_used, addresses).router()
        TeamApi(portal, is_used, replace_code, addresses).add_to(router)
        return router

    return Parts(
        [
            *RegistrationPages(portal, ticket_codes, order_refs, is_used, addresses).routes(),
            *HolderPages(portal, is_used).routes(),
            *AnswerPages(portal, is_used).routes(),
            *TeamPages(portal, is_used, replace_code, addresses).routes(),
            *WaitingPages(portal).routes(),
        ],
        api,
        SUBSCRIPTIONS,
        periodic_tasks=[facade.sweep_all, facade.forget_ended_files],
        work=[facade.HoldKeeper(portal.database, portal.bulkheads["checkout"].is_unavailable).run],
    )
