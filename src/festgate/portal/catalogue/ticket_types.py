"""Ticket types: the kinds of tickets that an event sells, each with its price, quota and sale window.

Every event has at least one type. The only type of an event needs no name, and visitors see the event alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, Literal

from sqlalchemy import bindparam, func, select

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext
from festgate.portal.catalogue.event_sales import Sellable
from festgate.portal.catalogue.passes import PassEvent, passes_of_event
from festgate.portal.catalogue.prices import tax_within
from festgate.portal.catalogue.quotas import Quota, quotas_of_event
from festgate.portal.catalogue.tables import events, pass_events, quota_types, ticket_types

MAX_PER_ORDER = 100
"""Tickets of one type in one order."""
MAX_REMEMBERED = 1000
"""Events whose types are remembered."""
MAX_TEAM_SIZE = 50
"""Members of one team."""
TeamPrice = Literal["team", "member"]
NO_TYPE = N_("This event has no such ticket type.")
TYPE_COLUMNS = (
    "name",
    "description",
    "fee_minor",
    "chosen_price",
    "sales_open_at",
    "sales_close_at",
    "follows_id",
    "access_key",
    "min_per_order",
    "max_per_order",
    "tax_rate",
    "tax_on_top",
    "team_min",
    "team_max",
    "team_price",
    "team_changes_until",
)
"""The columns that an organiser enters."""


@dataclass(frozen=True, slots=True)
class TypeDetails:
    """A ticket type as its organiser enters it. Times are in milliseconds; 0 as the event."""

    name: str
    fee: Money
    """The price with tax; the least price that the buyer can choose, if `has_chosen_price`."""
    description: str = ""
    has_chosen_price: bool = False
    sales_open_at: Milliseconds = 0
    sales_close_at: Milliseconds = 0
    follows_id: int | None = None
    """The type after which this one is sold."""
    is_hidden: bool = False
    """Whether it is sold only to visitors who have its link."""
    min_per_order: int = 1
    max_per_order: int = 1
    own_quota: int | None = None
    """The most tickets of this type; None without a limit but the event's."""
    tax_rate: int = 0
    """The tax in the price, in hundredths of a percent."""
    has_tax_on_top: bool = False
    """Whether its organiser enters the price without tax."""
    team_min: int = 0
    """The least size of a team."""
    team_max: int = 0
    """The largest size of a team; 0 for a type that is not sold to teams."""
    team_price: TeamPrice = "team"
    """Whether the price is that of a team, split over its seats, or that of each member."""
    team_changes_until: Milliseconds = 0
    """Until then members can change; 0 until the event starts."""

    @property
    def is_for_teams(self) -> bool:
        """Return whether a captain takes all seats of a team together."""
        return self.team_max > 0


@dataclass(frozen=True, slots=True)
class TicketType:
    """A ticket type of an event."""

    id: int
    event_id: int
    position: int
    details: TypeDetails
    is_withdrawn: bool
    access_key: str | None = None
    """The key of the link to a hidden type."""
    quotas: tuple[Quota, ...] = ()
    """All quotas that it draws on, in ascending order of id."""
    admits: tuple[PassEvent, ...] = ()
    """The other events that it admits to, if it is a pass, by their start."""

    @property
    def name(self) -> str:
        """The name; empty for the only type of an event."""
        return self.details.name

    @property
    def fee(self) -> Money:
        """The price with tax, or the least price that the buyer can choose."""
        return self.details.fee

    @property
    def is_pass(self) -> bool:
        """Return whether it admits to other events too."""
        return bool(self.admits)

    @property
    def left(self) -> int | None:
        """The tickets that its quotas and the other events of a pass leave; None without a limit of its own."""
        others = [event.left for event in self.admits if event.state != "cancelled"]
        return min([*(quota.left for quota in self.quotas), *others], default=None)

    def tax_of(self, price: Money) -> Money:
        """Return the tax in a price of this type."""
        return tax_within(price, self.details.tax_rate)


_type = select(
    *ticket_types.c["id", "event_id", "position", "withdrawn"],
    *ticket_types.c[TYPE_COLUMNS],
    events.c.currency,
    select(quota_types.c.quota_id).where(quota_types.c.type_id == ticket_types.c.id).exists(),
    select(pass_events.c.event_id).where(pass_events.c.type_id == ticket_types.c.id).exists(),
).join_from(ticket_types, events, events.c.id == ticket_types.c.event_id)
_of_event = Statement(
    _type.where(ticket_types.c.event_id == bindparam("event")).order_by(
        ticket_types.c.position, ticket_types.c.id
    )
)
_all = Statement(_type.order_by(ticket_types.c.event_id, ticket_types.c.position, ticket_types.c.id))
_prices = Statement(
    select(
        func.min(ticket_types.c.fee_minor),
        func.max(ticket_types.c.fee_minor),
        func.max(ticket_types.c.chosen_price),
    ).where(
        ticket_types.c.event_id == bindparam("event"),
        ticket_types.c.withdrawn == 0,
        ticket_types.c.access_key.is_(None),
    )
)


