"""The events of the programme as JSON, as their organisers edit them: drafts too, and the rules of each event."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from festgate.kit.clock import Milliseconds, moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, Invalid, NotFound, SignInNeeded
from festgate.kit.text import DECOMPOSED, search_words, searchable
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.guest_action_api import IdempotencyKey
from festgate.portal.backoffice.queries import Organised, find_organised, list_organised, own_events
from festgate.portal.backoffice.request_keys import (
    UTC,
    Entered,
    Whole,
    content_of,
    create_once,
    entered_fields,
)
from festgate.portal.backoffice.room_warnings import RoomWarnings, room_warnings
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event
from festgate.portal.checkout.facade import KeyReused

PAGE_SIZE = 50
LAST_PAGE = 100_000
MAX_WORDS = 100
MAX_STEPS = 3
PATH = "/programme/events"
Title = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_LENGTHS["title"])]
Summary = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_LENGTHS["summary"])]
Description = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_LENGTHS["description"])]
Category = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_LENGTHS["category"])]
Place = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_LENGTHS["place"])]
_A_TIME = "`2031-03-14T10:00` in UTC, or a time with an offset"


class RoomWarning(BaseModel):
    """Two events in one room at the same time, or a room with fewer places than its event has seats."""

    kind: Literal["overlap", "small-room"]
    room: str
    events: list[str] = Field(description="The titles of the events.")
    starts_at: datetime | None = Field(description="The begin of the overlap; null for a small room.")
    ends_at: datetime | None

    @classmethod
    def listed(cls, warnings: RoomWarnings) -> list["RoomWarning"]:
        """Return the warnings for JSON."""
        overlaps = [
            cls(
                kind="overlap",
                room=overlap.room.name,
                events=[overlap.times.first, overlap.times.second],
                starts_at=moment(overlap.times.starts_at),
                ends_at=moment(overlap.times.ends_at),
            )
            for overlap in warnings.overlaps
        ]
        small = [
            cls(kind="small-room", room=row.room.name, events=[row.event.title], starts_at=None, ends_at=None)
            for row in warnings.small
        ]
        return overlaps + small


class ProgrammeLine(BaseModel):
    """An event of the organisers' list."""

    slug: str
    title: str
    state: str = Field(description="`draft`, `published` or `cancelled`.")
    category: str
    place: str
    starts_at: datetime | None = Field(description="Null in a draft without a start.")
    ends_at: datetime | None
    fee: Amount = Field(description="The lowest price of its public ticket types.")
    capacity: int = Field(description="The number of seats; 0 if it is not entered yet.")
    taken: int = Field(description="Seats that are held or confirmed now.")
    version: int = Field(description="Rises with each change; send it with yours.")


class ProgrammeEvent(ProgrammeLine):
    """An event with all that its form has."""

    summary: str
    description: str
    room: str | None = Field(description="The room whose name is its place; null for another place.")
    sales_open_at: datetime | None = Field(description="Null: when it is published.")
    sales_close_at: datetime | None
    warnings: list[RoomWarning] = Field(
        description="Warnings about its room. They keep nothing from being saved."
    )


class ProgrammePage(BaseModel):
    """A page of the organisers' list."""

    events: list[ProgrammeLine] = Field(
        description="Up to 50 events: those without a time first, then by start."
    )
    total: int = Field(description="Number of events on all pages.")
    page: int
    pages: int


class ProgrammeAsked(BaseModel):
    """The filters of the list."""

    q: Annotated[str, Field(max_length=MAX_WORDS)] = Field(
        default="",
        description="Words, each of which must be in the title, the category, the place or the slug.",
    )
    state: Literal["draft", "published", "cancelled"] | None = None
    page: int = Field(default=1, ge=1, le=LAST_PAGE)


class EventFields(BaseModel, extra="forbid", strict=True):
    """The values of an event's form; a draft needs a title and a fee."""

    title: Title = ""
    summary: Summary | None = None
    description: Description | None = Field(
        default=None, description="Plain text; lines that begin with `- ` are list items."
    )
    category: Category | None = None
    place: Place | None = Field(default=None, description="The name of a room puts the event into the room.")
    room: Place | None = Field(
        default=None, description="The name of a room, which becomes the place; refused if there is none."
    )
    starts_at: Entered | None = Field(default=None, description=f"{_A_TIME}; null for none.")
    ends_at: Entered | None = None
    sales_open_at: Entered | None = Field(default=None, description="Null: when it is published.")
    sales_close_at: Entered | None = Field(default=None, description="Null: at the start.")
    fee: Entered = Field(default="", description="In major units, such as `450.00`; `0` for a free event.")
    capacity: Whole | None = Field(default=None, description="The number of seats, at most 1,000,000.")


class NewEvent(EventFields):
    """A draft to create."""

    slug: Entered = Field(default="", description="The name in addresses; empty: made from the title.")


class EventChange(EventFields):
    """Values to change; the others stay as they are."""

    version: Whole = Field(
        description="The version that the change was made for: refused with 409 if somebody has changed it since."
    )
    confirm: bool = Field(
        default=False,
        description="Move an event with seats taken also into the past, or by more than half a year.",
    )


