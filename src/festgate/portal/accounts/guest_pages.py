"""HTML routes of guests: open the link in an email, find one's tickets, end the links, get or delete one's data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit import security_log
from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, SignInNeeded
from festgate.kit.messaging import mail_erasure
from festgate.kit.shown import FIELD, Changed
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor, Visitor
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_query, session_token
from festgate.kit.web.portal import MAX_ADDRESS, MAX_TOKEN_LENGTH, NO_STORE, Portal, local_path, see_other
from festgate.portal.accounts.attempts import Limit, address_limit, count_attempt
from festgate.portal.accounts.confirmation import confirm_address
from festgate.portal.accounts.cookies import Cookies
from festgate.portal.accounts.deletion import AccountInUse, delete_account, export_text, plan_deletion
from festgate.portal.accounts.deletion_pages import delete_email_files
from festgate.portal.accounts.guest_claims import claim_guests
from festgate.portal.accounts.guest_finding import find_tickets
from festgate.portal.accounts.guest_links import count_links, end_links, read_link
from festgate.portal.accounts.guests import guest_by_id
from festgate.portal.accounts.names import read_email
from festgate.portal.accounts.personal_data import AllRecords
from festgate.portal.accounts.queries import Person
from festgate.portal.accounts.sessions import Session, end_other_sessions, end_session, open_session

AFTERWARDS = "/my-events"
"""The page after opening a link, if it leads to no other."""
PRIVATE = {**NO_STORE, "referrer-policy": "no-referrer"}
"""Headers of a page whose address opens a guest's orders: no other site is sent that address."""
MAX_DOWNLOADS = 10
"""Downloads of one guest in an hour: each reads every stored email."""
NOTICES: Mapping[str, str] = {
    "ended": N_("All links in our emails to you have ended, and all other browsers have been signed out."),
}
"""The notice above the page after a change, by the query of the address."""


@dataclass(frozen=True, slots=True)
class GuestView:
    """The view model of /guest."""

    person: Person
    links: int
    """The links that work."""


