"""Adding, changing and removing ticket types.

The caller has locked the count of the event's seats, as all operations on an event do.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select, update

from festgate.kit.db.statements import Connection, Statement, UniqueViolation, inserting
from festgate.kit.errors import Invalid
from festgate.kit.ids import new_code
from festgate.kit.money import Money, parse_amount
from festgate.kit.translation import gettext
from festgate.portal.catalogue.passes import drop_pass
from festgate.portal.catalogue.quotas import set_own_quota
from festgate.portal.catalogue.tables import promo_codes, quota_types, ticket_types
from festgate.portal.catalogue.ticket_types import TYPE_COLUMNS, TicketType, TypeDetails, type_of, types_of

MAX_TYPES = 30
"""The number of types of one event, withdrawn ones included."""
ACCESS_KEY_LENGTH = 16
"""Characters of 5 bits: 80 bits, which nobody finds by trying."""

_insert = inserting(ticket_types, returning="id")
_one = ticket_types.c.id == bindparam("type")
_edit = Statement(
    update(ticket_types).where(_one).values({name: bindparam(f"new_{name}") for name in TYPE_COLUMNS})
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


def add_first_type(connection: Connection, event_id: int, fee: Money) -> None:
    """Give a new event its first type, without a name."""
    _add(connection, event_id, 0, TypeDetails("", fee))


def add_type(connection: Connection, event_id: int, details: TypeDetails) -> TicketType:
    """Add a type to the event and return it. Raises Invalid."""
    types = types_of(connection, event_id)
    if len(types) >= MAX_TYPES:
        sentence = gettext("An event can have at most {max} ticket types.")
        raise Invalid({"name": sentence.format(max=MAX_TYPES)})
    _refuse(find_type_errors(details, types))
    type_id = _add(connection, event_id, max((other.position for other in types), default=-1) + 1, details)
    return type_of(types_of(connection, event_id), type_id)


def edit_type(connection: Connection, ticket_type: TicketType, details: TypeDetails, taken: int = 0) -> bool:
    """Give a type other details; return whether anything changed.

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

    Raises Invalid for the last type of an event.
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
    """Offer a withdrawn type again."""
    connection.run(_withdraw, type=ticket_type.id, is_withdrawn=0)


def order_types(connection: Connection, types: Sequence[TicketType]) -> None:
    """Show the types in this order."""
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


def _refuse(errors: dict[str, str]) -> None:
    if errors:
        raise Invalid(errors)
