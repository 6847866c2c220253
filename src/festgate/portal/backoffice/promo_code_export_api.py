"""The JSON route that exports promo codes as a file."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from festgate.kit.errors import Forbidden, ProofNeeded, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, actor_of, files, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.list_exports import note_download
from festgate.portal.backoffice.promo_code_pages import file_of_codes, list_codes_in_file
from festgate.portal.catalogue import facade as catalogue


class CodesInput(BaseModel, extra="forbid"):
    """The codes of an export."""

    q: str = Field(
        default="", max_length=catalogue.MAX_CODE, description="The beginning of the codes; empty: all."
    )


class PromoCodeExportApi:
    """The route of the file of promo codes."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the route, relative to the API's root."""
        database = self._portal.database
        router = module_router(self._portal, "backoffice", "programme")
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "events.manage", sensitive=True))]  # noqa: N806

        @router.post(
            "/promo-codes/export",
            response_class=StreamingResponse,
            responses={
                **files("text/csv"),
                **problems(SignInNeeded, Forbidden, ProofNeeded, accounts.LimitReached),
            },
        )
        async def export(body: CodesInput, caller: Caller, request: Request) -> Response:
            """Download promo codes as CSV, with a link for each: an export of the hour.

            It needs a token that is younger than ten minutes, and has at most 20,000 codes.
            """
            listed = await database.report(list_codes_in_file, body.q.strip())
            actor = actor_of(caller, request)
            await database.write(note_download, actor, "promo-codes.exported", len(listed))
            return file_of_codes(self._portal, listed)

        return router
