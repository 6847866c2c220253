"""The shared quotas of the fest as JSON."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.text import DECOMPOSED
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.guest_action_api import IdempotencyKey
from festgate.portal.backoffice.request_keys import Id, Whole, content_of, create_once, entered_fields
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.facade import KeyReused

PATH = "/programme/quotas"
QuotaName = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_QUOTA_NAME)]


class QuotaUser(BaseModel):
    """A ticket type that draws on a quota."""

    event: str = Field(description="The slug of its event.")
    ticket_type: int
    name: str = Field(description="Empty for the only ticket type of an event.")


class SharedQuota(BaseModel):
    """A shared quota."""

    id: int
    name: str
    capacity: int
    taken: int = Field(description="Its tickets that are held or sold.")
    ticket_types: list[QuotaUser] = Field(description="The ticket types that draw on it.")


class QuotaFields(BaseModel, extra="forbid", strict=True):
    """The values of a quota's form; of a change, those that are left out stay as they are."""

    name: QuotaName = Field(default="", description="Unique.")
    capacity: Whole | None = Field(default=None, description="The most tickets; not fewer than are taken.")


class QuotaApi:
    """JSON routes of shared quotas."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes."""
        router = module_router(self._portal, "backoffice", "programme")
        self._add_list(router)
        self._add_quota(router)
        return router

    def _add_list(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "events.manage"))]  # noqa: N806  (a type)

        @router.get(PATH, responses=problems(SignInNeeded, Forbidden))
        async def list_quotas(_caller: Caller) -> list[SharedQuota]:
            """List the shared quotas of the fest by name, at most 50, with the ticket types that draw on them."""
            return await database.report(_read_quotas)

        @router.post(PATH, status_code=201, responses=problems(SignInNeeded, Forbidden, NotFound, KeyReused))
        async def add(
            body: QuotaFields,
            caller: Caller,
            request: Request,
            response: Response,
            idempotency_key: IdempotencyKey,
        ) -> SharedQuota:
            """Create a shared quota. Ticket types draw on it by their `quotas`."""
            actor = actor_of(caller, request)

            def operation(connection: Connection) -> int:
                def make() -> list[int]:
                    name, capacity = catalogue.read_quota(entered_fields(body))
                    return [catalogue.create_quota(connection, name, capacity, actor=actor).id]

                content = content_of(PATH, body)
                return create_once(connection, caller.person, idempotency_key, content, make)[0]

            quota_id = await database.write(operation)
            response.headers["location"] = f"/api/v1{PATH}/{quota_id}"
            return await database.report(_read_quota, quota_id)

    def _add_quota(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "events.manage"))]  # noqa: N806  (a type)
        one = f"{PATH}/{{quota_id}}"

        @router.get(one, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_quota(quota_id: Id, _caller: Caller) -> SharedQuota:
            """Read a shared quota."""
            return await database.report(_read_quota, quota_id)

        @router.patch(one, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def change(quota_id: Id, body: QuotaFields, caller: Caller, request: Request) -> SharedQuota:
            """Change a shared quota; what comes free is offered to the waiting list first. Idempotent."""
            actor = actor_of(caller, request)

            def operation(connection: Connection) -> None:
                known = next((one for one in catalogue.shared_quotas(connection) if one.id == quota_id), None)
                if known is None:
                    raise NotFound
                before = {"name": known.name, "capacity": str(known.capacity)}
                name, capacity = catalogue.read_quota({**before, **entered_fields(body)})
                if (name, capacity) != (known.name, known.capacity):
                    catalogue.resize_quota(connection, quota_id, name, capacity, actor=actor)

            await database.write(operation)
            return await database.report(_read_quota, quota_id)

        @router.delete(one, status_code=204, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def delete(quota_id: Id, caller: Caller, request: Request) -> None:
            """Delete a shared quota that no ticket type draws on."""
            await database.write(catalogue.drop_quota, quota_id, actor=actor_of(caller, request))


def _read_quotas(connection: Connection) -> list[SharedQuota]:
    drawn = catalogue.types_by_quota(connection)
    users = {
        kind.id: QuotaUser(event=event.slug, ticket_type=kind.id, name=kind.name)
        for event in catalogue.all_events(connection)
        for kind in catalogue.types_of_event(connection, event)
    }
    return [
        SharedQuota(
            id=quota.id,
            name=quota.name,
            capacity=quota.capacity,
            taken=quota.taken,
            ticket_types=[users[type_id] for type_id in sorted(drawn.get(quota.id, ()))],
        )
        for quota in catalogue.shared_quotas(connection)
    ]


def _read_quota(connection: Connection, quota_id: int) -> SharedQuota:
    for quota in _read_quotas(connection):
        if quota.id == quota_id:
            return quota
    raise NotFound
