"""The rules of an event about the holders of its tickets as JSON, for organisers."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from festgate.kit.clock import Milliseconds, moment
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, Name, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.catalogue import facade as catalogue

Time = Annotated[
    datetime | None, Field(description="In UTC, or with an offset; null: until the event begins.")
]


class HolderRules(BaseModel):
    """The rules of an event about the names on its tickets, and about transfers to other people."""

    names: catalogue.NameRule = Field(
        description="`off`: a ticket has the name of its buyer; `optional`: buyers may enter names; `required`: a "
        "seat is confirmed once its name is entered."
    )
    names_until: Time
    transfers: bool = Field(description="Whether buyers can transfer a ticket to another person.")
    transfers_until: Time

    @classmethod
    def of(cls, event: catalogue.Event) -> "HolderRules":
        """Return the rules of the event."""
        rules = catalogue.rules_of(event)
        return cls(
            names=rules.names,
            names_until=_moment(rules.names_until),
            transfers=rules.has_transfers,
            transfers_until=_moment(rules.transfers_until),
        )


class HolderRulesInput(HolderRules, extra="forbid"):
    """The rules to set."""


class HolderRuleApi:
    """JSON routes of an event's rules about holders, with the permission of their page."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        database = self._portal.database
        router = module_router(self._portal, "backoffice", "office")
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "events.edit"))]  # noqa: N806  (a type)
        refusals = (SignInNeeded, Forbidden, NotFound)

        @router.get("/events/{slug}/holder-rules", responses=problems(*refusals))
        async def read_rules(slug: Name, _caller: Caller) -> HolderRules:
            """Read the rules about the names on the tickets of an event, and about transfers."""
            return HolderRules.of(await database.read(catalogue.any_event_by_slug, slug))

        @router.put("/events/{slug}/holder-rules", responses=problems(*refusals, catalogue.EventWasCancelled))
        async def save_rules(
            slug: Name, body: HolderRulesInput, caller: Caller, request: Request
        ) -> HolderRules:
            """Set the rules about the names on the tickets of an event, and about transfers. Idempotent."""
            entered = {
                "names": body.names,
                "names_until": _written(body.names_until),
                "transfers": "yes" if body.transfers else "",
                "transfers_until": _written(body.transfers_until),
            }
            rules = catalogue.read_holder_rules(entered, self._portal.settings.zone)
            return HolderRules.of(
                await database.write(catalogue.set_holder_rules, slug, rules, actor=actor_of(caller, request))
            )

        return router


def _written(at: datetime | None) -> str:
    if at is None:
        return ""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _moment(at: Milliseconds) -> datetime | None:
    return moment(at) if at else None
