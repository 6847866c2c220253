"""JSON routes of people: find one, correct an email address, end the links of a guest, delete a guest's data."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from festgate.kit import security_log
from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, ModuleUnavailable, NotFound, SignInNeeded
from festgate.kit.messaging.mail import MailState
from festgate.kit.roles import Role
from festgate.kit.shown import Changed
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import (
    PAGE_SIZE,
    Amount,
    Bearer,
    PageNumber,
    actor_of,
    module_router,
    pages_for,
    problems,
)
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.guest_deletions import GuestDeletions
from festgate.portal.backoffice.order_actions import Difference
from festgate.portal.backoffice.people import (
    MAX_WORDS_LENGTH,
    PersonView,
    Registration,
    read_email,
    read_words,
    view_history,
)
from festgate.portal.registrations import facade as registrations

MAX_SHOWN = 64
Id = Annotated[int, Field(ge=1, le=2**53)]


class PersonOutput(BaseModel):
    """A person with an account, or a guest without one."""

    id: int
    name: str = Field(description="The person's name, or the username in its place.")
    username: str = Field(description="Empty for a guest without an account.")
    email: str = Field(description="Empty if it was not given, or if the data of the person were deleted.")
    is_confirmed: bool = Field(description="Whether the email address is confirmed.")
    is_guest: bool = Field(description="Whether the person bought without an account.")
    role: Role

    @classmethod
    def of(cls, person: accounts.Person) -> "PersonOutput":
        """Return the person for JSON."""
        return cls(
            id=person.id,
            name=person.shown_name,
            username="" if person.is_guest else person.username,
            email=person.email,
            is_confirmed=person.is_confirmed,
            is_guest=person.is_guest,
            role=person.role,
        )


class PeoplePage(BaseModel):
    """A page of people."""

    people: list[PersonOutput] = Field(description=f"Up to {PAGE_SIZE} people, by name.")
    total: int = Field(description="Number of people on all pages.")
    page: int
    pages: int


class TicketEmail(BaseModel):
    """The last email with a ticket."""

    state: Literal["queued", "sent", "failed"]
    at: datetime = Field(
        description="When it was sent; when it is tried next; or when it was queued if it failed."
    )
    recipient: str = Field(description="Empty once the email was erased.")
    error: str | None = Field(description="The mail server's last answer; null without an error.")

    @classmethod
    def of(cls, state: MailState) -> "TicketEmail":
        """Return the state for JSON."""
        return cls(
            state=state.state, at=moment(state.at, UTC), recipient=state.recipient, error=state.error or None
        )


class PersonRegistration(BaseModel):
    """A registration of a person."""

    registration: int
    event: str = Field(description="The slug of the event.")
    title: str
    ticket: str = Field(description="The ticket type; empty for the only one of an event.")
    attendee: str = Field(description="The name on the ticket, if it is not the person's; else empty.")
    state: registrations.SeatState
    words: str = Field(description="The state in words, with the reason of its end.")
    fee: Amount
    order: str | None = Field(description="The reference of the order; null without one.")
    is_complimentary: bool
    has_ticket: bool = Field(description="Whether there is a ticket that is still of use.")
    copies: int = Field(description="How often the ticket was sent again.")
    email: TicketEmail | None = Field(description="Null while no email with the ticket was sent or queued.")

    @classmethod
    def of(cls, row: Registration) -> "PersonRegistration":
        """Return the registration for JSON."""
        seat = row.seat
        return cls(
            registration=seat.id,
            event=seat.slug,
            title=seat.title,
            ticket=seat.type_name,
            attendee=seat.attendee_name,
            state=seat.state,
            words=row.words,
            fee=Amount.of(seat.fee),
            order=row.order_ref or None,
            is_complimentary=row.is_complimentary,
            has_ticket=row.ticket is not None,
            copies=row.copies,
            email=None if row.mail is None else TicketEmail.of(row.mail),
        )


class DifferenceOutput(BaseModel):
    """An open difference of an exchanged ticket."""

    exchange: int = Field(description="The id of the exchange, for `/exchanges/{exchange_id}/settlement`.")
    registration: int
    ticket: str = Field(description="The new ticket.")
    amount: Amount
    words: str = Field(description="The difference in a sentence.")
    settlements: list[str] = Field(description="The settlements that are possible.")

    @classmethod
    def of(cls, difference: Difference) -> "DifferenceOutput":
        """Return the difference for JSON."""
        exchange = difference.exchange
        return cls(
            exchange=exchange.id,
            registration=exchange.seat_id,
            ticket=exchange.new_title,
            amount=Amount.of(exchange.amount),
            words=difference.sentence,
            settlements=[step for step, _ in difference.steps],
        )


class WholePerson(BaseModel):
    """A person with the registrations; the history is at `/guests/{person}/history`."""

    person: PersonOutput
    can_correct: bool = Field(description="Whether the email address can be corrected: not that of the team.")
    registrations: list[PersonRegistration] = Field(description="The latest first.")
    differences: list[DifferenceOutput] = Field(description="Open differences of exchanges outside orders.")

    @classmethod
    def of(cls, view: PersonView) -> "WholePerson":
        """Return the person for JSON."""
        return cls(
            person=PersonOutput.of(view.person),
            can_correct=view.can_correct,
            registrations=[PersonRegistration.of(row) for row in view.registrations],
            differences=[DifferenceOutput.of(one) for one in view.differences],
        )


class EmailInput(BaseModel, extra="forbid"):
    """The right email address of a person."""

    email: str = Field(max_length=2 * accounts.MAX_EMAIL_LENGTH, description="The right address.")
    before: str = Field(
        max_length=2 * accounts.MAX_EMAIL_LENGTH,
        description="The address that it replaces. With another than the present one, nothing is done.",
    )


class DeletionPlan(BaseModel):
    """The effects of deleting the data of a guest."""

    obstacles: list[str] = Field(description="Why it cannot be done yet, in sentences; empty if it can.")
    ended: list[str] = Field(description="What would end, in sentences.")
    kept: list[str] = Field(description="What would stay, without the name of the guest.")
    confirm: str = Field(description="Send it to delete; it changes when any of these sentences does.")


class DeletionInput(BaseModel, extra="forbid"):
    """The confirmation of a deletion."""

    confirm: str = Field(max_length=MAX_SHOWN, description="The `confirm` of what the deletion would do.")


class PeopleApi:
    """JSON routes of people; not for event leads, because people have registrations at other events, too."""

    def __init__(self, portal: Portal, deletions: GuestDeletions) -> None:
        """`deletions` are shared with the pages."""
        self._portal = portal
        self._deletions = deletions

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        router = module_router(self._portal, "backoffice", "people")
        self._add_views(router)
        self._add_changes(router)
        self._add_deletions(router)
        return router

    def _add_views(self, router: APIRouter) -> None:
        portal = self._portal
        Viewer = Annotated[Visitor, Depends(Bearer(portal, "guests.view"))]  # noqa: N806  (a type)

        @router.get("/people", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def find(
            _caller: Viewer,
            q: Annotated[
                str,
                Query(
                    max_length=MAX_WORDS_LENGTH,
                    description="Words, each of which must be in the name, the username or the email address. Without "
                    "any, nobody is found.",
                ),
            ] = "",
            page: PageNumber = 1,
        ) -> PeoplePage:
            """Find people by name, username or email address, 50 a page."""
            words = read_words(q)

            def read(connection: Connection) -> tuple[Sequence[accounts.Person], int, int]:
                total = accounts.count_people(connection, words) if words else 0
                pages = pages_for(total, page)
                if not total:
                    return [], 0, pages
                people = accounts.find_people(connection, words, PAGE_SIZE, (page - 1) * PAGE_SIZE)
                return people, total, pages

            people, total, pages = await portal.database.report(read)
            return PeoplePage(
                people=[PersonOutput.of(person) for person in people], total=total, page=page, pages=pages
            )

        @router.get("/people/{person}", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_person(person: Id, _caller: Viewer) -> WholePerson:
            """Show a person with all registrations, their tickets' emails, and open differences."""
            view = await portal.database.report(view_history, person, portal.pages.writing)
            return WholePerson.of(view)

    def _add_changes(self, router: APIRouter) -> None:
        portal = self._portal
        Editor = Annotated[Visitor, Depends(Bearer(portal, "guests.edit"))]  # noqa: N806  (a type)

        @router.put(
            "/people/{person}/email",
            responses=problems(
                SignInNeeded, Forbidden, NotFound, accounts.CrewAddress, accounts.Taken, Changed
            ),
        )
        async def correct(person: Id, body: EmailInput, caller: Editor, request: Request) -> PersonOutput:
            """Correct the mistyped email address of an attendee. Idempotent.

            An account is signed out everywhere, and the new address gets the link that confirms it; a confirmed old
            address gets an email about the change. The links to a guest's orders end. Valid tickets are sent to the
            new address.
            """
            security_log.concern(person)
            return PersonOutput.of(
                await portal.database.write(
                    accounts.correct_shown_email,
                    person,
                    read_email(body.email),
                    body.before,
                    portal.secret,
                    portal.settings,
                    actor_of(caller, request),
                )
            )

        @router.delete(
            "/people/{person}/links", status_code=204, responses=problems(SignInNeeded, Forbidden, NotFound)
        )
        async def end_links(person: Id, caller: Editor, request: Request) -> None:
            """End every link in emails to a guest, and sign the guest out everywhere; not for accounts. Idempotent."""
            security_log.concern(person)
            await portal.database.write(accounts.end_guest_access, person, actor_of(caller, request))

    def _add_deletions(self, router: APIRouter) -> None:
        portal, deletions = self._portal, self._deletions
        Eraser = Annotated[Visitor, Depends(Bearer(portal, "guests.erase"))]  # noqa: N806  (a type)

        @router.get(
            "/people/{person}/deletion",
            responses=problems(SignInNeeded, Forbidden, NotFound, ModuleUnavailable),
        )
        async def plan_deletion(person: Id, _caller: Eraser) -> DeletionPlan:
            """Read what deleting the data of a guest would end and keep; not for accounts."""
            plan = await deletions.plan(person)
            return DeletionPlan(
                obstacles=list(plan.obstacles),
                ended=list(plan.ended),
                kept=list(plan.kept),
                confirm=plan.shown,
            )

        @router.post(
            "/people/{person}/deletion",
            status_code=204,
            responses=problems(
                SignInNeeded, Forbidden, NotFound, accounts.AccountInUse, Changed, ModuleUnavailable
            ),
        )
        async def delete(person: Id, body: DeletionInput, caller: Eraser, request: Request) -> None:
            """Delete the data of a guest, if it does what was read before. A second call finds nobody to delete."""
            security_log.concern(person)
            await deletions.delete(person, body.confirm, actor_of(caller, request))
