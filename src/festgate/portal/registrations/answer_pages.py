"""The page on which a person answers the questions about their tickets for an event."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext
from festgate.kit.web.downloads import download
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_id, read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.kit.web.uploads import read_upload
from festgate.portal.registrations.answer_forms import FormField, FormGroup, entered_answers, form_groups
from festgate.portal.registrations.answer_values import MAX_ANSWER, YES
from festgate.portal.registrations.answers import (
    AnswerSheet,
    Key,
    answer_sheet,
    field_name,
    questions_address,
    save_answers,
)
from festgate.portal.registrations.files import MAX_FILE, MEGABYTE, own_file, remove_file, upload_file
from festgate.portal.registrations.holds import confirm_seat
from festgate.portal.registrations.queries import IsUsed, Seat

MAX_FIELDS = 10_000
"""Fields of the form: the questions of every ticket, with a field for each choice that can be ticked."""


class AnswerPages:
    """HTML routes of answers."""

    def __init__(self, portal: Portal, is_used: IsUsed) -> None:
        """Take a query of a module above, besides the portal."""
        self._portal = portal
        self._is_used = is_used

    def routes(self) -> list[Route]:
        """Return the routes of this page."""
        address = "/my-events/{slug}/questions"
        return [
            Route(address, self.show, methods=["GET"]),
            Route(address, self.save, methods=["POST"]),
            Route("/my-events/{slug}/files/{question}/{seat}", self.upload, methods=["POST"]),
            Route("/my-events/{slug}/files/{question}/{seat}/remove", self.remove, methods=["POST"]),
            Route("/my-events/files/{file}", self.send_file, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the questions with the answers."""
        visitor = await self._portal.attendee(request)
        sheet = await self._portal.database.read(
            answer_sheet, visitor.person, read_path(request, "slug"), self._is_used
        )
        return await self._form(request, sheet)

    async def save(self, request: Request) -> Response:
        """Store the answers, confirm the seats that waited for them, and lead on."""
        visitor = await self._portal.attendee(request)
        slug = read_path(request, "slug")
        fields = await read_fields(request, max_fields=MAX_FIELDS)
        sheet = await self._portal.database.read(answer_sheet, visitor.person, slug, self._is_used)
        entered = entered_answers(sheet, fields)
        save = partial(save_answers, is_used=self._is_used)
        try:
            sheet = await self._portal.database.write(save, visitor.person, slug, entered)
        except Invalid as refusal:
            return await self._form(request, sheet, fields, refusal)
        if sheet.missing:  # a file
            needed = gettext("Upload this file first.")
            missing = Invalid({field_name(place.key): needed for place in sheet.missing})
            return await self._form(request, sheet, refusal=missing)
        await self._portal.database.write(_confirm, sheet)
        return see_other("/checkout" if any(seat.payable for seat in sheet.seats) else "/my-events")

    async def upload(self, request: Request) -> Response:
        """Store a file as an answer, in place of an earlier one."""
        visitor = await self._portal.attendee(request)
        slug, key = read_path(request, "slug"), _key(request)
        sent = await read_upload(request, "file")
        store = partial(upload_file, is_used=self._is_used)
        try:
            await self._portal.database.write(store, visitor.person, slug, key, sent.name, sent.content)
        except Invalid as refusal:
            return await self._refuse_file(request, slug, visitor.person, refusal)
        return see_other(f"{questions_address(slug)}#files")

    async def remove(self, request: Request) -> Response:
        """Delete the file of an answer."""
        visitor = await self._portal.attendee(request)
        slug, key = read_path(request, "slug"), _key(request)
        remove = partial(remove_file, is_used=self._is_used)
        try:
            await self._portal.database.write(remove, visitor.person, slug, key)
        except Invalid as refusal:
            return await self._refuse_file(request, slug, visitor.person, refusal)
        return see_other(f"{questions_address(slug)}#files")

    async def send_file(self, request: Request) -> Response:
        """Send a file of the visitor."""
        visitor = await self._portal.attendee(request)
        stored = await self._portal.database.read(own_file, visitor.person, read_id(request, "file"))
        return download(stored.name, stored.content_type, stored.content)

    async def _refuse_file(self, request: Request, slug: str, person_id: int, refusal: Invalid) -> Response:
        """Show the page with the reason beside the file."""
        sheet = await self._portal.database.read(answer_sheet, person_id, slug, self._is_used)
        errors = {field_name(_key(request)): sentence for sentence in refusal.fields.values()}
        return await self._form(request, sheet, refusal=Invalid(errors))

    async def _form(
        self,
        request: Request,
        sheet: AnswerSheet,
        fields: Mapping[str, str] | None = None,
        refusal: Invalid | None = None,
    ) -> Response:
        groups = form_groups(sheet, fields, refusal.fields if refusal else {})
        return await self._portal.page(
            request,
            "registrations/answers.html",
            status=refusal.status if refusal else 200,
            section="my-events",
            sheet=sheet,
            event=sheet.event,
            groups=_without_files(groups),
            files=_files(groups),
            max_megabytes=MAX_FILE // MEGABYTE,
            can_save=any(place.question.details.kind != "file" for place in sheet.open_fields),
            button=_button(sheet.seats),
            max_answer=MAX_ANSWER,
            yes=YES,
        )


def _files(groups: Sequence[FormGroup]) -> list[tuple[str, FormField]]:
    """Return the (heading, field) of each file."""
    return [(group.heading, item) for group in groups for item in group.fields if item.details.kind == "file"]


def _without_files(groups: Sequence[FormGroup]) -> list[FormGroup]:
    kept = (
        replace(group, fields=tuple(item for item in group.fields if item.details.kind != "file"))
        for group in groups
    )
    return [group for group in kept if group.fields]


def _key(request: Request) -> Key:
    return read_id(request, "question"), read_id(request, "seat")


def _confirm(connection: Connection, sheet: AnswerSheet) -> None:
    """Confirm the seats that are held without a fee, except those that need the name of their attendee."""
    for seat in sheet.seats:
        if seat.confirmable and not seat.needs_name:
            confirm_seat(connection, sheet.person_id, seat.id)


def _button(seats: Sequence[Seat]) -> str:
    if any(seat.payable for seat in seats):
        return gettext("Save and pay")
    if any(seat.confirmable for seat in seats):
        return gettext("Save and confirm my seat")
    return gettext("Save")
