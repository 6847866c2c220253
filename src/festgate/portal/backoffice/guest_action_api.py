"""JSON routes that do something for guests: their history, notes, actions on many, and emails that were given up."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, Refused, SignInNeeded, TooMany
from festgate.kit.formats import Formats
from festgate.kit.messaging import mail
from festgate.kit.visitors import Actor, Visitor
from festgate.kit.web.api import Bearer, Name, actor_of, module_router, problems
from festgate.kit.web.forms import Lines
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.bulk_actions import (
    MAX_SELECTED,
    Action,
    cancel_free,
    plan_action,
    reason_of,
    resend_ticket,
)
from festgate.portal.backoffice.dashboard_pages import try_again
from festgate.portal.backoffice.guest_list import open_list
from festgate.portal.backoffice.guest_queries import Guest
from festgate.portal.backoffice.history import Histories, Moment
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

Id = Annotated[int, Field(ge=1, le=2**53)]
IdempotencyKey = Annotated[
    str,
    Header(
        min_length=1,
        max_length=100,
        description="Yours to choose. The same key and content are one action, done once.",
    ),
]


class StepOfHistory(BaseModel):
    """One step of a history."""

    at: datetime
    title: str = Field(description="What happened, in words.")
    about: str = Field(description="The event, amount or recipient; may be empty.")
    by: str = Field(description="The name of the person of the team that did it; else empty.")
    text: str = Field(description="The text of a note; else empty.")

    @classmethod
    def of(cls, step: Moment) -> "StepOfHistory":
        """Return the step for JSON."""
        return cls(at=moment(step.at), title=step.title, about=step.about, by=step.by, text=step.text)


class GuestNoteInput(BaseModel, extra="forbid"):
    """A note on a guest."""

    text: Annotated[Lines, Field(min_length=1, max_length=checkout.MAX_NOTE)] = Field(
        description="Not shown to the guest, but part of the download of their data."
    )


class GuestNoteOutput(BaseModel):
    """An internal note."""

    id: int
    text: str
    written_at: datetime


class ActionInput(BaseModel, extra="forbid"):
    """An action on many guests."""

    action: Literal["resend", "cancel"] = Field(
        description="`resend` sends tickets again; `cancel` cancels registrations that are free or not paid."
    )
    registrations: list[Id] = Field(
        min_length=1, max_length=MAX_SELECTED, description="The ids of the registrations."
    )
    dry_run: bool = Field(default=True, description="Whether only to return what would be done.")


class ActionOutput(BaseModel):
    """The result of an action on many guests."""

    done: list[int] = Field(description="The registrations for which it was done, or would be.")
    refused: dict[str, str] = Field(description="The reason by the id of each other registration.")


class FailedEmail(BaseModel):
    """An email that was not sent, and is not tried any more."""

    id: int
    recipient: str
    subject: str
    queued_at: datetime
    error: str = Field(description="The mail server's last answer.")


class GuestActionApi:
    """JSON routes below `/guests`, `/orders` and `/emails`."""

    def __init__(self, portal: Portal, post_copy: tickets.PostCopy, is_used: registrations.IsUsed) -> None:
        """Take, besides the portal, the function that queues the email of a ticket, and a query of check-ins."""
        self._portal = portal
        self._post_copy = post_copy
        self._is_used = is_used

    def router(self) -> APIRouter:
        """Return the routes."""
        router = module_router(self._portal, "backoffice", "guests")
        self._add_histories(router)
        self._add_actions(router)
        self._add_emails(router)
        return router

    def _add_histories(self, router: APIRouter) -> None:
        portal = self._portal
        database, writing = portal.database, portal.pages.writing
        Viewer = Annotated[Visitor, Depends(Bearer(portal, "guests.view"))]  # noqa: N806  (a type)
        OrderViewer = Annotated[Visitor, Depends(Bearer(portal, "orders.view"))]  # noqa: N806
        Editor = Annotated[Visitor, Depends(Bearer(portal, "orders.edit"))]  # noqa: N806

        @router.get("/orders/{ref}/history", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_history(ref: Name, _caller: OrderViewer) -> list[StepOfHistory]:
            """Read the history of an order with its payments, refunds, tickets and notes, oldest first."""
            return await database.report(_order_history, ref, writing)

        @router.get("/guests/{person}/history", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_guest(person: Id, _caller: Viewer) -> list[StepOfHistory]:
            """Read the history of all orders and registrations of a guest, oldest first."""
            return await database.report(_guest_history, person, writing)

        @router.post(
            "/guests/{person}/notes",
            status_code=201,
            responses=problems(SignInNeeded, Forbidden, NotFound, checkout.PersonDeleted, checkout.KeyReused),
        )
        async def write_note(
            person: Id,
            body: GuestNoteInput,
            caller: Editor,
            request: Request,
            idempotency_key: IdempotencyKey,
        ) -> GuestNoteOutput:
            """Write an internal note on a guest."""
            key = f"api:{caller.person}:{idempotency_key}"
            note = await database.write(
                checkout.write_note, actor_of(caller, request), person, body.text, key
            )
            return GuestNoteOutput(id=note.id, text=note.text, written_at=moment(note.written_at))

    def _add_actions(self, router: APIRouter) -> None:
        portal = self._portal
        guard = Bearer(portal, "guests.edit", lists_assigned=True)
        Caller = Annotated[Visitor, Depends(guard)]  # noqa: N806  (a type)

        @router.post("/guests/actions", responses=problems(SignInNeeded, Forbidden, NotFound, TooMany))
        async def act(
            body: ActionInput, caller: Caller, request: Request, idempotency_key: IdempotencyKey
        ) -> ActionOutput:
            """Send tickets again, or cancel registrations, for up to 100 guests; an event lead's own.

            The same key does it once for each registration.
            """
            lead = caller.person if caller.role == "lead" else None

            def read(connection: Connection) -> tuple[Sequence[Guest], dict[int, str]]:
                listed = open_list(connection, None, lead, {})
                plan = plan_action(connection, body.action, listed, body.registrations)
                return plan.ready, {guest.seat_id: reason for guest, reason in plan.refused}

            ready, refused = await portal.database.report(read)
            if not body.dry_run and ready:
                await portal.database.write(accounts.allow_use, caller.person, "bulk")
                form = f"api:{caller.person}:{idempotency_key}"
                refused |= await self._do(actor_of(caller, request), body.action, ready, form)
            done = [guest.seat_id for guest in ready if guest.seat_id not in refused]
            return ActionOutput(
                done=done, refused={str(number): reason for number, reason in refused.items()}
            )

    async def _do(self, actor: Actor, action: Action, guests: Sequence[Guest], form: str) -> dict[int, str]:
        """Do the action for each guest, and return the reasons for which it was refused."""
        write = self._portal.database.write
        results = await asyncio.gather(
            *(
                write(resend_ticket, actor, guest, form, self._post_copy)
                if action == "resend"
                else write(cancel_free, actor, guest, form, self._is_used)
                for guest in guests
            ),
            return_exceptions=True,
        )
        refused: dict[int, str] = {}
        for guest, error in zip(guests, results, strict=True):
            if isinstance(error, Refused):
                refused[guest.seat_id] = reason_of(error)
            elif error is not None:
                raise error
        return refused

    def _add_emails(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "guests.edit"))]  # noqa: N806  (a type)

        @router.get("/emails", responses=problems(SignInNeeded, Forbidden))
        async def list_failed(_caller: Caller) -> list[FailedEmail]:
            """List the emails of the last week that were given up, the latest first."""
            return [
                FailedEmail(
                    id=email.id,
                    recipient=email.recipient,
                    subject=email.subject,
                    queued_at=moment(email.queued_at),
                    error=email.error,
                )
                for email in await database.report(mail.given_up)
            ]

        @router.post("/emails/{email}/try", status_code=204, responses=problems(SignInNeeded, Forbidden))
        async def try_email(email: Id, caller: Caller, request: Request) -> None:
            """Send an email that was given up. Idempotent."""
            await database.write(try_again, email, actor_of(caller, request))


def _order_history(connection: Connection, ref: str, writing: Formats) -> list[StepOfHistory]:
    order = checkout.order_by_ref(connection, ref)
    return [StepOfHistory.of(step) for step in Histories(connection, writing).of_order(order)]


def _guest_history(connection: Connection, person: int, writing: Formats) -> list[StepOfHistory]:
    accounts.person_by_id(connection, person)
    return [StepOfHistory.of(step) for step in Histories(connection, writing).of_person(person)]