_remembered: dict[tuple[str, int], tuple[TicketType, ...]] = {}
"""Types without quotas and passes, by the uid and the version of their event."""


def types_of(connection: Connection, event_id: int) -> tuple[TicketType, ...]:
    """Return the types of the event in their order, withdrawn ones included."""
    rows = connection.all(_of_event, event=event_id)
    quotas = quotas_of_event(connection, event_id) if any(row[-2] for row in rows) else {}
    passes = passes_of_event(connection, event_id) if any(row[-1] for row in rows) else {}
    return tuple(_read(row, quotas, passes) for row in rows)


def types_of_event(connection: Connection, event: Sellable) -> tuple[TicketType, ...]:
    """Return the types of the event as `types_of` does, from memory while the event has the same version.

    Each change of a type gives the event a new version, but the counts of quotas change without one, and so
    do other events of a pass. So types with quotas and passes are read every time.
    """
    key = (event.uid, event.version)
    types = _remembered.get(key)
    if types is None:
        types = types_of(connection, event.id)
        if not any(ticket_type.quotas or ticket_type.admits for ticket_type in types):
            if len(_remembered) >= MAX_REMEMBERED:
                _remembered.clear()
            _remembered[key] = types
    return types


def type_of(types: Sequence[TicketType], type_id: int) -> TicketType:
    """Return the type of that id. Raises NotFound."""
    for ticket_type in types:
        if ticket_type.id == type_id:
            return ticket_type
    raise NotFound(gettext(NO_TYPE))


def is_shown(
    ticket_type: TicketType,
    types: Sequence[TicketType],
    now: Milliseconds,
    access_key: str = "",
    unlocked: Collection[int] = (),
) -> bool:
    """Return whether a visitor with that key sees the type: one that follows another is shown once that is over.

    `unlocked` are the ids of the hidden types that a promo code opens.
    """
    follows = ticket_type.details.follows_id
    return (
        not ticket_type.is_withdrawn
        and is_open_to(ticket_type, access_key, unlocked)
        and (follows is None or _is_over(type_of(types, follows), now))
    )


def is_offered(
    ticket_type: TicketType,
    types: Sequence[TicketType],
    now: Milliseconds,
    access_key: str = "",
    unlocked: Collection[int] = (),
) -> bool:
    """Return whether a type is on sale at `now` to a visitor with that key, as far as the type itself decides that.

    `unlocked` are the ids of the hidden types that a promo code opens.
    """
    details = ticket_type.details
    return (
        not ticket_type.is_withdrawn
        and is_open_to(ticket_type, access_key, unlocked)
        and details.sales_open_at <= now
        and not _has_closed(ticket_type, now)
        and (details.follows_id is None or _is_over(type_of(types, details.follows_id), now))
    )


def is_open_to(ticket_type: TicketType, access_key: str, unlocked: Collection[int] = ()) -> bool:
    """Return whether the type is public, the key is its own, or a promo code has `unlocked` it."""
    key = ticket_type.access_key
    return (
        key is None
        or ticket_type.id in unlocked
        or compare_digest(key.encode(), access_key.encode("utf-8", "replace"))
    )


def _has_closed(ticket_type: TicketType, now: Milliseconds) -> bool:
    return 0 < ticket_type.details.sales_close_at <= now


def _is_over(ticket_type: TicketType, now: Milliseconds) -> bool:
    """Return whether a type is not sold any more, so that the one after it is."""
    return (
        ticket_type.is_withdrawn
        or _has_closed(ticket_type, now)
        or (ticket_type.left is not None and ticket_type.left <= 0)
    )


def prices_of(connection: Connection, event_id: int) -> tuple[int, int | None]:
    """Return the lowest and the highest price of the event's public types, in minor units.

    The highest is None where the buyer of a type chooses the price.
    """
    least, most, is_chosen = connection.all(_prices, event=event_id)[0]
    return least or 0, None if is_chosen else most or 0


def _read(
    row: tuple[Any, ...],
    quotas: Mapping[int, tuple[Quota, ...]],
    passes: Mapping[int, tuple[PassEvent, ...]],
) -> TicketType:
    number, event_id, position, withdrawn, name, description, fee, chosen, opens, closes, follows = row[:11]
    access_key, least, most, tax_rate, on_top, *team, currency = row[11:21]
    drawn = quotas.get(number, ())
    own = next((quota.capacity for quota in drawn if quota.is_own), None)
    details = TypeDetails(
        name,
        Money(fee, currency),
        description,
        bool(chosen),
        opens,
        closes,
        follows,
        access_key is not None,
        least,
        most,
        own,
        tax_rate,
        bool(on_top),
        *team,
    )
    admits = passes.get(number, ())
    return TicketType(number, event_id, position, details, bool(withdrawn), access_key, drawn, admits)
