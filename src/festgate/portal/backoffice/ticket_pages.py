"""The organisers' pages of ticket types and of shared quotas."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.translation import gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import MAX_ID_LENGTH, read_id, read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations

NEW_TYPE: Mapping[str, str] = {
    **dict.fromkeys(catalogue.TYPE_FIELDS, ""),
    "min_per_order": "1",
    "max_per_order": "1",
    "team_price": "team",
}
"""The form of a new ticket type."""
QUOTA_PREFIX, ADMITS_PREFIX = "quota-", "admits-"
"""The beginnings of the names of the boxes to tick: an id follows."""


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A ticket type in the organisers' list."""

    event: catalogue.Event
    type: catalogue.TicketType
    is_offered: bool
    """Whether it is on sale now, as far as the type itself decides that."""
    live: int
    """Its held and confirmed seats."""

    @property
    def name(self) -> str:
        """The name; a plain word for the only type of an event, which has none."""
        return self.type.name or gettext("Ticket")

    @property
    def overlap(self) -> str:
        """A sentence about events of a pass that are at the same time; empty if there are none."""
        titles = catalogue.overlapping(self.event, self.type.admits) if self.type.is_pass else []
        return gettext("These events overlap: {events}.").format(events=", ".join(titles)) if titles else ""

    @property
    def admits_to(self) -> str:
        """The titles of the other events that a pass admits to; empty for other types."""
        return ", ".join(event.title for event in self.type.admits)

    @property
    def badge(self) -> tuple[str, str]:
        """The state: the kind of badge, and its text."""
        if self.type.is_withdrawn:
            return "cancelled", gettext("Withdrawn")
        if self.type.left is not None and self.type.left <= 0:
            return "soldout", gettext("Sold out")
        if self.type.details.is_hidden:
            return "soon", gettext("Hidden")
        return ("free", gettext("On sale")) if self.is_offered else ("closed", gettext("Not on sale now"))


@dataclass(frozen=True, slots=True)
class TicketsPage:
    """The view model of /organise/events/{slug}/tickets."""

    event: catalogue.Event
    rows: tuple[TypeRow, ...]
    quotas: tuple[catalogue.Quota, ...]
    """The shared quotas that can be chosen: those of the fest, or for a lead those that the event draws on already."""
    events: tuple[catalogue.PassEvent, ...]
    """The other events that a pass could admit to; for a lead only assigned ones."""

    def chosen(self, type_id: int | None, fields: Mapping[str, str]) -> tuple[set[int], set[int]]:
        """Return the quotas and the events that the form ticks, and those of the type that it does not show."""
        types = {row.type.id: row.type for row in self.rows}
        kind = None if type_id is None else types.get(type_id)
        quotas, events = {quota.id for quota in self.quotas}, {event.id for event in self.events}
        kept_quotas = {quota.id for quota in kind.quotas} - quotas if kind else set()
        kept_events = {event.id for event in kind.admits} - events if kind else set()
        return (
            _ids_in(QUOTA_PREFIX, fields) & quotas | kept_quotas,
            _ids_in(ADMITS_PREFIX, fields) & events | kept_events,
        )

    @property
    def sells_teams(self) -> bool:
        """Return whether a ticket type is for teams."""
        return any(row.type.details.is_for_teams for row in self.rows)


def read_tickets(connection: Connection, slug: str, visitor: Visitor) -> TicketsPage:
    """Return the ticket types of an event with their counts, and what the visitor may choose. Raises NotFound."""
    event = catalogue.any_event_by_slug(connection, slug)
    types = catalogue.types_of(connection, event.id)
    rows = tuple(
        TypeRow(
            event,
            ticket_type,
            catalogue.is_offered(ticket_type, types, connection.now),
            registrations.count_of_type(connection, event.id, ticket_type.id)[1],
        )
        for ticket_type in types
    )
    quotas, others = catalogue.shared_quotas(connection), catalogue.events_for_passes(connection, event.id)
    reachable = catalogue.reachable_events(connection, visitor.person, visitor.role)
    if reachable is not None:
        drawn = {quota.id for ticket_type in types for quota in ticket_type.quotas}
        quotas = [quota for quota in quotas if quota.id in drawn]
        others = [other for other in others if other.id in reachable]
    return TicketsPage(event, rows, tuple(quotas), tuple(others))