class RefundStepShape(BaseModel, extra="forbid", strict=True):
    """A part of the price that comes back after an early cancellation."""

    days: Whole = Field(description="Days before the start until which this holds; 0 for the start itself.")
    percent: Whole = Field(description="The part of the price that comes back, 1 to 100.")


class EventRules(BaseModel):
    """Rules of an event about its tickets."""

    max_per_person: int = Field(description="Live tickets that one person can have.")
    refunds: list[RefundStepShape] = Field(
        description="Parts of the price that come back when attendees cancel what they have paid; empty: they cannot."
    )
    answers_until: datetime | None = Field(
        description="Until then answers to questions can be changed; null: the start."
    )


class RuleChange(BaseModel, extra="forbid", strict=True):
    """Rules to change; the others stay as they are. Paid orders keep the refunds that their buyers were shown."""

    max_per_person: Whole | None = Field(default=None, description="1 to 100; null: 1.")
    refunds: Annotated[list[RefundStepShape], Field(max_length=MAX_STEPS)] = Field(
        default=[], description="At most 3 steps: the later somebody cancels, the less comes back."
    )
    answers_until: Entered | None = Field(default=None, description=f"{_A_TIME}; null: the start.")


@dataclass(frozen=True, slots=True)
class _Read:
    """An event as it was read, with the warnings that its organiser sees."""

    organised: Organised
    warnings: RoomWarnings


