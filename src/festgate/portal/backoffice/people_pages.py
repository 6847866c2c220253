"""The organisers' pages about people: find one, correct a mistyped email address, send a ticket again."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit import security_log
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound, Refused, TooMany
from festgate.kit.ids import read_code
from festgate.kit.shown import FIELD, Changed
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts import facade as accounts
from festgate.portal.accounts.facade import Person
from festgate.portal.backoffice.guest_deletions import GuestDeletions
from festgate.portal.backoffice.order_pages import notice_of_step
from festgate.portal.backoffice.orders import read_seat
from festgate.portal.backoffice.people import (
    MAX_FOUND,
    MAX_WORDS_LENGTH,
    describe_email,
    read_email,
    read_words,
    view_history,
    view_person,
    visible,
)
from festgate.portal.checkout import facade as checkout
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.facade import PostCopy, TicketOver

MAX_DIGITS = 6
"""Digits of the number of copies of a ticket."""


class PeoplePages:
    """Pages about people: find one, correct a mistyped email address, send a ticket again. For organisers, too."""

    def __init__(
        self,
        portal: Portal,
        post_copy: PostCopy,
        deletions: GuestDeletions,
    ) -> None:
        """Take, besides the portal, the function that queues the email of a ticket; `deletions` are the API's, too."""
        self._deletions = deletions
        self._portal = portal
        self._post_copy = post_copy
        self._writing = portal.pages.writing

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        person = "/organise/people/{id}"
        return [
            guard("guests.view", "/organise/people", self.show_people),
            guard("guests.view", person, self.show_person),
            guard("guests.edit", f"{person}/email", self.show_correction),
            guard("guests.edit", f"{person}/email", self.ask, methods=["POST"]),
            guard("guests.edit", f"{person}/email/change", self.correct, methods=["POST"]),
            guard("guests.edit", f"{person}/links/end", self.end_links, methods=["POST"]),
            guard("guests.erase", f"{person}/delete", self.show_deletion),
            guard("guests.erase", f"{person}/delete", self.delete, methods=["POST"]),
            guard("guests.edit", f"{person}/tickets/{{code}}/again", self.send_again, methods=["POST"]),
        ]

    async def show_people(self, request: Request) -> Response:
        """Answer with the search by name, username or email address, and the people that match."""
        words = read_words(read_query(request, "q", MAX_WORDS_LENGTH))
        people: Sequence[Person] = ()
        if words:
            people = await self._portal.database.report(accounts.find_people, words, MAX_FOUND)
        return await self._portal.page(
            request,
            "backoffice/people.html",
            section="organise",
            words=words,
            people=people,
            more=len(people) == MAX_FOUND,
            max_length=MAX_WORDS_LENGTH,
        )

    async def show_person(self, request: Request) -> Response:
        """Answer with one person: name, email address, registrations and tickets."""
        return await self._person(request)

    async def _person(self, request: Request, refusal: Refused | None = None) -> Response:
        view = await self._portal.database.report(view_history, _person_id(request), self._writing)
        return await self._portal.page(
            request,
            "backoffice/person.html",
            status=refusal.status if refusal else HTTPStatus.OK,
            headers=refusal.headers() if refusal else None,
            section="organise",
            view=view,
            done=notice_of_step(request),
            note_key=f"page:{view.person.id}:{self._portal.database.clock()}",
            max_note=checkout.MAX_NOTE,
            refused=refusal.message if refusal else "",
            corrected=read_query(request, "corrected", 1) != "",
            ended=read_query(request, "ended", 1) != "",
            confirms_email=self._portal.settings.confirms_email,
            sends_mail=bool(self._portal.settings.smtp_host),
            describe_email=partial(describe_email, writing=self._writing),
        )

    async def show_correction(self, request: Request) -> Response:
        """Answer with the form for the right email address."""
        return await self._correction(request)

    async def ask(self, request: Request) -> Response:
        """Show both addresses and the consequences, with the button that corrects; or the form, if it is wrong."""
        entered = (await read_fields(request)).get("email", "")
        try:
            email = read_email(entered)
            await self._portal.database.read(accounts.check_correction, _person_id(request), email)
        except (Invalid, accounts.Taken) as refusal:
            return await self._correction(request, entered, refusal)
        return await self._correction(request, email, asks=True)

    async def correct(self, request: Request) -> Response:
        """Correct the address that the page displayed; or show the form again."""
        number = _person_id(request)
        security_log.concern(number)
        fields = await read_fields(request)
        entered = fields.get("email", "")
        try:
            email = read_email(entered)
            await self._portal.database.write(
                accounts.correct_shown_email,
                number,
                email,
                fields.get(FIELD, ""),
                self._portal.secret,
                self._portal.settings,
                self._portal.actor(request),
            )
        except (Invalid, accounts.Taken, Changed) as refusal:
            return await self._correction(request, entered, refusal)
        return see_other(f"/organise/people/{number}?corrected=1")

    async def _correction(
        self,
        request: Request,
        entered: str | None = None,
        refusal: Invalid | accounts.Taken | Changed | None = None,
        *,
        asks: bool = False,
    ) -> Response:
        view = await self._portal.database.read(view_person, _person_id(request))
        if not view.can_correct:
            raise accounts.CrewAddress
        return await self._portal.page(
            request,
            "backoffice/correct.html",
            status=refusal.status if refusal else HTTPStatus.OK,
            section="organise",
            person=view.person,
            tickets=sum(row.ticket is not None for row in view.registrations),
            email=view.person.email if entered is None else visible(entered),
            errors=refusal.fields if isinstance(refusal, Invalid | accounts.Taken) else {},
            refused=refusal.message if isinstance(refusal, Changed) else "",
            asks=asks,
            confirms_email=self._portal.settings.confirms_email,
            max_length=accounts.MAX_EMAIL_LENGTH,
        )

    async def end_links(self, request: Request) -> Response:
        """End every link in emails to a guest, and sign the guest out everywhere."""
        number = _person_id(request)
        security_log.concern(number)
        await self._portal.database.write(accounts.end_guest_access, number, self._portal.actor(request))
        return see_other(f"/organise/people/{number}?ended=1")

    async def show_deletion(self, request: Request) -> Response:
        """Show what deleting a guest's data would end and keep, with the button that deletes."""
        return await self._deletion(request)

    async def delete(self, request: Request) -> Response:
        """Delete a guest's data; or show the page again if something else would end than it showed."""
        number = _person_id(request)
        security_log.concern(number)
        shown = (await read_fields(request)).get(FIELD, "")
        try:
            await self._deletions.delete(number, shown, self._portal.actor(request))
        except (accounts.AccountInUse, Changed) as refusal:
            return await self._deletion(request, refusal)
        return see_other("/organise/people")

    async def _deletion(
        self, request: Request, refusal: accounts.AccountInUse | Changed | None = None
    ) -> Response:
        plan = await self._deletions.plan(_person_id(request))
        return await self._portal.page(
            request,
            "backoffice/delete_guest.html",
            status=refusal.status if refusal else HTTPStatus.OK,
            section="organise",
            plan=plan,
            refused=refusal.message if isinstance(refusal, Changed) else "",
        )

    async def send_again(self, request: Request) -> Response:
        """Send the ticket to the person's present address; once where the form is sent twice."""
        organiser = self._portal.known(request)
        number = _person_id(request)
        security_log.concern(number)
        code = read_code(read_path(request, "code"))
        shown = (await read_fields(request)).get(FIELD, "")
        copies = int(shown) if shown.isascii() and shown.isdecimal() and len(shown) <= MAX_DIGITS else -1

        def send(connection: Connection) -> None:
            accounts.allow_use(connection, organiser.person, "resend")
            tickets.send_copy(connection, number, code, copies, post=self._post_copy)

        try:
            await self._portal.database.write(send)
        except (TicketOver, TooMany) as refusal:
            return await self._person(request, refusal)
        return see_other(f"/organise/people/{number}#{code}")


def _person_id(request: Request) -> int:
    number = read_seat(read_path(request, "id"))
    if number is None:
        raise NotFound
    return number
