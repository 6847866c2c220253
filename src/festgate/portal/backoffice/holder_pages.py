"""The organisers' page of an event's rules about the holders of its tickets."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.errors import Invalid
from festgate.kit.translation import N_, gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.catalogue import facade as catalogue

NAMES: tuple[tuple[catalogue.NameRule, str, str], ...] = (
    ("off", N_("No names"), N_("The ticket has the name of its buyer.")),
    ("optional", N_("Names if the buyer wants"), N_("An empty name stands for the buyer.")),
    ("required", N_("A name for each ticket"), N_("A seat is confirmed once its name is entered.")),
)
"""The rules about names, as (value, label, hint)."""


class HolderRulePages:
    """The page of an event's rules about holders."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._zone = portal.settings.zone

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        address = "/organise/events/{slug}/holders"
        return [
            guard("events.edit", address, self.show),
            guard("events.edit", address, self.save, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the rules."""
        return await self._form(request)

    async def save(self, request: Request) -> Response:
        """Save the rules."""
        slug = read_path(request, "slug")
        fields = await read_fields(request)
        try:
            rules = catalogue.read_holder_rules(fields, self._zone)
            await self._portal.database.write(
                catalogue.set_holder_rules, slug, rules, actor=self._portal.actor(request)
            )
        except Invalid as refusal:
            return await self._form(request, fields, refusal)
        return see_other(f"/organise/events/{slug}/tickets")

    async def _form(
        self, request: Request, entered: Mapping[str, str] | None = None, refusal: Invalid | None = None
    ) -> Response:
        event = await self._portal.database.read(catalogue.any_event_by_slug, read_path(request, "slug"))
        values = catalogue.written_holder_rules(catalogue.rules_of(event), self._zone)
        return await self._portal.page(
            request,
            "backoffice/holders.html",
            status=refusal.status if refusal else 200,
            section="organise",
            event=event,
            names=[(value, gettext(label), gettext(hint)) for value, label, hint in NAMES],
            values=values if entered is None else {**dict.fromkeys(values, ""), **entered},
            errors=refusal.fields if refusal else {},
            zone=self._zone.key,
        )