class ProgrammeApi:
    """JSON routes of events and their rules; an event lead has the assigned events."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal
        self._currency = portal.settings.currency

    def router(self) -> APIRouter:
        """Return the routes."""
        router = module_router(self._portal, "backoffice", "programme")
        self._add_events(router)
        self._add_rules(router)
        return router

    def _add_events(self, router: APIRouter) -> None:
        portal, database = self._portal, self._portal.database
        Reader = Annotated[Visitor, Depends(Bearer(portal, "office"))]  # noqa: N806  (a type)
        Editor = Annotated[Visitor, Depends(Bearer(portal, "events.edit"))]  # noqa: N806
        Manager = Annotated[Visitor, Depends(Bearer(portal, "events.manage"))]  # noqa: N806

        @router.get(PATH, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_events(asked: Annotated[ProgrammeAsked, Query()], caller: Reader) -> ProgrammePage:
            """List the events of the fest, also drafts, 50 a page; the assigned ones for an event lead."""
            listed = await database.report(list_organised, caller)
            fitting = [one for one in listed if _fits(one.event, asked)]
            pages = max(1, -(-len(fitting) // PAGE_SIZE))
            if asked.page > pages:
                raise NotFound
            shown = fitting[(asked.page - 1) * PAGE_SIZE : asked.page * PAGE_SIZE]
            return ProgrammePage(
                events=[ProgrammeLine(**_line(one)) for one in shown],
                total=len(fitting),
                page=asked.page,
                pages=pages,
            )

        @router.post(
            PATH,
            status_code=201,
            responses=problems(SignInNeeded, Forbidden, NotFound, KeyReused),
        )
        async def create(
            body: NewEvent,
            caller: Manager,
            request: Request,
            response: Response,
            idempotency_key: IdempotencyKey,
        ) -> ProgrammeEvent:
            """Create a draft. Publish it with `POST /events/{slug}/publish`."""
            actor = actor_of(caller, request)
            fields = {"place": "", **entered_fields(body, "slug")}

            def make(connection: Connection) -> list[int]:
                slug = _read_slug(body.slug)
                placed = catalogue.with_room(connection, fields)
                details = catalogue.read_details(placed, UTC, self._currency)
                return [catalogue.create_event(connection, details, slug, actor=actor).id]

            def operation(connection: Connection) -> str:
                (event_id,) = create_once(
                    connection,
                    caller.person,
                    idempotency_key,
                    content_of(PATH, body),
                    lambda: make(connection),
                )
                return catalogue.event_by_id(connection, event_id).slug

            slug = await database.write(operation)
            response.headers["location"] = f"/api/v1{PATH}/{slug}"
            return await self._event(slug, caller)

        @router.get(f"{PATH}/{{slug}}", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_event(slug: Name, caller: Editor) -> ProgrammeEvent:
            """Read an event in any state, with everything that its form has."""
            return await self._event(slug, caller)

        @router.patch(
            f"{PATH}/{{slug}}",
            responses=problems(
                SignInNeeded,
                Forbidden,
                NotFound,
                catalogue.EventWasCancelled,
                catalogue.EventEdited,
                catalogue.CapacityTaken,
                catalogue.MoveUnconfirmed,
            ),
        )
        async def change(slug: Name, body: EventChange, caller: Editor, request: Request) -> ProgrammeEvent:
            """Change an event. Its attendees get an email if the title, place or times change. Idempotent."""
            actor = actor_of(caller, request)
            sent = entered_fields(body, "version", "confirm")

            def operation(connection: Connection) -> None:
                event = catalogue.any_event_by_slug(connection, slug)
                currency = catalogue.fee_currency(event, self._currency)
                fields = {**catalogue.written(event, UTC), **sent}
                details = catalogue.read_details(catalogue.with_room(connection, fields), UTC, currency)
                # Seats whose hold has expired may still be counted; their people are not asked about.
                may_move = body.confirm or not find_organised(connection, slug).taken
                catalogue.edit_event(connection, slug, details, body.version, may_move=may_move, actor=actor)

            await database.write(operation)
            return await self._event(slug, caller)

    def _add_rules(self, router: APIRouter) -> None:
        database = self._portal.database
        Editor = Annotated[Visitor, Depends(Bearer(self._portal, "events.edit"))]  # noqa: N806  (a type)
        path = f"{PATH}/{{slug}}/rules"

        @router.get(path, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_rules(slug: Name, _caller: Editor) -> EventRules:
            """Read the rules of an event: tickets of one person, refunds, and until when answers can be changed."""
            return _rules(await database.read(catalogue.any_event_by_slug, slug))

        @router.patch(
            path, responses=problems(SignInNeeded, Forbidden, NotFound, catalogue.EventWasCancelled)
        )
        async def change_rules(slug: Name, body: RuleChange, caller: Editor, request: Request) -> EventRules:
            """Change rules of an event: all that are sent, or none if one is not valid. Idempotent."""
            actor = actor_of(caller, request)
            sent = entered_fields(body, "refunds")

            def operation(connection: Connection) -> Event:
                event = catalogue.any_event_by_slug(connection, slug)
                if event.state == "cancelled":
                    raise catalogue.EventWasCancelled
                if "max_per_person" in sent:
                    most = _read_limit(sent["max_per_person"])
                    catalogue.limit_per_person(connection, slug, most, actor=actor)
                if "refunds" in body.model_fields_set:
                    rule = _read_rule(body.refunds)
                    catalogue.set_refund_rule(connection, slug, rule, actor=actor)
                if "answers_until" in sent:
                    until = catalogue.read_answers_until(sent["answers_until"], UTC)
                    catalogue.set_answers_until(connection, slug, until, actor=actor)
                return catalogue.any_event_by_slug(connection, slug)

            return _rules(await database.write(operation))

    async def _event(self, slug: str, caller: Visitor) -> ProgrammeEvent:
        def read(connection: Connection) -> _Read:
            organised = find_organised(connection, slug)
            listed = own_events(connection, caller)
            return _Read(organised, room_warnings(listed, connection.now, organised.event))

        shown = await self._portal.database.read(read)
        event = shown.organised.event
        return ProgrammeEvent(
            **_line(shown.organised),
            summary=event.summary,
            description=event.description,
            room=event.room.name if event.room else None,
            sales_open_at=shown_time(event.sales_open_at),
            sales_close_at=shown_time(event.sales_close_at),
            warnings=RoomWarning.listed(shown.warnings),
        )


def shown_time(at: Milliseconds) -> datetime | None:
    """Return a time for JSON; None for 0, which stands for no time."""
    return moment(at) if at else None


def _line(one: Organised) -> dict[str, Any]:
    event = one.event
    return {
        "slug": event.slug,
        "title": event.title,
        "state": event.state,
        "category": event.category,
        "place": event.place,
        "starts_at": shown_time(event.starts_at),
        "ends_at": shown_time(event.ends_at),
        "fee": Amount.of(event.fee),
        "capacity": event.capacity,
        "taken": one.taken,
        "version": event.version,
    }


def _fits(event: Event, asked: ProgrammeAsked) -> bool:
    text = searchable(f"{event.title} {event.category} {event.place} {event.slug}")
    return asked.state in (None, event.state) and all(word in text for word in search_words(asked.q))


def _read_slug(text: str) -> str | None:
    if not text.strip():
        return None
    try:
        return catalogue.read_slug(text)
    except ValueError as error:
        raise Invalid({"slug": str(error)}) from None


def _read_limit(text: str) -> int:
    try:
        return catalogue.read_limit(text)
    except ValueError as error:
        raise Invalid({"max_per_person": str(error)}) from None


def _read_rule(steps: list[RefundStepShape]) -> catalogue.RefundRule:
    fields: Mapping[str, str] = {
        f"{name}-{number}": str(getattr(step, name))
        for number, step in enumerate(steps, 1)
        for name in ("days", "percent")
    }
    try:
        return catalogue.read_rule(fields)
    except Invalid as refusal:
        errors: dict[str, str] = {}
        for field, sentence in refusal.fields.items():
            name, _, number = field.partition("-")
            errors[f"refunds.{int(number) - 1}.{name}"] = sentence
        raise Invalid(errors) from None


def _rules(event: Event) -> EventRules:
    return EventRules(
        max_per_person=event.max_per_person,
        refunds=[
            RefundStepShape(days=step.days, percent=step.percent)
            for step in catalogue.stored_rule(event.refund_rule).steps
        ],
        answers_until=shown_time(event.answers_until),
    )
