"""HTML routes for all data of one's own account: download it, or delete the account."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit import security_log
from festgate.kit.clock import DAY, HOUR
from festgate.kit.errors import Invalid, NotFound, SignInNeeded
from festgate.kit.messaging import mail_erasure
from festgate.kit.shown import FIELD, Changed
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor, Visitor
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import checked, read_fields
from festgate.kit.web.portal import NO_STORE, Portal, see_other
from festgate.portal.accounts.attempts import Limit, count_attempt
from festgate.portal.accounts.cookies import Cookies
from festgate.portal.accounts.deletion import AccountInUse, delete_account, export_text, plan_deletion
from festgate.portal.accounts.forms import DeletionRequest
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.personal_data import AllRecords
from festgate.portal.accounts.queries import person_by_id
from festgate.portal.accounts.reception import Reception, WrongPassword
from festgate.portal.accounts.signed_links import make_token, parse_token

log = structlog.get_logger()

MAX_DOWNLOADS = 10
"""Downloads of one account in an hour: each reads every stored email."""
FORM_FIELD = "form"
_FORM = "the form that deletes an account"


class DeletionPages:
    """HTML routes for the data of one's own account; any other visitor is sent to sign in."""

    def __init__(
        self, portal: Portal, reception: Reception, records: AllRecords, absent: Sequence[str] = ()
    ) -> None:
        """Take the records of all modules; `absent` are those whose records cannot be read now."""
        self._portal = portal
        self._reception = reception
        self._records = records
        self._absent = absent
        self._cookies = Cookies(secure=portal.settings.secure)

    def routes(self) -> list[Route]:
        """Return the routes of the download and of the deletion."""
        return [
            Route("/account/data", self.download, methods=["GET"]),
            Route("/account/delete", self.show_deletion, methods=["GET"]),
            Route("/account/delete", self.delete, methods=["POST"]),
            Route("/account/deleted", self.show_deleted, methods=["GET"]),
        ]

    async def download(self, request: Request) -> Response:
        """Send all data of the account as a JSON file."""
        visitor = await self._portal.signed_in(request)
        self._require_records()
        sentence = gettext("You have downloaded your data several times.")
        limit = Limit(f"downloads:{visitor.person}", MAX_DOWNLOADS, sentence, HOUR)
        await self._portal.database.write(count_attempt, limit)
        content = await self._portal.database.report(export_text, visitor.person, self._records)
        headers = {**NO_STORE, "content-disposition": 'attachment; filename="my-festgate-data.json"'}
        return Response(content, headers=headers, media_type="application/json")

    async def show_deletion(self, request: Request) -> Response:
        """Show what deleting the account would end and keep, and the form that deletes it."""
        return await self._page(request, await self._portal.signed_in(request))

    async def delete(self, request: Request) -> Response:
        """Delete the account and sign out; or show the form again."""
        fields = await read_fields(request)
        visitor = await self._portal.visitor(request)
        if visitor is None:
            return await self._answer_second_click(fields)
        self._require_records()
        try:
            form = _confirmed(fields, visitor.username)
            password = await self._reception.check_password(
                visitor.person, form.password, address_of(request.scope), self._cookies.device(request)
            )
            stored = await self._portal.database.report(mail_erasure.find_emails_to, visitor.email)
            emails = await self._portal.database.write(
                delete_account,
                visitor.person,
                self._records,
                stored,
                password,
                fields.get(FIELD, ""),
                # Without the address of the client, which would stay after the account.
                Actor(visitor.person, "session"),
            )
        except Invalid as refusal:
            return await self._page(request, visitor, refusal.status, errors=refusal.fields)
        except WrongPassword:
            errors = {"password": gettext("This is not your password. Try again, or get a link by email.")}
            return await self._page(request, visitor, HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors)
        except (AccountInUse, Changed) as refusal:
            sentence = refusal.message if isinstance(refusal, Changed) else ""
            return await self._page(request, visitor, refusal.status, notice=sentence)
        security_log.about(visitor.person)
        await delete_email_files(self._portal, emails)
        response = see_other("/account/deleted")
        self._cookies.forget(response)
        return response

    async def show_deleted(self, request: Request) -> Response:
        """Show that the account was deleted."""
        return await self._portal.page(request, "accounts/deleted.html", section="account")

    async def _answer_second_click(self, fields: Mapping[str, str]) -> Response:
        """Answer a form of an account that its first click has deleted. Raises SignInNeeded for any other."""
        parts = parse_token(fields.get(FORM_FIELD, ""))
        now = self._portal.database.clock()
        if parts is not None and parts.is_valid(self._portal.secret, _FORM, "", now):
            try:
                person = await self._portal.database.read(person_by_id, parts.person_id)
            except NotFound:
                raise SignInNeeded from None
            if person.is_deleted:
                return see_other("/account/deleted")
        raise SignInNeeded

    def _require_records(self) -> None:
        """Raise ModuleUnavailable if a module could not hand out or end its part."""
        for name in self._absent:
            raise self._portal.bulkheads[name].refusal()

    async def _page(
        self,
        request: Request,
        visitor: Visitor,
        status: int = HTTPStatus.OK,
        errors: Mapping[str, str] | None = None,
        notice: str = "",
    ) -> Response:
        self._require_records()
        plan = await self._portal.database.report(plan_deletion, visitor.person, self._records)
        until = self._portal.database.clock() + DAY
        return await self._portal.page(
            request,
            "accounts/delete.html",
            status=status,
            section="account",
            plan=plan,
            errors=errors or {},
            notice=notice,
            form=make_token(self._portal.secret, _FORM, visitor.person, until, ""),
        )


def _confirmed(fields: Mapping[str, str], username: str) -> DeletionRequest:
    """Return the form if its fields are valid and the username was typed. Raises Invalid."""
    form = checked(DeletionRequest, fields)
    if key_of(form.confirmation) != key_of(username):
        sentence = gettext("Type your username: {username}.").format(username=username)
        raise Invalid({"confirmation": sentence})
    return form


async def delete_email_files(portal: Portal, emails: Sequence[int]) -> None:
    """Delete the files of a deleted account's emails; where that fails, they are deleted within a week."""
    folder = portal.settings.data_dir / "mail"
    try:
        await asyncio.to_thread(mail_erasure.delete_files, folder, emails)
    except OSError:
        log.exception("the emails of a deleted account could not be deleted yet", folder=str(folder))
