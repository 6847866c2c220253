"""Ticket types: the kinds of tickets that an event sells, each with its price, quota and sale window.

Every event has at least one type. The only type of an event needs no name, and visitors see the event alone. Operations
lock the count of the event's seats first, as all operations on an event do.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, Literal

from sqlalchemy import bindparam, delete, func, select, update

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, UniqueViolation, inserting
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.ids import new_code
from festgate.kit.money import Money, parse_amount
from festgate.kit.translation import N_, gettext
from festgate.portal.catalogue.passes import PassEvent, drop_pass, passes_of_event
from festgate.portal.catalogue.prices import tax_within
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.quotas import Quota, quotas_of_event, set_own_quota
from festgate.portal.catalogue.tables import events, pass_events, promo_codes, quota_types, ticket_types

MAX_TYPES = 30
"""The number of types of one event, withdrawn ones included."""
MAX_PER_ORDER = 100
"""Tickets of one type in one order."""
ACCESS_KEY_LENGTH = 16
"""Characters of 5 bits: 80 bits, which nobody finds by trying."""
MAX_REMEMBERED = 1000
"""Events whose types are remembered."""
MAX_TEAM_SIZE = 50
"""Members of one team."""
TeamPrice = Literal["team", "member"]
NO_TYPE = N_("This event has no such ticket type.")
_FIELDS = (
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
    *ticket_types.c[_FIELDS],
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
_insert = inserting(ticket_types, returning="id")
_one = ticket_types.c.id == bindparam("type")
_edit = Statement(
    update(ticket_types).where(_one).values({name: bindparam(f"new_{name}") for name in _FIELDS})
)
_set_fee = Statement(update(ticket_types).where(_one).values(fee_minor=bindparam("new_fee")))
_withdraw = Statement(update(ticket_types).where(_one).values(withdrawn=bindparam("is_withdrawn")))
_move = Statement(update(ticket_types).where(_one).values(position=bindparam("new_position")))
_drop_links = Statement(delete(quota_types).where(quota_types.c.type_id == bindparam("type")))
_drop = Statement(delete(ticket_types).where(_one))
_drop_of_event = Statement(delete(ticket_types).where(ticket_types.c.event_id == bindparam("event")))
_has_codes = Statement(select(promo_codes.c.id).where(promo_codes.c.type_id == bindparam("type")).limit(1))
_drop_codes = Statement(delete(promo_codes).where(promo_codes.c.event_id == bindparam("event")))
_followers = Statement(
    update(ticket_types).where(ticket_types.c.follows_id == bindparam("type")).values(follows_id=None)
)
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


def types_of_event(connection: Connection, event: Event) -> tuple[TicketType, ...]:
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


def add_first_type(connection: Connection, event_id: int, fee: Money) -> None:
    """Give a new event its first type, without a name."""
    _add(connection, event_id, 0, TypeDetails("", fee))


def add_type(connection: Connection, event_id: int, details: TypeDetails) -> TicketType:
    """Add a type to the event and return it. The caller has locked the event's seats. Raises Invalid."""
    types = types_of(connection, event_id)
    if len(types) >= MAX_TYPES:
        sentence = gettext("An event can have at most {max} ticket types.")
        raise Invalid({"name": sentence.format(max=MAX_TYPES)})
    _refuse(find_type_errors(details, types))
    type_id = _add(connection, event_id, max((other.position for other in types), default=-1) + 1, details)
    return type_of(types_of(connection, event_id), type_id)


def edit_type(connection: Connection, ticket_type: TicketType, details: TypeDetails, taken: int = 0) -> bool:
    """Give a type other details; return whether anything changed. The caller has locked the event's seats.

    The prices of seats that are held or sold stay as they were shown. `taken` is the number of those seats, which count
    in a new quota. Raises Invalid, also if more seats are taken than the quota has.
    """
    if details == ticket_type.details:
        return False
    others = [other for other in types_of(connection, ticket_type.event_id) if other.id != ticket_type.id]
    _refuse(find_type_errors(details, others, ticket_type.id))
    access_key = (ticket_type.access_key or new_code(ACCESS_KEY_LENGTH)) if details.is_hidden else None
    columns = {f"new_{name}": value for name, value in _columns(details, access_key).items()}
    try:
        connection.run(_edit, type=ticket_type.id, **columns)
    except UniqueViolation:
        raise Invalid({"name": gettext("Another ticket type of this event has this name.")}) from None
    set_own_quota(connection, ticket_type.id, details.own_quota, taken)
    return True


def set_only_fee(connection: Connection, event_id: int, fee: Money) -> None:
    """Set the fee of an event with one type. Raises Invalid if it has several."""
    types = [other for other in types_of(connection, event_id) if not other.is_withdrawn]
    if len(types) != 1:
        raise Invalid(
            {
                "fee": gettext(
                    "This event has several ticket types. Change the price of a ticket type instead."
                )
            }
        )
    connection.run(_set_fee, type=types[0].id, new_fee=fee.minor)


def set_type_currency(connection: Connection, event_id: int, currency: str) -> None:
    """Put the fees of the event's types into that currency without converting them: 450 stays 450.

    The event has still its old currency. Raises ValueError if a fee has more decimals than the currency.
    """
    for ticket_type in types_of(connection, event_id):
        fee = parse_amount(ticket_type.fee.plain(), currency)
        connection.run(_set_fee, type=ticket_type.id, new_fee=fee.minor)


