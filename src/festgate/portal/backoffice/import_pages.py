"""The organisers' page that imports events from a file, with a preview of each before anything is saved.

The file waits in the form of the preview, so that nothing has to be stored, forgotten or found by another worker. When
the form is sent the import is tried again, and saved only if it does what the preview showed.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from festgate.kit.errors import Invalid, Malformed, Refused
from festgate.kit.shown import FIELD
from festgate.kit.translation import gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import MAX_NAME, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.kit.web.uploads import read_upload_form
from festgate.portal.backoffice.event_steps import read_days
from festgate.portal.backoffice.import_previews import (
    KINDS,
    MAX_CONTENT,
    MAX_EVENTS,
    MAX_IMPORT,
    Choices,
    Tried,
    try_import,
)
from festgate.portal.catalogue import facade as catalogue

PATH = "/organise/import"
MAX_DIGITS = 7
"""Of the number of imported events in the address of the result."""
_OWN = ("name", "content", FIELD)


class ImportPages:
    """The page of imports, its preview and its result."""

    def __init__(self, portal: Portal, turn: asyncio.Lock) -> None:
        """`turn` is held while an import is tried, by a page or a call: only one is at a time."""
        self._portal = portal
        self._settings = portal.settings
        self._turn = turn

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes."""
        guard = self._portal.guard
        return [
            guard("events.manage", PATH, self.show),
            guard("events.manage", PATH, self.preview, methods=["POST"]),
            guard("events.manage", f"{PATH}/save", self.save, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Answer with the form for a file."""
        return await self._form(request, {})

    async def _form(
        self, request: Request, values: Mapping[str, str], errors: Mapping[str, str] | None = None
    ) -> Response:
        done = read_query(request, "done", MAX_DIGITS)
        return await self._portal.page(
            request,
            "backoffice/import.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
            section="organise",
            values=values,
            errors=errors or {},
            done=int(done) if done.isascii() and done.isdecimal() else None,
            currency=self._settings.currency,
            zone=self._settings.zone.key,
            max_size=MAX_IMPORT // 1024**2,
            max_events=MAX_EVENTS,
        )

    async def preview(self, request: Request) -> Response:
        """Answer with what the file would do to each event. Nothing is saved."""
        upload, fields = await read_upload_form(request, "file")
        if not upload.content:
            return await self._form(request, fields, {"file": gettext("Choose a file.")})
        return await self._preview(request, upload.name[:MAX_NAME], upload.content, fields)

    async def _preview(
        self,
        request: Request,
        name: str,
        content: bytes,
        fields: Mapping[str, str],
        refused: str = "",
    ) -> Response:
        try:
            tried = await self._try(name, content, fields)
        except catalogue.Unreadable as error:
            sentence = gettext("{name} cannot be imported: {reason}")
            return await self._form(request, fields, {"file": sentence.format(name=name, reason=error)})
        except Invalid as refusal:
            return await self._form(request, fields, refusal.fields)
        except Refused as refusal:
            return await self._form(request, fields, {"file": refusal.message})
        return await self._portal.page(
            request,
            "backoffice/import_preview.html",
            status=HTTPStatus.CONFLICT if refused else HTTPStatus.OK,
            section="organise",
            shown=tried.preview,
            kinds={kind: (badge, gettext(text)) for kind, (badge, text) in KINDS.items()},
            name=name,
            content=base64.b64encode(content).decode(),
            choices={key: value for key, value in fields.items() if key not in _OWN},
            refused=refused,
        )

    async def save(self, request: Request) -> Response:
        """Import what the preview showed; if the import would do something else by now, show the preview again."""
        fields = await read_fields(request, MAX_CONTENT, max_fields=MAX_EVENTS)
        name = fields.get("name", "")[:MAX_NAME]
        try:
            content = base64.b64decode(fields.get("content", ""), validate=True)
        except ValueError:  # also for what is not ASCII
            raise Malformed(gettext("The form is incomplete.")) from None
        if not content:
            return await self._form(request, {}, {"file": gettext("Choose a file.")})
        changed = gettext(
            "Something has changed meanwhile, so nothing is imported yet. Check the preview again."
        )
        try:
            tried = await self._try(name, content, fields)
            if fields.get(FIELD) != tried.preview.seen or not tried.preview.can_import:
                return await self._preview(request, name, content, fields, changed)
            operation = tried.save(fields, self._portal.actor(request))
            count = await self._portal.database.write(operation)
        except (
            catalogue.NothingImported,
            catalogue.AnswersNeeded,
            catalogue.DocumentRefused,
            catalogue.Unreadable,
            Invalid,
        ):
            return await self._preview(request, name, content, fields, changed)
        return see_other(f"{PATH}?done={count}")

    async def _try(self, name: str, content: bytes, fields: Mapping[str, str]) -> Tried:
        choices = _choices(fields)
        async with self._turn:
            return await try_import(self._portal.database, self._settings, name, content, choices)


def _choices(fields: Mapping[str, str]) -> Choices:
    """Return what was chosen. Raises Invalid."""
    days = fields.get("days", "").strip()
    return Choices(
        fields.get("publish") == "yes",
        fields.get("past") == "yes",
        fields.get("move") == "yes",
        fields.get("fee", "").strip(),
        fields.get("capacity", "").strip(),
        fields.get("dates", ""),
        read_days(days) if days else 0,
    )
