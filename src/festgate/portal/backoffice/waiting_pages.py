"""The organisers' page of an event's waiting list and applications."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, Refused
from festgate.kit.translation import N_, gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.waiting_lists import Decision, decide, list_entries
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations

MAX_DIGITS = 15
_PREFIX = "entry-"
_BADGES: Mapping[str, tuple[str, str]] = {
    "applied": ("pending", N_("Applied")),
    "waiting": ("pending", N_("Waiting")),
    "offered": ("held", N_("Offered")),
    "taken": ("confirmed", N_("Taken")),
    "expired": ("closed", N_("Offer expired")),
    "given-back": ("closed", N_("Given back")),
    "declined": ("closed", N_("Declined")),
    "removed": ("closed", N_("Removed")),
    "left": ("closed", N_("Left")),
    "ended": ("cancelled", N_("Event cancelled")),
}
"""The kind of badge and its text, by the state of an entry."""


@dataclass(frozen=True, slots=True)
class Row:
    """A person in the organisers' list."""

    entry: registrations.Entry
    person: accounts.Person

    @property
    def contact(self) -> str:
        """The email address, with the ticket type if it has a name."""
        return ", ".join(filter(None, (self.person.email, self.entry.type_name)))

    @property
    def badge(self) -> tuple[str, str]:
        """The state: the kind of badge, and its text."""
        kind, text = _BADGES[self.entry.shown_state]
        return kind, gettext(text)


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """The view model of /organise/events/{slug}/waiting."""

    event: catalogue.Event
    rows: tuple[Row, ...]


def read_waiting(connection: Connection, slug: str) -> WaitingPage:
    """Return the event and its line, with applications: open entries first. Raises NotFound."""
    event = catalogue.any_event_by_slug(connection, slug)
    entries = list_entries(connection, event.id)
    return WaitingPage(
        event, tuple(Row(entry, accounts.person_by_id(connection, entry.person_id)) for entry in entries)
    )


class WaitingListPages:
    """Pages for organisers about waiting lists and applications."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        address = "/organise/events/{slug}/waiting"
        return [
            guard("events.edit", address, self.show),
            guard("events.edit", address, self.set, methods=["POST"]),
            guard("events.edit", f"{address}/people", self.decide, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the list."""
        return await self._page(request)

    async def set(self, request: Request) -> Response:
        """Save the settings of the list."""
        slug = read_path(request, "slug")
        fields = await read_fields(request)
        try:
            settings = catalogue.read_waiting_settings(fields)
            await self._portal.database.write(
                catalogue.set_waiting_list, slug, settings, actor=self._portal.actor(request)
            )
        except Invalid as refusal:
            return await self._page(request, fields, refusal.fields)
        return see_other(f"/organise/events/{slug}/waiting")

    async def decide(self, request: Request) -> Response:
        """Offer seats to the chosen people, put them on the list, decline or remove them."""
        slug = read_path(request, "slug")
        fields = await read_fields(request)
        chosen = _entries_in(fields)
        if not chosen:
            return await self._page(request, fields, {"people": gettext("Choose at least one person.")})

        decision = next((one for one in get_args(Decision) if one == fields.get("then")), None)
        if decision is None:
            return await self._page(request, fields)
        operation = partial(decide, may_raise=fields.get("raise") == "yes", answer=fields.get("answer", ""))
        actor = self._portal.actor(request)
        try:
            await self._portal.database.write(operation, actor, slug, decision, chosen)
        except (Refused, ValueError) as refusal:
            return await self._page(request, fields, {"people": str(refusal)})
        return see_other(f"/organise/events/{slug}/waiting")

    async def _page(
        self,
        request: Request,
        entered: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        shown = await self._portal.database.report(read_waiting, read_path(request, "slug"))
        return await self._portal.page(
            request,
            "backoffice/waiting.html",
            status=Invalid.status if errors else 200,
            section="organise",
            shown=shown,
            entered=entered or {},
            errors=errors or {},
            chosen=set(_entries_in(entered or {})),
        )


def _entries_in(fields: Mapping[str, str]) -> list[int]:
    """Return the ids of the ticked people."""
    names = (name.removeprefix(_PREFIX) for name in fields if name.startswith(_PREFIX))
    return [int(name) for name in names if name.isascii() and name.isdecimal() and len(name) <= MAX_DIGITS]
