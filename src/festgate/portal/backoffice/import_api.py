"""JSON routes that import events from a file: a preview of each row, then the import."""

import asyncio
import base64
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from festgate.kit.errors import Conflict, Forbidden, Invalid, SignInNeeded
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, actor_of, module_router, problems
from festgate.kit.web.parameters import MAX_NAME
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.import_previews import (
    MAX_CONTENT,
    MAX_EVENTS,
    Choices,
    Kind,
    RowShown,
    Tried,
    try_import,
)
from festgate.portal.catalogue import facade as catalogue

MAX_AGREED = 100
"""Characters of the name of a change that needs consent: a slug, and the kind of the change."""


class ImportChanged(Conflict):
    """An import that would do something else than its preview showed."""

    code = "import-changed"
    message = N_("The import would do something else by now, so nothing is imported. Get a new preview.")


class ImportInput(BaseModel, extra="forbid"):
    """A file of events, with the choices for its import."""

    name: str = Field(
        max_length=MAX_NAME,
        description="The file's name, which ends in `.csv`, `.xlsx`, `.ics` or `.json` (a programme).",
    )
    content: str = Field(
        max_length=MAX_CONTENT, description="The file in base 64; at most 2 MB and 2,000 events."
    )
    publish: bool = Field(default=False, description="Publish the new events; else they are drafts.")
    allow_past: bool = Field(default=False, description="Import events that are over.")
    allow_moves: bool = Field(
        default=False, description="Move also events with seats taken into the past or far away."
    )
    default_fee: str = Field(
        default="", max_length=30, description="The fee of events without one, such as `250.00`."
    )
    default_capacity: str = Field(
        default="", max_length=30, description="The number of seats of events without one."
    )
    dates: Literal["", "day-first", "month-first"] = Field(
        default="", description="The order in dates such as 03/04/2031; empty: such dates are refused."
    )
    move_by_days: int = Field(
        default=0,
        ge=-catalogue.MAX_DAYS,
        le=catalogue.MAX_DAYS,
        description="Days by which the events of a programme are moved.",
    )

    def choices(self) -> Choices:
        """Return the choices of the organiser."""
        return Choices(
            self.publish,
            self.allow_past,
            self.allow_moves,
            self.default_fee.strip(),
            self.default_capacity.strip(),
            self.dates,
            self.move_by_days,
        )


class ConfirmedImport(ImportInput):
    """An import as its preview showed it."""

    preview: str = Field(max_length=64, description="The `preview` of the preview's answer.")
    agreed: list[Annotated[str, Field(max_length=MAX_AGREED)]] = Field(
        default=[],
        max_length=MAX_EVENTS,
        description="The `asks` of those rows that are imported although seats are taken. The others stay as they are.",
    )


class ChangeOutput(BaseModel):
    """A field that an import changes."""

    field: str
    before: str
    after: str


class ImportRow(BaseModel):
    """One event of a file, or one problem."""

    kind: Kind = Field(description="What importing does to the event.")
    place: str = Field(description="Its place in the file, such as `line 3`.")
    title: str
    slug: str = Field(description="Empty for a new event.")
    changes: list[ChangeOutput]
    problem: str = Field(description="The reason why it cannot be imported; else empty.")
    asks: str = Field(description="Names the change where it needs consent, as seats are taken; else empty.")
    taken: int = Field(description="Seats that are taken, where it needs consent.")

    @classmethod
    def of(cls, row: RowShown) -> "ImportRow":
        """Return the row for JSON."""
        return cls(
            kind=row.kind,
            place=row.place,
            title=row.title,
            slug=row.slug,
            changes=[
                ChangeOutput(field=change.field, before=change.before, after=change.after)
                for change in row.changes
            ],
            problem=row.sentence,
            asks=row.asks,
            taken=row.taken,
        )


class ImportPreview(BaseModel):
    """The effect of an import on each event, problems first. Nothing is saved."""

    preview: str = Field(description="Names what the import does; send it to import just that.")
    can_import: bool = Field(description="Whether there is anything to import.")
    rows: list[ImportRow]
    notices: list[str] = Field(description="What else changes, and what was left out.")


class ImportOutput(BaseModel):
    """The result of an import."""

    imported: int = Field(description="The number of events that were created, changed or cancelled.")


class ImportApi:
    """JSON routes below `/imports`."""

    def __init__(self, portal: Portal, turn: asyncio.Lock) -> None:
        """`turn` is held while an import is tried, by a page or a call: only one is at a time."""
        self._portal = portal
        self._turn = turn

    def router(self) -> APIRouter:
        """Return the routes."""
        portal = self._portal
        router = module_router(portal, "backoffice", "office")
        Caller = Annotated[Visitor, Depends(Bearer(portal, "events.manage"))]  # noqa: N806  (a type)

        @router.post("/imports/preview", responses=problems(SignInNeeded, Forbidden))
        async def preview_import(_caller: Caller, body: ImportInput) -> ImportPreview:
            """Show what importing a file of events would do to each of them. Nothing is saved."""
            shown = (await self._try(body)).preview
            return ImportPreview(
                preview=shown.seen,
                can_import=shown.can_import,
                rows=[ImportRow.of(row) for row in shown.rows],
                notices=list(shown.notices),
            )

        @router.post("/imports", responses=problems(SignInNeeded, Forbidden, ImportChanged))
        async def import_events(caller: Caller, body: ConfirmedImport, request: Request) -> ImportOutput:
            """Import a file of events as its preview showed it. The same call again changes nothing."""
            tried = await self._try(body)
            if tried.preview.is_done(body.agreed):
                return ImportOutput(imported=0)
            if body.preview != tried.preview.seen or not tried.preview.can_import:
                raise ImportChanged
            operation = tried.save(dict.fromkeys(body.agreed, "yes"), actor_of(caller, request))
            try:
                return ImportOutput(imported=await portal.database.write(operation))
            except (catalogue.NothingImported, catalogue.AnswersNeeded, catalogue.DocumentRefused):
                raise ImportChanged from None

        return router

    async def _try(self, body: ImportInput) -> Tried:
        try:
            content = base64.b64decode(body.content, validate=True)
        except ValueError:
            raise Invalid({"content": gettext("This is not base 64.")}) from None
        if not content:
            raise Invalid({"content": gettext("The file is empty.")})
        try:
            async with self._turn:
                return await try_import(
                    self._portal.database, self._portal.settings, body.name, content, body.choices()
                )
        except catalogue.Unreadable as error:
            raise Invalid({"content": str(error)}) from None
