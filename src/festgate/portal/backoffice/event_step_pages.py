"""The organisers' pages that ask before a step on an event, and do it."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, Refused
from festgate.kit.shown import FIELD
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.backoffice import event_steps
from festgate.portal.backoffice.editing import shown_version
from festgate.portal.backoffice.event_steps import MAX_DAYS_LENGTH, StepName, StepPage, read_days, read_seats
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event

SIMPLE: Sequence[StepName] = ("unpublish", "open-sales", "close-sales")
"""Steps that need no input; `pages.py` publishes and cancels."""


class EventStepPages:
    """Pages that ask before a step on one event."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._writing = portal.pages.writing
        self._zone = portal.settings.zone

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes."""
        routes: list[BaseRoute] = []
        doing: dict[StepName, Callable[[Request], Coroutine[Any, Any, Response]]] = {
            **{name: partial(self._do_simple, name) for name in SIMPLE},
            "capacity": self._resize,
            "move": self._move,
            "duplicate": self._duplicate,
        }
        for name in ("publish", *doing):
            path, permission = f"/organise/events/{{slug}}/{name}", event_steps.permission_of(name)
            routes.append(self._portal.guard(permission, path, partial(self._ask, name)))
        for name, endpoint in doing.items():
            path, permission = f"/organise/events/{{slug}}/{name}", event_steps.permission_of(name)
            routes.append(self._portal.guard(permission, path, endpoint, methods=["POST"]))
        return routes

    async def _ask(self, name: StepName, request: Request) -> Response:
        """Answer with what the step will do, and the button that does it."""
        days = read_query(request, "days", MAX_DAYS_LENGTH) if name == "move" else ""
        return await self._page(request, name, days)

    async def _page(
        self,
        request: Request,
        name: StepName,
        days: str = "",
        refusal: Refused | None = None,
        entered: Mapping[str, str] | None = None,
    ) -> Response:
        read = self._portal.database.read
        slug = read_path(request, "slug")
        try:
            shown = await read(event_steps.ask, slug, name, self._zone, self._writing, days)
        except Invalid as wrong:
            refusal = refusal or wrong
            shown = await read(event_steps.ask, slug, name, self._zone, self._writing, "")
        return await self._portal.page(
            request,
            "backoffice/event_step.html",
            status=refusal.status if refusal else HTTPStatus.OK,
            section="organise",
            shown=shown,
            event=shown.event,
            values=self._values(shown, days, entered or {}),
            errors=refusal.fields if isinstance(refusal, Invalid) else {},
            refused=refusal.message if refusal and not isinstance(refusal, Invalid) else "",
            opened_at=(entered or {}).get(FIELD) or self._portal.database.clock(),
            max_days=catalogue.MAX_DAYS,
            max_title=catalogue.MAX_LENGTHS["title"],
        )

    def _values(self, shown: StepPage, days: str, entered: Mapping[str, str]) -> Mapping[str, str]:
        return {
            "days": days,
            "capacity": str(shown.event.capacity or ""),
            "title": catalogue.copy_title(shown.event.title),
            **entered,
        }

    async def _do_simple(self, name: StepName, request: Request) -> Response:
        """Do the step as the page showed it, and lead to the event."""
        fields = await read_fields(request)
        operations: dict[StepName, Callable[..., Event]] = {
            "unpublish": event_steps.unpublish,
            "open-sales": event_steps.open_sales,
            "close-sales": event_steps.close_sales,
        }
        version = shown_version(fields.get(FIELD, ""))
        return await self._do(request, name, partial(operations[name], version=version), fields)

    async def _resize(self, request: Request) -> Response:
        """Change the number of seats, or show the form again."""
        fields = await read_fields(request)
        version = shown_version(fields.get(FIELD, ""))

        def operation(connection: Connection, slug: str, **named: Any) -> Event:  # noqa: ANN401  (the actor)
            return event_steps.resize(
                connection, slug, read_seats(fields.get("capacity", "")), version, **named
            )

        return await self._do(request, "capacity", operation, fields)

    async def _move(self, request: Request) -> Response:
        """Move the event by days, or show the form again."""
        fields = await read_fields(request)
        version = shown_version(fields.get(FIELD, ""))
        days = fields.get(FIELD, "").partition(";")[2][:MAX_DAYS_LENGTH]

        def operation(connection: Connection, slug: str, **named: Any) -> Event:  # noqa: ANN401  (the actor)
            may_move = fields.get("move") == "yes"
            return event_steps.move(
                connection, slug, read_days(days), self._zone, version, may_move=may_move, **named
            )

        return await self._do(request, "move", operation, fields, days)

    async def _duplicate(self, request: Request) -> Response:
        """Make a copy of the event as a draft, or show the form again."""
        fields = await read_fields(request)
        opened_at = shown_version(fields.get(FIELD, ""))

        def operation(connection: Connection, slug: str, **named: Any) -> Event:  # noqa: ANN401  (the actor)
            entered = fields.get("days", "").strip()
            return event_steps.duplicate(
                connection,
                slug,
                fields.get("title", ""),
                self._zone,
                days=read_days(entered) if entered else 0,
                opened_at=opened_at if opened_at > 0 else None,
                **named,
            )

        return await self._do(request, "duplicate", operation, fields)

    async def _do(
        self,
        request: Request,
        name: StepName,
        operation: Callable[..., Event],
        fields: Mapping[str, str],
        days: str = "",
    ) -> Response:
        """Run the operation and lead to the event's overview; or show the page again with the reason."""
        slug = read_path(request, "slug")
        doing = partial(operation, actor=self._portal.actor(request))
        try:
            event = await self._portal.database.write(doing, slug)
        except (
            Invalid,
            catalogue.CapacityTaken,
            catalogue.EventEdited,
            catalogue.EventOver,
            catalogue.EventWasCancelled,
            catalogue.MoveUnconfirmed,
            catalogue.NotPublished,
            catalogue.WasRegisteredFor,
        ) as refusal:
            kept = {key: value for key, value in fields.items() if key != FIELD or name == "duplicate"}
            return await self._page(request, name, days, refusal, kept)
        done = "moved-draft" if name == "move" and event.state == "draft" else name
        return see_other(f"/organise/events/{event.slug}?done={done}")