def remove_type(connection: Connection, ticket_type: TicketType, *, is_used: bool) -> None:
    """Remove a type; withdraw it instead if it `is_used`, because seats of it exist or existed.

    The caller has locked the event's seats. Raises Invalid for the last type of an event.
    """
    left = [
        other
        for other in types_of(connection, ticket_type.event_id)
        if other.id != ticket_type.id and not other.is_withdrawn
    ]
    if not left:
        raise Invalid({"name": gettext("An event needs at least one ticket type.")})
    if not is_used and connection.first(_has_codes, type=ticket_type.id):
        sentence = gettext("Promo codes are for this ticket type. Change or delete them first.")
        raise Invalid({"name": sentence})
    connection.run(_followers, type=ticket_type.id)
    if is_used:
        connection.run(_withdraw, type=ticket_type.id, is_withdrawn=1)
        return
    set_own_quota(connection, ticket_type.id, None)
    connection.run(_drop_links, type=ticket_type.id)
    drop_pass(connection, ticket_type.id)
    connection.run(_drop, type=ticket_type.id)


def offer_again(connection: Connection, ticket_type: TicketType) -> None:
    """Offer a withdrawn type again. The caller has locked the event's seats."""
    connection.run(_withdraw, type=ticket_type.id, is_withdrawn=0)


def order_types(connection: Connection, types: Sequence[TicketType]) -> None:
    """Show the types in this order. The caller has locked the event's seats."""
    for position, ticket_type in enumerate(types):
        if ticket_type.position != position:
            connection.run(_move, type=ticket_type.id, new_position=position)


def drop_types(connection: Connection, event_id: int) -> None:
    """Delete the types and the promo codes of a draft that is deleted."""
    connection.run(_drop_codes, event=event_id)
    for ticket_type in types_of(connection, event_id):
        connection.run(_followers, type=ticket_type.id)
        set_own_quota(connection, ticket_type.id, None)
        connection.run(_drop_links, type=ticket_type.id)
        drop_pass(connection, ticket_type.id)
    connection.run(_drop_of_event, event=event_id)


def prices_of(connection: Connection, event_id: int) -> tuple[int, int | None]:
    """Return the lowest and the highest price of the event's public types, in minor units.

    The highest is None where the buyer of a type chooses the price.
    """
    least, most, is_chosen = connection.all(_prices, event=event_id)[0]
    return least or 0, None if is_chosen else most or 0


def find_type_errors(
    details: TypeDetails, others: Sequence[TicketType], type_id: int | None = None
) -> dict[str, str]:
    """Return a sentence for each wrong field of a type beside the event's `others`."""
    errors: dict[str, str] = {}
    offered = [other for other in others if not other.is_withdrawn]
    if not details.name and offered:
        errors["name"] = gettext("Enter a name, since the event has several ticket types.")
    if any(other.name == details.name for other in others):
        errors.setdefault("name", gettext("Another ticket type of this event has this name."))
    if details.min_per_order > details.max_per_order:
        errors["min_per_order"] = gettext("The minimum per order is above the maximum.")
    opens, closes = details.sales_open_at, details.sales_close_at
    if details.is_for_teams:
        errors |= _find_team_errors(details)
    if opens and closes and opens >= closes:
        errors["sales_close_at"] = gettext("Sales must open before they close.")
    if details.follows_id is not None and not _can_follow(details.follows_id, others, type_id):
        errors["follows_id"] = gettext(
            "Choose another ticket type of this event that does not follow this one."
        )
    return errors


def _find_team_errors(details: TypeDetails) -> dict[str, str]:
    """Return a sentence for each wrong field of a type that is sold to teams."""
    errors: dict[str, str] = {}
    if details.team_min > details.team_max:
        errors["team_min"] = gettext("The least size of a team is above the largest.")
    if details.has_chosen_price:
        errors["chosen_price"] = gettext("The price of a team's seats cannot be chosen by the buyer.")
    # A seat without a fee would be confirmed before the others are paid.
    if details.team_price == "team" and 0 < details.fee.minor < details.team_max:
        errors["fee"] = gettext("This price is too low to be split over the members of a team.")
    return errors


def _can_follow(follows_id: int, others: Sequence[TicketType], type_id: int | None) -> bool:
    """Return whether the type exists, and following it does not lead back to the type itself."""
    by_id = {other.id: other for other in others}
    at: int | None = follows_id
    for _ in range(len(by_id) + 1):
        if at is None:
            return True
        if at == type_id or at not in by_id:
            return False
        at = by_id[at].details.follows_id
    return False


def _add(connection: Connection, event_id: int, position: int, details: TypeDetails) -> int:
    try:
        type_id: int = connection.value(
            _insert,
            event_id=event_id,
            position=position,
            withdrawn=0,
            **_columns(details, new_code(ACCESS_KEY_LENGTH) if details.is_hidden else None),
        )
    except UniqueViolation:
        raise Invalid({"name": gettext("Another ticket type of this event has this name.")}) from None
    if details.own_quota is not None:
        set_own_quota(connection, type_id, details.own_quota)
    return type_id


def _columns(details: TypeDetails, access_key: str | None) -> dict[str, object]:
    return {
        "name": details.name,
        "description": details.description,
        "fee_minor": details.fee.minor,
        "chosen_price": int(details.has_chosen_price),
        "sales_open_at": details.sales_open_at,
        "sales_close_at": details.sales_close_at,
        "follows_id": details.follows_id,
        "access_key": access_key,
        "min_per_order": details.min_per_order,
        "max_per_order": details.max_per_order,
        "tax_rate": details.tax_rate,
        "tax_on_top": int(details.has_tax_on_top),
        "team_min": details.team_min,
        "team_max": details.team_max,
        "team_price": details.team_price,
        "team_changes_until": details.team_changes_until,
    }


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


def _refuse(errors: dict[str, str]) -> None:
    if errors:
        raise Invalid(errors)