class TicketTypePages:
    """Pages for organisers about what an event sells."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._zone = portal.settings.zone
        self._currency = portal.settings.currency

    def routes(self) -> list[Route]:
        """Return the routes; `new` stands before the ids."""
        guard = self._portal.guard
        tickets = "/organise/events/{slug}/tickets"
        one = f"{tickets}/{{type_id}}"
        return [
            guard("events.edit", tickets, self.show_types),
            guard("events.edit", tickets, self.limit, methods=["POST"]),
            guard("events.edit", f"{tickets}/refunds", self.set_refunds, methods=["POST"]),
            guard("events.edit", f"{tickets}/new", self.show_new),
            guard("events.edit", f"{tickets}/new", self.add, methods=["POST"]),
            guard("events.edit", one, self.show_type),
            guard("events.edit", one, self.edit, methods=["POST"]),
            guard("events.edit", f"{one}/{{step}}", self.change, methods=["POST"]),
            guard("events.manage", "/organise/quotas", self.show_quotas),
            guard("events.manage", "/organise/quotas", self.add_quota, methods=["POST"]),
            guard("events.manage", "/organise/quotas/{quota_id}", self.edit_quota, methods=["POST"]),
        ]

    async def show_types(self, request: Request) -> Response:
        """Show the ticket types of an event."""
        return await self._types(request)

    async def limit(self, request: Request) -> Response:
        """Set the number of tickets that one person can have."""
        slug = read_path(request, "slug")
        fields = await read_fields(request)
        try:
            most = catalogue.read_limit(fields.get("max_per_person", ""))
        except ValueError as error:
            return await self._types(request, fields, {"max_per_person": str(error)})
        await self._portal.database.write(
            catalogue.limit_per_person, slug, most, actor=self._portal.actor(request)
        )
        return see_other(f"/organise/events/{slug}/tickets")

    async def set_refunds(self, request: Request) -> Response:
        """Set the refund rule of an event."""
        slug = read_path(request, "slug")
        fields = await read_fields(request)
        try:
            rule = catalogue.read_rule(fields)
        except Invalid as refusal:
            return await self._types(request, fields, refusal.fields)
        await self._portal.database.write(
            catalogue.set_refund_rule, slug, rule, actor=self._portal.actor(request)
        )
        return see_other(f"/organise/events/{slug}/tickets")

    async def show_new(self, request: Request) -> Response:
        """Show an empty form."""
        return await self._form(request, None)

    async def add(self, request: Request) -> Response:
        """Add a ticket type."""
        slug = read_path(request, "slug")
        fields = await read_fields(request)
        visitor, actor = self._portal.known(request), self._portal.actor(request)

        def operation(connection: Connection) -> None:
            details = self._read(connection, slug, fields)
            shown = read_tickets(connection, slug, visitor)
            catalogue.add_ticket_type(connection, slug, details, *shown.chosen(None, fields), actor=actor)

        try:
            await self._portal.database.write(operation)
        except Invalid as refusal:
            return await self._form(request, None, fields, refusal)
        return see_other(f"/organise/events/{slug}/tickets")

    async def show_type(self, request: Request) -> Response:
        """Show the form of one ticket type."""
        return await self._form(request, read_id(request, "type_id"))

    async def edit(self, request: Request) -> Response:
        """Save the form of one ticket type."""
        slug, type_id = read_path(request, "slug"), read_id(request, "type_id")
        fields = await read_fields(request)
        visitor, actor = self._portal.known(request), self._portal.actor(request)

        def operation(connection: Connection) -> None:
            details = self._read(connection, slug, fields)
            shown = read_tickets(connection, slug, visitor)
            catalogue.edit_ticket_type(
                connection,
                slug,
                type_id,
                details,
                registrations.count_of_type,
                *shown.chosen(type_id, fields),
                actor=actor,
            )

        try:
            await self._portal.database.write(operation)
        except Invalid as refusal:
            return await self._form(request, type_id, fields, refusal)
        return see_other(f"/organise/events/{slug}/tickets")

    async def change(self, request: Request) -> Response:
        """Remove a ticket type, offer a withdrawn one again, or move it by one place."""
        slug, type_id = read_path(request, "slug"), read_id(request, "type_id")
        write, actor = self._portal.database.write, self._portal.actor(request)
        step = read_path(request, "step")
        try:
            if step == "remove":
                await write(
                    catalogue.remove_ticket_type, slug, type_id, registrations.count_of_type, actor=actor
                )
            elif step == "offer":
                await write(catalogue.offer_ticket_type, slug, type_id, actor=actor)
            elif step in ("up", "down"):
                by = -1 if step == "up" else 1
                await write(catalogue.move_ticket_type, slug, type_id, by, actor=actor)
            else:
                raise NotFound
        except Invalid as refusal:
            return await self._types(request, {}, refusal.fields)
        return see_other(f"/organise/events/{slug}/tickets")

    async def show_quotas(self, request: Request) -> Response:
        """Show the shared quotas of the fest."""
        return await self._quotas(request)

    async def add_quota(self, request: Request) -> Response:
        """Create a shared quota."""
        fields = await read_fields(request)
        try:
            name, capacity = catalogue.read_quota(fields)
            await self._portal.database.write(
                catalogue.create_quota, name, capacity, actor=self._portal.actor(request)
            )
        except Invalid as refusal:
            return await self._quotas(request, None, fields, refusal.fields)
        return see_other("/organise/quotas")

    async def edit_quota(self, request: Request) -> Response:
        """Save or delete a shared quota."""
        quota_id = read_id(request, "quota_id")
        fields = await read_fields(request)
        write, actor = self._portal.database.write, self._portal.actor(request)
        try:
            if fields.get("then") == "delete":
                await write(catalogue.drop_quota, quota_id, actor=actor)
            else:
                name, capacity = catalogue.read_quota(fields)
                await write(catalogue.resize_quota, quota_id, name, capacity, actor=actor)
        except Invalid as refusal:
            return await self._quotas(request, quota_id, fields, refusal.fields)
        return see_other("/organise/quotas")

    def _read(self, connection: Connection, slug: str, fields: Mapping[str, str]) -> catalogue.TypeDetails:
        event = catalogue.any_event_by_slug(connection, slug)
        return catalogue.read_type(fields, self._zone, catalogue.fee_currency(event, self._currency))

    async def _types(
        self,
        request: Request,
        entered: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        shown = await self._portal.database.read(
            read_tickets, read_path(request, "slug"), self._portal.known(request)
        )
        return await self._portal.page(
            request,
            "backoffice/tickets.html",
            status=Invalid.status if errors else 200,
            section="organise",
            shown=shown,
            entered=entered or {},
            errors=errors or {},
            rule=catalogue.written_fields(catalogue.stored_rule(shown.event.refund_rule))
            | dict(entered or {}),
        )

    async def _form(
        self,
        request: Request,
        type_id: int | None,
        entered: Mapping[str, str] | None = None,
        refusal: Invalid | None = None,
    ) -> Response:
        shown = await self._portal.database.read(
            read_tickets, read_path(request, "slug"), self._portal.known(request)
        )
        types = [row.type for row in shown.rows]
        ticket_type = None if type_id is None else catalogue.type_of(types, type_id)
        values = dict(
            NEW_TYPE if ticket_type is None else catalogue.written_type(ticket_type.details, self._zone)
        )
        drawn = {quota.id for quota in ticket_type.quotas} if ticket_type else set()
        admits = {other.id for other in ticket_type.admits} if ticket_type else set()
        return await self._portal.page(
            request,
            "backoffice/ticket_type.html",
            status=refusal.status if refusal else 200,
            section="organise",
            event=shown.event,
            ticket_type=ticket_type,
            values=values if entered is None else {**dict.fromkeys(values, ""), **entered},
            errors=refusal.fields if refusal else {},
            others=[("", gettext("No other"))]
            + [(str(other.id), other.name) for other in types if other.name and other.id != type_id],
            quotas=shown.quotas,
            drawn=drawn if entered is None else _ids_in(QUOTA_PREFIX, entered),
            events=shown.events,
            admits=admits if entered is None else _ids_in(ADMITS_PREFIX, entered),
            row=next((row for row in shown.rows if row.type.id == type_id), None),
            currency=catalogue.fee_currency(shown.event, self._currency),
            zone=self._zone.key,
            base_url=self._portal.settings.base_url,
        )

    async def _quotas(
        self,
        request: Request,
        quota_id: int | None = None,
        entered: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        def read(connection: Connection) -> list[tuple[catalogue.Quota, list[str]]]:
            types = catalogue.types_by_quota(connection)
            labels = {
                ticket_type.id: f"{event.title}: {ticket_type.name}" if ticket_type.name else event.title
                for event in catalogue.all_events(connection)
                for ticket_type in catalogue.types_of(connection, event.id)
            }
            return [
                (quota, sorted(labels[type_id] for type_id in types.get(quota.id, ())))
                for quota in catalogue.shared_quotas(connection)
            ]

        listed = await self._portal.database.read(read)
        return await self._portal.page(
            request,
            "backoffice/quotas.html",
            status=Invalid.status if errors else 200,
            section="organise",
            quotas=listed,
            edited=quota_id,
            entered=entered or {},
            errors=errors or {},
            max_name=catalogue.MAX_QUOTA_NAME,
        )


def _ids_in(prefix: str, fields: Mapping[str, str]) -> set[int]:
    """Return the ids of the boxes of that prefix that are ticked."""
    names = (name.removeprefix(prefix) for name in fields if name.startswith(prefix))
    return {int(name) for name in names if name.isascii() and name.isdecimal() and len(name) <= MAX_ID_LENGTH}
