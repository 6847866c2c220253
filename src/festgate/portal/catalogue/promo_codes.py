"""Promo codes: a lower price, or hidden ticket types, for a limited number of tickets.

A use is a seat. It is counted when the seat is taken and given back when the seat is released, by conditional updates
of the code's row and of its row for the person, in the same transaction as the seat. Codes are locked in ascending
order of id, after the seats of events and the quotas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.money import Money
from festgate.kit.translation import gettext
from festgate.portal.catalogue.errors import CodeNotValid, CodeUnknown
from festgate.portal.catalogue.prices import CodeKind, discounted
from festgate.portal.catalogue.tables import promo_code_uses, promo_codes
from festgate.portal.catalogue.ticket_types import TicketType

MAX_CODE = 40
"""Characters of a code."""


@dataclass(frozen=True, slots=True)
class CodeTerms:
    """A promo code as its organiser enters it. Times are in milliseconds; 0 without a limit."""

    kind: CodeKind
    value: int = 0
    """A percentage in hundredths of a percent, or an amount in minor units of `currency`."""
    currency: str = ""
    unlocks: bool = False
    """Whether hidden ticket types are sold with it."""
    event_id: int | None = None
    """The event; None for all."""
    type_id: int | None = None
    """The ticket type of the event; None for all."""
    opens_at: Milliseconds = 0
    closes_at: Milliseconds = 0
    max_uses: int | None = None
    """The most tickets with it; None without a limit."""
    max_per_person: int | None = None
    """The most tickets of one person with it; None without a limit."""


@dataclass(frozen=True, slots=True)
class PromoCode:
    """A promo code and its uses."""

    id: int
    code: str
    terms: CodeTerms
    used: int
    """Held and confirmed seats with it."""
    ended_at: Milliseconds
    """0 until its organiser ends it."""

    def is_for(self, ticket_type: TicketType) -> bool:
        """Return whether the code is for that type."""
        terms = self.terms
        return terms.event_id in (None, ticket_type.event_id) and terms.type_id in (None, ticket_type.id)

    def unlocked(self, types: Sequence[TicketType]) -> frozenset[int]:
        """Return the ids of the hidden types that are sold with the code."""
        if not self.terms.unlocks:
            return frozenset()
        return frozenset(kind.id for kind in types if kind.access_key is not None and self.is_for(kind))

    def price(self, ticket_type: TicketType, price: Money) -> Money:
        """Return the price of a ticket with the code. A price that the buyer chooses stays."""
        if not self.is_for(ticket_type) or ticket_type.details.has_chosen_price:
            return price
        return discounted(price, self.terms.kind, self.terms.value, self.terms.currency)


def canonical(text: str) -> str:
    """Return a code as it is compared: in capital letters, without spaces."""
    return "".join(text.split()).upper()


_COLUMNS = promo_codes.c[
    "id",
    "code",
    "kind",
    "value",
    "currency",
    "unlocks",
    "event_id",
    "type_id",
    "opens_at",
    "closes_at",
    "max_uses",
    "max_per_person",
    "used",
    "ended_at",
]
select_codes = select(*_COLUMNS)
"""The columns that `read_code` reads."""
_one = promo_codes.c.id == bindparam("code")
_for_event = Statement(
    select_codes.where(
        promo_codes.c.code == bindparam("text"),
        or_(promo_codes.c.event_id == bindparam("event"), promo_codes.c.event_id.is_(None)),
    )
)
_usable_at = Statement(
    select(promo_codes.c.id)
    .where(
        promo_codes.c.ended_at == 0,
        or_(promo_codes.c.event_id == bindparam("event"), promo_codes.c.event_id.is_(None)),
    )
    .limit(1)
)
_all = Statement(select_codes.order_by(promo_codes.c.id))
_uses = Statement(select(*promo_code_uses.c["code_id", "person_id", "used"]))
_taken = promo_codes.c.used + bindparam("count")
_has_left = or_(promo_codes.c.max_uses.is_(None), _taken <= promo_codes.c.max_uses)
_take = Statement(
    update(promo_codes)
    .where(
        _one,
        _has_left,
        promo_codes.c.ended_at == 0,
        promo_codes.c.opens_at <= bindparam("now"),
        or_(promo_codes.c.closes_at == 0, promo_codes.c.closes_at > bindparam("now")),
    )
    .values(used=_taken)
)
_take_again = Statement(update(promo_codes).where(_one, _has_left).values(used=_taken))
_give_back = Statement(update(promo_codes).where(_one).values(used=promo_codes.c.used - bindparam("count")))
_of_person = (promo_code_uses.c.code_id == bindparam("code")) & (
    promo_code_uses.c.person_id == bindparam("person")
)
_taken_by = promo_code_uses.c.used + bindparam("count")
_limit = select(promo_codes.c.max_per_person).where(promo_codes.c.id == bindparam("code")).scalar_subquery()
_take_for = Statement(
    update(promo_code_uses)
    .where(_of_person, func.coalesce(_limit, _taken_by) >= _taken_by)
    .values(used=_taken_by)
)
_used_by = Statement(select(promo_code_uses.c.used).where(_of_person))
_insert_use = inserting(promo_code_uses)
_give_back_for = Statement(
    update(promo_code_uses).where(_of_person).values(used=promo_code_uses.c.used - bindparam("count"))
)


def find_code(connection: Connection, text: str, event_id: int) -> PromoCode | None:
    """Return the code that is for the event, valid now or not; None if there is no such code."""
    row = connection.first(_for_event, text=canonical(text), event=event_id)
    return None if row is None else read_code(row)


def takes_codes(connection: Connection, event_id: int) -> bool:
    """Return whether there is a code for the event, or for all events, that its organiser has not ended."""
    return connection.value(_usable_at, event=event_id) is not None


def usable_code(connection: Connection, text: str, event_id: int, person_id: int | None = None) -> PromoCode:
    """Return the code if one more ticket of the event can have it now. Raises CodeUnknown or CodeNotValid."""
    code = find_code(connection, text, event_id)
    if code is None:
        raise CodeUnknown
    _refuse_dates(code, connection.now)
    terms = code.terms
    if terms.max_uses is not None and code.used >= terms.max_uses:
        raise CodeNotValid(gettext("This promo code has been used up."))
    if person_id is not None and terms.max_per_person is not None:
        used = connection.value(_used_by, code=code.id, person=person_id) or 0
        if used >= terms.max_per_person:
            raise CodeNotValid(gettext("You have used this promo code as often as one person can."))
    return code


def take_code(connection: Connection, code: PromoCode, person_id: int, count: int) -> None:
    """Count that many tickets of the person with the code. Raises CodeNotValid if it has not enough left.

    The caller has taken the seats of the event, and its quotas.
    """
    if not connection.run(_take, code=code.id, count=count, now=connection.now):
        _refuse_dates(code, connection.now)
        raise CodeNotValid(
            gettext("This promo code has been used up.")
            if count == 1
            else gettext("This promo code cannot be used for so many tickets any more.")
        )
    if not _count_for(connection, code.id, person_id, count):
        raise CodeNotValid(
            gettext("You have used this promo code as often as one person can.")
            if count == 1
            else gettext("One person cannot use this promo code for so many tickets.")
        )


def take_codes_again(connection: Connection, counts: Mapping[tuple[int, int], int]) -> bool:
    """Count tickets whose hold has ended during their payment: `counts` by code id and person id.

    Its dates do not matter, since it was valid when the seats were taken. Return False, and count none, if a code or a
    person has not enough left.
    """
    taken: dict[tuple[int, int], int] = {}
    for (code_id, person_id), count in sorted(counts.items()):
        if not connection.run(_take_again, code=code_id, count=count):
            give_back_codes(connection, taken)
            return False
        if not _count_for(connection, code_id, person_id, count):
            connection.run(_give_back, code=code_id, count=count)
            give_back_codes(connection, taken)
            return False
        taken[code_id, person_id] = count
    return True


def give_back_codes(connection: Connection, counts: Mapping[tuple[int, int], int]) -> None:
    """Count tickets with promo codes as free again: `counts` by code id and person id."""
    for (code_id, person_id), count in sorted(counts.items()):
        connection.run(_give_back, code=code_id, count=count)
        connection.run(_give_back_for, code=code_id, person=person_id, count=count)


def all_codes(connection: Connection) -> list[PromoCode]:
    """Return every code, oldest first."""
    return [read_code(row) for row in connection.all(_all)]


def uses_by_person(connection: Connection) -> dict[tuple[int, int], int]:
    """Return the counted uses by code id and person id, without zeros."""
    return {(code_id, person_id): used for code_id, person_id, used in connection.all(_uses) if used}


def read_code(row: tuple[Any, ...]) -> PromoCode:
    """Return the code of a row of `select_codes`."""
    number, text, kind, value, currency, unlocks, *terms, used, ended_at = row
    return PromoCode(number, text, CodeTerms(kind, value, currency, bool(unlocks), *terms), used, ended_at)


def _count_for(connection: Connection, code_id: int, person_id: int, count: int) -> bool:
    """Count the person's uses; return False if they would be too many. The caller has locked the code's row."""
    if connection.run(_take_for, code=code_id, person=person_id, count=count):
        return True
    if connection.value(_used_by, code=code_id, person=person_id) is not None:
        return False
    # The code's row is locked, so no other process inserts the same row now.
    connection.run(_insert_use, code_id=code_id, person_id=person_id, used=0)
    return bool(connection.run(_take_for, code=code_id, person=person_id, count=count))


def _refuse_dates(code: PromoCode, now: Milliseconds) -> None:
    if code.ended_at or 0 < code.terms.closes_at <= now:
        raise CodeNotValid(gettext("This promo code is not valid any more."))
    if code.terms.opens_at > now:
        raise CodeNotValid(gettext("This promo code is not valid yet."))
