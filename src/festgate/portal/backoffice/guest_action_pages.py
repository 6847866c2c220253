"""The organisers' pages of actions on many guests: what would happen, and what became of each guest."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, Refused, TooMany
from festgate.kit.ids import new_code
from festgate.kit.visitors import Actor
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import is_id, read_ids, read_parameters, read_query
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.bulk_actions import (
    ACTIONS,
    MAX_SELECTED,
    SECONDS,
    TOGETHER,
    Action,
    Outcome,
    Plan,
    cancel_free,
    guests_after,
    plan_action,
    reason_of,
    resend_ticket,
)
from festgate.portal.backoffice.guest_filters import MAX_VALUE
from festgate.portal.backoffice.guest_list import GuestList, open_list
from festgate.portal.backoffice.guest_pages import (
    MAX_WHICH,
    PLACES,
    hidden,
    list_of,
    none_selected,
    read_selected,
    written_selected,
)
from festgate.portal.backoffice.guest_queries import Guest
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

MAX_FORM = 20
"""Characters of the code that makes each confirmed form its own."""
MAX_FIELD = 2_000
MAX_LISTED = 200
"""Guests whose names a confirmation lists."""


@dataclass(frozen=True)
class Confirmed:
    """A confirmed form: the action, and its part that is still to be done."""

    action: Action
    selected: tuple[int, ...]
    form: str
    after: int
    """The last id of the part that was done."""
    last: int
    """The last id of all."""


class GuestActionPages:
    """Actions on many guests, in two steps: a page that asks, and a page with the result by guest."""

    def __init__(self, portal: Portal, post_copy: tickets.PostCopy, is_used: registrations.IsUsed) -> None:
        """Take, besides the portal, the function that queues the email of a ticket, and a query of check-ins."""
        self._portal = portal
        self._post_copy = post_copy
        self._is_used = is_used

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        return [
            route
            for place in PLACES
            for route in (
                guard("guests.edit", f"{place}/action", self.ask, lists_assigned=True),
                guard("guests.edit", f"{place}/action", self.act, methods=["POST"], lists_assigned=True),
            )
        ]

    async def ask(self, request: Request) -> Response:
        """Show how many guests the action concerns, what would happen, and the button that does it."""
        slug, lead = await list_of(self._portal, request)
        parameters = read_parameters(request, MAX_VALUE)
        selected = read_ids(request, "guest", MAX_SELECTED)
        if read_query(request, "which", MAX_WHICH) == "all":
            selected = ()
        elif not selected:
            return await none_selected(self._portal, request)
        action = _action(read_query(request, "action", MAX_FORM))

        def plan(connection: Connection) -> Plan:
            return plan_action(connection, action, open_list(connection, slug, lead, parameters), selected)

        shown = await self._portal.database.report(plan)
        return await self._portal.page(
            request,
            "backoffice/guest_action.html",
            section="organise",
            plan=shown,
            listed=shown.listed,
            selected=written_selected(selected),
            fields=hidden(shown.listed.filters.parameters()),
            form=new_code(12),
            max_listed=MAX_LISTED,
            sends_mail=bool(self._portal.settings.smtp_host),
        )

    async def act(self, request: Request) -> Response:
        """Do the action for the guests of the form, some seconds long, and show what became of each."""
        slug, lead = await list_of(self._portal, request)
        fields = await read_fields(request, MAX_FIELD)
        confirmed = Confirmed(
            _action(fields.get("action", "")),
            read_selected(fields.get("guests", ""), MAX_SELECTED),
            fields.get("form", "")[:MAX_FORM],
            _number(fields.get("after", "0")),
            _number(fields.get("last", "0")),
        )
        actor = self._portal.actor(request)
        if actor.person is None or not confirmed.form:
            raise NotFound

        def waiting(connection: Connection) -> tuple[GuestList, list[Guest]]:
            listed = open_list(connection, slug, lead, fields)
            return listed, guests_after(
                connection, listed, confirmed.selected, confirmed.after, confirmed.last
            )

        listed, guests = await self._portal.database.report(waiting)
        try:
            await self._portal.database.write(accounts.allow_use, actor.person, "bulk")
        except TooMany as refusal:
            return await self._result(request, confirmed, listed, [], len(guests), refusal)
        outcomes = await self._run(actor, confirmed, guests)
        return await self._result(request, confirmed, listed, outcomes, len(guests) - len(outcomes))

    async def _run(self, actor: Actor, confirmed: Confirmed, guests: Sequence[Guest]) -> list[Outcome]:
        """Do the action for some guests at a time, as many as fit into the time of one request."""
        ends_at = monotonic() + SECONDS
        outcomes: list[Outcome] = []
        for start in range(0, len(guests), TOGETHER):
            if monotonic() > ends_at:
                break
            together = guests[start : start + TOGETHER]
            done = await asyncio.gather(
                *(self._one(actor, confirmed, guest) for guest in together), return_exceptions=True
            )
            for guest, error in zip(together, done, strict=True):
                if error is not None and not isinstance(error, Refused):
                    raise error
                outcomes.append(Outcome(guest, "" if error is None else reason_of(error)))
        return outcomes

    async def _one(self, actor: Actor, confirmed: Confirmed, guest: Guest) -> None:
        write = self._portal.database.write
        if confirmed.action == "resend":
            await write(resend_ticket, actor, guest, confirmed.form, self._post_copy)
        else:
            await write(cancel_free, actor, guest, confirmed.form, self._is_used)

    async def _result(
        self,
        request: Request,
        confirmed: Confirmed,
        listed: GuestList,
        outcomes: Sequence[Outcome],
        left: int,
        refusal: TooMany | None = None,
    ) -> Response:
        after = outcomes[-1].guest.seat_id if outcomes else confirmed.after
        return await self._portal.page(
            request,
            "backoffice/guest_action_result.html",
            status=refusal.status if refusal else HTTPStatus.OK,
            headers=refusal.headers() if refusal else None,
            section="organise",
            action=confirmed.action,
            listed=listed,
            done=[outcome.guest for outcome in outcomes if not outcome.reason],
            refused=[outcome for outcome in outcomes if outcome.reason],
            left=left,
            refusal=refusal.message if refusal else "",
            fields=hidden(
                {
                    **listed.filters.parameters(),
                    "action": confirmed.action,
                    "guests": written_selected(confirmed.selected),
                    "form": confirmed.form,
                    "after": str(after),
                    "last": str(confirmed.last),
                }
            ),
        )


def _action(name: str) -> Action:
    for action in ACTIONS:
        if action == name:
            return action
    raise NotFound


def _number(text: str) -> int:
    if not is_id(text):
        raise NotFound
    return int(text)