class GuestPages:
    """HTML routes of guests."""

    def __init__(self, portal: Portal, records: AllRecords, absent: Sequence[str] = ()) -> None:
        """Take the records of all modules; `absent` are those whose records cannot be read now."""
        self._portal = portal
        self._records = records
        self._absent = absent
        self._cookies = Cookies(secure=portal.settings.secure)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/find-tickets", self.show_finding, methods=["GET"]),
            Route("/find-tickets", self.find, methods=["POST"]),
            Route("/guest", self.show_guest, methods=["GET"]),
            Route("/guest/open", self.show_link, methods=["GET"]),
            Route("/guest/open", self.open_link, methods=["POST"]),
            Route("/guest/links/end", self.end_links, methods=["POST"]),
            Route("/guest/claim", self.claim, methods=["POST"]),
            Route("/guest/data", self.download, methods=["GET"]),
            Route("/guest/delete", self.show_deletion, methods=["GET"]),
            Route("/guest/delete", self.delete, methods=["POST"]),
            Route("/guest/deleted", self.show_deleted, methods=["GET"]),
        ]

    async def show_finding(self, request: Request) -> Response:
        """Show the form for the email address."""
        return await self._finding(request)

    async def find(self, request: Request) -> Response:
        """Email a link if there are tickets for the address; the page does not reveal whether there are."""
        portal = self._portal
        entered = (await read_fields(request)).get("email", "")
        try:
            email = read_email(entered)
        except ValueError as error:
            return await self._finding(request, entered, Invalid({"email": str(error)}))
        limit = address_limit(portal.secret, address_of(request.scope), portal.settings.address_limit)
        await portal.database.write(find_tickets, email, limit, portal.secret, portal.settings)
        return await self._finding(request, sent=True)

    async def show_link(self, request: Request) -> Response:
        """Show the button that opens the guest's orders, which an email links to; 410 if the link has ended."""
        person = await self._portal.database.read(read_link, _token(request))
        visitor = await self._portal.visitor(request)
        account = visitor.username if visitor is not None and not visitor.is_guest else ""
        return await self._portal.page(
            request, "accounts/guest_link.html", headers=PRIVATE, person=person, account=account
        )

    async def open_link(self, request: Request) -> Response:
        """Open the guest's orders in this browser. The button proves that the mailbox is the guest's."""
        self._require_records()
        replaces = session_token(request.scope["headers"])
        session = await self._portal.database.write(use_link, _token(request), replaces, self._records)
        security_log.about(session.person)
        response = see_other(local_path(read_query(request, "next", MAX_ADDRESS), AFTERWARDS))
        response.headers.update(PRIVATE)
        self._cookies.remember_guest(request, response, session)
        return response

    async def show_guest(self, request: Request) -> Response:
        """Show the guest's name and address, and what they can do about their data."""
        visitor = await self._guest(request)

        def read(connection: Connection) -> GuestView:
            return GuestView(guest_by_id(connection, visitor.person), count_links(connection, visitor.person))

        sentence = NOTICES.get(request.url.query)
        return await self._portal.page(
            request,
            "accounts/guest.html",
            section="account",
            shown=await self._portal.database.read(read),
            notice="" if sentence is None else gettext(sentence),
            confirms_email=self._portal.settings.confirms_email,
        )

    async def end_links(self, request: Request) -> Response:
        """End every link to the guest's orders, and sign out all other browsers."""
        visitor = await self._guest(request)
        token = session_token(request.scope["headers"])

        def operation(connection: Connection) -> None:
            end_links(connection, visitor.person)
            end_other_sessions(connection, visitor.person, token)

        await self._portal.database.write(operation)
        return see_other("/guest?ended")

    async def claim(self, request: Request) -> Response:
        """Add the orders that were placed without an account with the visitor's confirmed address to the account."""
        visitor = await self._portal.signed_in(request)
        self._require_records()
        await self._portal.database.write(claim_guests, visitor.person, self._records)
        return see_other("/my-events")

    async def download(self, request: Request) -> Response:
        """Send all data of the guest as a JSON file."""
        visitor = await self._guest(request)
        self._require_records()
        sentence = gettext("You have downloaded your data several times.")
        limit = Limit(f"downloads:{visitor.person}", MAX_DOWNLOADS, sentence, HOUR)
        await self._portal.database.write(count_attempt, limit)
        content = await self._portal.database.report(export_text, visitor.person, self._records)
        headers = {**NO_STORE, "content-disposition": 'attachment; filename="my-festgate-data.json"'}
        return Response(content, headers=headers, media_type="application/json")

    async def show_deletion(self, request: Request) -> Response:
        """Show what deleting the guest's data would end and keep, with the button that deletes."""
        return await self._deletion(request, await self._guest(request))

    async def delete(self, request: Request) -> Response:
        """Delete the guest's data; or show the page again if something else would end than it showed."""
        visitor = await self._guest(request)
        self._require_records()
        shown = (await read_fields(request)).get(FIELD, "")
        database = self._portal.database
        stored = await database.report(mail_erasure.find_emails_to, visitor.email)
        try:
            # Without the address of the client, which would stay after the data.
            actor = Actor(visitor.person, "session")
            emails = await database.write(
                delete_account, visitor.person, self._records, stored, None, shown, actor
            )
        except (AccountInUse, Changed) as refusal:
            return await self._deletion(request, visitor, refusal)
        await delete_email_files(self._portal, emails)
        response = see_other("/guest/deleted")
        self._cookies.forget(response)
        return response

    async def show_deleted(self, request: Request) -> Response:
        """Show that the guest's data was deleted."""
        return await self._portal.page(request, "accounts/guest_deleted.html")

    async def _guest(self, request: Request) -> Visitor:
        visitor = await self._portal.attendee(request)
        if not visitor.is_guest:
            raise SignInNeeded
        return visitor

    def _require_records(self) -> None:
        """Raise ModuleUnavailable if a module could not hand out, move or end its part."""
        for name in self._absent:
            raise self._portal.bulkheads[name].refusal()

    async def _finding(
        self, request: Request, entered: str = "", refusal: Invalid | None = None, *, sent: bool = False
    ) -> Response:
        return await self._portal.page(
            request,
            "accounts/find_tickets.html",
            status=HTTPStatus.OK if refusal is None else refusal.status,
            entered="".join(sign for sign in entered if sign.isprintable()),
            errors={} if refusal is None else refusal.fields,
            sent=sent,
        )

    async def _deletion(
        self, request: Request, visitor: Visitor, refusal: AccountInUse | Changed | None = None
    ) -> Response:
        self._require_records()
        plan = await self._portal.database.report(plan_deletion, visitor.person, self._records)
        return await self._portal.page(
            request,
            "accounts/guest_delete.html",
            status=HTTPStatus.OK if refusal is None else refusal.status,
            section="account",
            plan=plan,
            notice=refusal.message if isinstance(refusal, Changed) else "",
        )


def use_link(connection: Connection, token: str, replaces: str, records: AllRecords) -> Session:
    """Open a session of the guest in place of the browser's earlier one, and confirm the address.

    What other browsers have bought with the address is claimed. Raises GuestLinkOver.
    """
    person = read_link(connection, token)
    confirm_address(connection, person.id)
    claim_guests(connection, person.id, records)
    if replaces:
        end_session(connection, replaces, "cookie")
    return open_session(connection, person.id, "cookie", proved=False)


def _token(request: Request) -> str:
    """Return the token of a link. It is in the query, because the path of a request is logged."""
    return read_query(request, "token", MAX_TOKEN_LENGTH)
