"""JSON routes that export guests as files, with the filters of their lists."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response, StreamingResponse

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, Invalid, NotFound, ProofNeeded, SignInNeeded
from festgate.kit.translation import gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, Name, actor_of, files, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.bulk_actions import MAX_SELECTED
from festgate.portal.backoffice.guest_api import FestFiltersInput, GuestFiltersInput
from festgate.portal.backoffice.guest_columns import Column, chosen_columns, export_columns, first_chosen
from festgate.portal.backoffice.guest_export_files import CSV, XLSX, ExportFiles, FileFormat
from festgate.portal.backoffice.guest_exports import Export, begin_export, plan_export
from festgate.portal.backoffice.guest_list import GuestList, open_list
from festgate.portal.backoffice.guest_queries import count_guests

MAX_COLUMNS = 120
MAX_COLUMN_NAME = 40
Id = Annotated[int, Field(ge=1, le=2**53)]
ColumnName = Annotated[str, StringConstraints(max_length=MAX_COLUMN_NAME)]


class ExportColumn(BaseModel):
    """A column that an export can have."""

    name: str = Field(
        description="Its name in the export; `question_` and an id for the answers to a question."
    )
    title: str
    is_chosen: bool = Field(description="Whether an export has it that names no columns.")


class ExportPlan(BaseModel):
    """The rows and columns of an export with these filters."""

    guests: int = Field(description="The number of rows.")
    columns: list[ExportColumn]


class ExportChoices(BaseModel):
    """The format, columns and registrations of an export."""

    format: FileFormat = "csv"
    columns: Annotated[list[ColumnName], Field(min_length=1, max_length=MAX_COLUMNS)] | None = Field(
        default=None,
        description="Names of columns. They come in the order of the list; null: those chosen at first.",
    )
    registrations: list[Id] = Field(
        default=[],
        max_length=MAX_SELECTED,
        description="Only these registrations, without regard to the filters; empty: all that fit the filters.",
    )


class ExportInput(ExportChoices, GuestFiltersInput, extra="forbid"):
    """An export of the guests of an event."""


class FestExportInput(ExportChoices, FestFiltersInput, extra="forbid"):
    """An export of the guests of the whole fest."""


class GuestExportApi:
    """JSON routes of exports; an event lead has them for the assigned events."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal
        self._guard = Bearer(portal, "guests.export", lists_assigned=True, sensitive=True)

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        router = module_router(self._portal, "backoffice", "guests")
        Reader = Annotated[Visitor, Depends(Bearer(self._portal, "guests.export", lists_assigned=True))]  # noqa: N806
        Caller = Annotated[Visitor, Depends(self._guard)]  # noqa: N806  (a type)
        refusals = (SignInNeeded, Forbidden, NotFound)
        answers = {
            **files(CSV, XLSX),
            **problems(*refusals, ProofNeeded, accounts.LimitReached),
        }

        @router.get("/guests/export", responses=problems(*refusals))
        async def plan_of_fest(asked: Annotated[FestFiltersInput, Query()], person: Reader) -> ExportPlan:
            """Read which columns an export of the guests of all events can have, and how many rows it would have."""
            return await self._plan(person, None, asked.parameters())

        @router.get("/events/{slug}/guests/export", responses=problems(*refusals))
        async def plan_of_event(
            slug: Name, asked: Annotated[GuestFiltersInput, Query()], person: Reader
        ) -> ExportPlan:
            """Read which columns an export of the guests of an event can have, and how many rows it would have."""
            return await self._plan(person, slug, asked.parameters())

        @router.post("/guests/export", response_class=StreamingResponse, responses=answers)
        async def export_fest(body: FestExportInput, person: Caller, request: Request) -> Response:
            """Download the guests of all events as a file; those of the assigned events for an event lead.

            It counts as one of the exports of an hour, is recorded in the audit log, and needs a token that is younger
            than ten minutes. When the token or the role ends meanwhile, so does the file: the last line of CSV is a
            sentence about it then, and a workbook is refused.
            """
            return await self._export(request, person, None, body, body.parameters())

        @router.post("/events/{slug}/guests/export", response_class=StreamingResponse, responses=answers)
        async def export_event(slug: Name, body: ExportInput, person: Caller, request: Request) -> Response:
            """Download the guests of an event as a file, under the conditions of the export of all events."""
            return await self._export(request, person, slug, body, body.parameters())

        return router

    async def _plan(self, person: Visitor, slug: str | None, parameters: Mapping[str, str]) -> ExportPlan:
        def read(connection: Connection) -> ExportPlan:
            listed = open_list(connection, slug, _lead(person), parameters)
            columns = _columns_of(listed)
            first = first_chosen(columns, for_paper=False)
            return ExportPlan(
                guests=count_guests(connection, listed.scope, listed.filters),
                columns=[
                    ExportColumn(name=one.name, title=one.title, is_chosen=one.name in first)
                    for one in columns
                ],
            )

        return await self._portal.database.report(read)

    async def _export(
        self,
        request: Request,
        person: Visitor,
        slug: str | None,
        choices: ExportChoices,
        parameters: Mapping[str, str],
    ) -> Response:
        database, zone = self._portal.database, self._portal.settings.zone

        def read(connection: Connection) -> tuple[GuestList, Export]:
            listed = open_list(connection, slug, _lead(person), parameters)
            columns = _chosen(_columns_of(listed), choices.columns)
            return listed, plan_export(
                connection, listed, columns, choices.registrations, choices.format, zone
            )

        listed, export = await database.report(read)
        actor = actor_of(person, request)
        await database.write(begin_export, actor, export, choices.format, listed.name)
        check = partial(self._guard.check_again, request)
        return ExportFiles(self._portal, listed, export).response(request, person, choices.format, check)


def _lead(person: Visitor) -> int | None:
    return person.person if person.role == "lead" else None


def _columns_of(listed: GuestList) -> list[Column]:
    return export_columns(listed.questions, of_fest=listed.event is None)


def _chosen(columns: list[Column], names: Collection[str] | None) -> list[Column]:
    """Return the columns with these names, or those chosen at first. Raises Invalid for an unknown name."""
    if names is None:
        return chosen_columns(columns, first_chosen(columns, for_paper=False))
    unknown = sorted(set(names) - {one.name for one in columns})
    if unknown:
        raise Invalid({"columns": gettext("There is no column {name}.").format(name=unknown[0])})
    return chosen_columns(columns, names)
