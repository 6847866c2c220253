"""Reads of the registrations of an event or of the fest as a list of guests, filtered and sorted by the database.

A page has two parts: the ids of its registrations in their order, for which only the tables of the filters and of the
sorted column are joined, and then the whole rows of those ids. Exports read the ids once, and the rows in portions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, FromClause, Select, bindparam, case, func, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import NEVER, Milliseconds
from festgate.kit.db.json_rows import JsonRows, read_rows
from festgate.kit.db.search import word_values, words_of
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.money import Money
from festgate.kit.translation import gettext
from festgate.portal.backoffice.guest_filters import STATE_NAMES, AnswerFilter, GuestFilters, SortKey, State
from festgate.portal.catalogue.facade import QuestionKind
from festgate.portal.checkout import facade as checkout

PORTION: Final = 500
"""Registrations whose rows are read together: about 10 ms."""
SHAPES: Final = 256
"""Statements that are kept compiled, one for each combination of filters and order."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The registrations that a list is about."""

    event_id: int | None = None
    """None: those of all events."""
    lead_id: int | None = None
    """The lead whose assigned events alone count; None for others."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """The stored answer of a guest to a question; an answer that is a file has its id."""

    value: str
    file_id: int | None


@dataclass(frozen=True, slots=True)
class Guest:
    """A registration with its attendee, order and check-in, as organisers see it."""

    seat_id: int
    event_id: int
    slug: str
    title: str
    """The title of the event."""
    person_id: int
    """The person with the page: the member of a team, or the person that took the seat."""
    name: str
    email: str
    buyer: str
    """The name of the person that took the seat, if it differs from the attendee's; else empty."""
    ticket: str
    """The name of the ticket type; empty for the only type of an event."""
    team: str
    state: State
    fee: Money
    order_ref: str
    """The reference of the order; empty for a registration without one."""
    order_state: str
    method: str
    registered_at: Milliseconds
    admitted_at: Milliseconds | None
    """When the guest was checked in; None while they are not in."""
    has_ticket: bool
    """Whether a valid ticket was issued."""
    is_place: bool
    """Whether it is the place of a pass at another event than its own."""
    event_state: str
    ends_at: Milliseconds
    """The end of the event."""
    answers: dict[int, GivenAnswer]
    """By the id of the question."""

    @property
    def method_name(self) -> str:
        """The name of the payment method; empty without a payment."""
        return checkout.method_name(self.method)

    @property
    def state_name(self) -> str:
        """The state in words."""
        return gettext(STATE_NAMES[self.state])


# Tables of lower modules, by name (decision 0012): one join answers for a whole page.
_seats = table(
    "registrations_seats",
    *map(
        column,
        ("id", "event_id", "type_id", "person_id", "member_id", "team_id", "state", "held_until"),
    ),
    *map(column, ("order_id", "fee_minor", "currency", "taken_at", "pass_seat_id")),
    *map(column, ("attendee_name", "attendee_email", "attendee_search")),
)
_whole = _seats.alias("whole")
_people = table("accounts_people", *map(column, ("id", "username", "name", "email", "search")))
_buyer = _people.alias("buyer")
_types = table("catalogue_ticket_types", *map(column, ("id", "name", "position")))
_events = table("catalogue_events", *map(column, ("id", "slug", "title", "state", "ends_at")))
_assignments = table("catalogue_assignments", *map(column, ("person_id", "event_id")))
_teams = table("registrations_teams", *map(column, ("id", "name")))
_orders = table("checkout_orders", *map(column, ("id", "ref", "state", "method")))
_exchanges = table("checkout_exchanges", *map(column, ("old_seat_id", "seat_id", "made_at")))
_tickets = table("tickets_tickets", *map(column, ("seat_id", "state", "admitted_at")))
_answers = table(
    "registrations_answers",
    *map(column, ("question_id", "event_id", "seat_id", "person_id", "value", "file_id")),
)
_pauses = table("registrations_pauses", *map(column, ("began_at", "applied_at")))

_HOLDER: Final = func.coalesce(_seats.c.member_id, _seats.c.person_id)
# While holds are paused, none ends.
_HOLD_NOW: Final = func.coalesce(
    select(_pauses.c.began_at)
    .where(_pauses.c.applied_at == NEVER, _pauses.c.began_at <= bindparam("now"))
    .scalar_subquery(),
    bindparam("now"),
)
_ORDER: Final = func.coalesce(_seats.c.order_id, _whole.c.order_id)
"""The order of a registration; the place of a pass is in that of the pass."""
_IS_HELD: Final = (_seats.c.state == "held") & (_seats.c.held_until > _HOLD_NOW)
_STATES: Final[dict[str, ColumnElement[bool]]] = {
    "current": (_seats.c.state == "confirmed") | _IS_HELD,
    "confirmed": _seats.c.state == "confirmed",
    "held": _IS_HELD & _ORDER.is_(None),
    "waiting": _IS_HELD & _ORDER.is_not(None),
    "cancelled": _seats.c.state == "cancelled",
    "expired": (_seats.c.state == "lapsed")
    | ((_seats.c.state == "held") & (_seats.c.held_until <= _HOLD_NOW)),
}
_STATE: Final = case(
    (_seats.c.state == "confirmed", "confirmed"),
    (_seats.c.state == "cancelled", "cancelled"),
    (_STATES["expired"], "expired"),
    (_ORDER.is_not(None), "waiting"),
    else_="held",
)
_IS_IN: Final = _tickets.c.admitted_at.is_not(None)
_SEARCHED: Final = (
    _people.c.search + " " + _seats.c.attendee_search + " " + func.lower(func.coalesce(_orders.c.ref, ""))
)
_SORTED: Final[dict[SortKey, tuple[ColumnElement[Any], frozenset[str]]]] = {
    "registered": (_seats.c.id, frozenset()),
    # The folded texts begin with the name.
    "name": (
        func.coalesce(func.nullif(_seats.c.attendee_search, ""), _people.c.search),
        frozenset({"people"}),
    ),
    "email": (
        func.lower(func.coalesce(func.nullif(_seats.c.attendee_email, ""), _people.c.email)),
        frozenset({"people"}),
    ),
    "event": (func.lower(_events.c.title), frozenset({"events"})),
    "ticket": (func.lower(_types.c.name), frozenset({"types"})),
    "state": (_STATE, frozenset({"whole"})),
    "payment": (_seats.c.fee_minor, frozenset()),
    "checked-in": (func.coalesce(_tickets.c.admitted_at, 0), frozenset({"tickets"})),
}
"""The expression of each sorted column, and the tables that it needs."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The parts of a list that its statement depends on, without their values."""

    of_event: bool
    of_lead: bool
    words: int
    filters: GuestFilters
    """Without words, and without the values of parameters."""
    kinds: tuple[QuestionKind, ...]


def _shape(scope: Scope, filters: GuestFilters, words: Sequence[str]) -> _Shape:
    return _Shape(
        scope.event_id is not None,
        scope.lead_id is not None,
        len(words),
        GuestFilters(
            state=filters.state,
            type_id=None if filters.type_id is None else 0,
            payment=filters.payment,
            method="*" if filters.method else "",
            checked_in=filters.checked_in,
            event="*" if filters.event else "",
            sort=filters.sort,
            is_descending=filters.is_descending,
        ),
        tuple(answer.kind for answer in filters.answers),
    )


def _has_answer(number: int, kind: QuestionKind) -> ColumnElement[bool]:
    """Return the condition that a guest gave an answer; several ticked choices are stored one on each line."""
    value: BindParameter[str] = bindparam(f"value_{number}")
    given = _answers.alias(f"answer_{number}")
    matches = (
        ("\n" + given.c.value + "\n").like(value, escape="\\")
        if kind == "choices"
        else given.c.value == value
    )
    own = (given.c.seat_id == _seats.c.id) | (
        given.c.seat_id.is_(None) & (given.c.person_id == _HOLDER) & (given.c.event_id == _seats.c.event_id)
    )
    return (
        select(given.c.question_id)
        .where(given.c.question_id == bindparam(f"question_{number}"), matches, own)
        .correlate(_seats)
        .exists()
    )


def _conditions(shape: _Shape) -> tuple[list[ColumnElement[bool]], set[str]]:
    """Return the conditions of the filters, and the names of the tables that they need besides that of seats."""
    filters = shape.filters
    conditions, tables = _payment_conditions(filters)
    if shape.of_event:
        conditions.append(_seats.c.event_id == bindparam("event"))
    if shape.of_lead:
        assigned = select(_assignments.c.event_id).where(_assignments.c.person_id == bindparam("lead"))
        conditions.append(_seats.c.event_id.in_(assigned))
    if filters.event:
        chosen = select(_events.c.id).where(_events.c.slug == bindparam("slug"))
        conditions.append(_seats.c.event_id == chosen.scalar_subquery())
    if filters.state != "all":
        conditions.append(_STATES[filters.state])
        tables |= {"whole"} if filters.state in ("held", "waiting") else set()
    if shape.words:
        words: list[BindParameter[str]] = [bindparam(f"word_{number}") for number in range(shape.words)]
        conditions += [_SEARCHED.like(word, escape="\\") for word in words]
        tables |= {"people", "whole", "orders"}
    if filters.type_id is not None:
        conditions.append(_seats.c.type_id == bindparam("type"))
    if filters.checked_in:
        conditions.append(_IS_IN if filters.checked_in == "yes" else ~_IS_IN)
        tables |= {"tickets"}
    conditions += [_has_answer(number, kind) for number, kind in enumerate(shape.kinds)]
    return conditions, tables


def _payment_conditions(filters: GuestFilters) -> tuple[list[ColumnElement[bool]], set[str]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.payment == "free":
        conditions += [_seats.c.fee_minor == 0, _ORDER.is_(None)]
    elif filters.payment:
        conditions.append(_orders.c.state == bindparam("payment"))
    if filters.method:
        conditions.append(_orders.c.method == bindparam("method"))
    return conditions, {"whole", "orders"} if conditions else set()


def _join(names: set[str]) -> FromClause:
    """Return the seats, joined with these tables."""
    joined: FromClause = _seats
    if "people" in names:
        joined = joined.join(_people, _people.c.id == _HOLDER)
    if "events" in names:
        joined = joined.join(_events, _events.c.id == _seats.c.event_id)
    if "types" in names:
        joined = joined.join(_types, _types.c.id == _seats.c.type_id)
    if "whole" in names:
        joined = joined.join(_whole, _whole.c.id == _seats.c.pass_seat_id, isouter=True)
    if "orders" in names:
        joined = joined.join(_orders, _orders.c.id == _ORDER, isouter=True)
    if "tickets" in names:
        joined = joined.join(
            _tickets, (_tickets.c.seat_id == _seats.c.id) & (_tickets.c.state == "valid"), isouter=True
        )
    return joined


@lru_cache(maxsize=SHAPES)
def _ids_statement(shape: _Shape) -> Statement:
    conditions, tables = _conditions(shape)
    key, needed = _SORTED[shape.filters.sort]
    ordered: Select[Any] = select(_seats.c.id).select_from(_join(tables | needed)).where(*conditions)
    if shape.filters.is_descending:
        ordered = ordered.order_by(key.desc(), _seats.c.id.desc())
    else:
        ordered = ordered.order_by(key, _seats.c.id)
    # With a limit, neither database drops the order of a subquery.
    listed = ordered.limit(bindparam("limit")).offset(bindparam("offset")).subquery("listed")
    return Statement(select(JsonRows(listed.c.id)))


@lru_cache(maxsize=SHAPES)
def _count_statement(shape: _Shape) -> Statement:
    conditions, tables = _conditions(shape)
    return Statement(select(func.count()).select_from(_join(tables)).where(*conditions))


@lru_cache(maxsize=4)
def _rows_statement(size: int) -> Statement:
    """Return the statement for the rows of `size` ids, which are parameters."""
    columns = JsonRows(
        *_seats.c["id", "event_id"],
        *_events.c["slug", "title"],
        *_people.c["id", "username", "name", "email"],
        *_seats.c["attendee_name", "attendee_email", "person_id", "member_id", "team_id"],
        *_buyer.c["username", "name"],
        _types.c.name,
        _teams.c.name,
        _STATE,
        *_seats.c["fee_minor", "currency"],
        *_orders.c["ref", "state", "method"],
        _seats.c.taken_at,
        *_tickets.c["admitted_at", "state"],
        _seats.c.pass_seat_id,
        *_events.c["state", "ends_at"],
    )
    rows = (
        select(columns)
        .select_from(_join({"people", "events", "types", "whole", "orders", "tickets"}))
        .join(_buyer, _buyer.c.id == _seats.c.person_id)
        .join(_teams, _teams.c.id == _seats.c.team_id, isouter=True)
    )
    return Statement(rows.where(_seats.c.id.in_(_ids(size))))


@lru_cache(maxsize=4)
def _answers_statement(size: int) -> Statement:
    """Return the statement for the answers of the guests with these ids: about a seat, or about an order."""
    given = select(_seats.c.id, *_answers.c["question_id", "value", "file_id"])
    ids = _ids(size)
    about_seat = given.join_from(_seats, _answers, _answers.c.seat_id == _seats.c.id).where(
        _seats.c.id.in_(ids)
    )
    about_order = given.join_from(
        _seats,
        _answers,
        (_answers.c.person_id == _HOLDER)
        & (_answers.c.event_id == _seats.c.event_id)
        & _answers.c.seat_id.is_(None),
    ).where(_seats.c.id.in_(ids))
    both = about_seat.union_all(about_order).subquery("given")
    return Statement(select(JsonRows(*both.c)))


def _ids(size: int) -> list[ColumnElement[int]]:
    return [bindparam(f"id_{number}") for number in range(size)]


def _values(
    connection: Connection, scope: Scope, filters: GuestFilters, words: list[str]
) -> dict[str, object]:
    values: dict[str, object] = {"now": connection.now, "event": scope.event_id, "lead": scope.lead_id}
    values |= {
        "slug": filters.event,
        "type": filters.type_id,
        "payment": filters.payment,
        "method": filters.method,
    }
    values |= word_values(words)
    for number, answer in enumerate(filters.answers):
        values[f"question_{number}"] = answer.question_id
        values[f"value_{number}"] = _compared(answer)
    return values


def _compared(answer: AnswerFilter) -> str:
    if answer.kind != "choices":
        return answer.value
    escaped = answer.value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%\n{escaped}\n%"


def guest_ids(
    connection: Connection, scope: Scope, filters: GuestFilters, limit: int, offset: int = 0
) -> list[int]:
    """Return the ids of registrations in the order of the list."""
    words = words_of(filters.words)
    statement = _ids_statement(_shape(scope, filters, words))
    values = _values(connection, scope, filters, words)
    return [seat for (seat,) in read_rows(connection, statement, limit=limit, offset=offset, **values)]


def count_guests(connection: Connection, scope: Scope, filters: GuestFilters) -> int:
    """Return how many registrations match the filters."""
    words = words_of(filters.words)
    statement = _count_statement(_shape(scope, filters, words))
    return int(connection.value(statement, **_values(connection, scope, filters, words)))


def guests_by_id(
    connection: Connection, scope: Scope, ids: Sequence[int], *, has_answers: bool = True
) -> list[Guest]:
    """Return the guests with these ids, in their order; those outside the scope are left out.

    Without `has_answers` their answers are not read.
    """
    guests: dict[int, Guest] = {}
    allowed = _allowed_events(connection, scope)
    for start in range(0, len(ids), PORTION):
        portion = ids[start : start + PORTION]
        size = next(size for size in (50, PORTION) if len(portion) <= size)
        padded = {f"id_{number}": 0 for number in range(size)}
        padded |= {f"id_{number}": seat for number, seat in enumerate(portion)}
        answers: dict[int, dict[int, GivenAnswer]] = {}
        given = read_rows(connection, _answers_statement(size), **padded) if has_answers else []
        for seat, question, value, file_id in given:
            answers.setdefault(seat, {})[question] = GivenAnswer(value, file_id)
        for row in read_rows(connection, _rows_statement(size), now=connection.now, **padded):
            guest = _read(row, answers.get(row[0], {}))
            if allowed is None or guest.event_id in allowed:
                guests[guest.seat_id] = guest
    return [guests[seat] for seat in ids if seat in guests]


_exchanged = Statement(
    select(*_exchanges.c["old_seat_id", "seat_id"]).where(_exchanges.c.made_at >= bindparam("since"))
)


def successors(connection: Connection, since: Milliseconds) -> dict[int, int]:
    """Return the present registration of each that was exchanged since that time, by id."""
    return {row[0]: row[1] for row in connection.all(_exchanged, since=since)}


_assigned = Statement(select(_assignments.c.event_id).where(_assignments.c.person_id == bindparam("lead")))


def _allowed_events(connection: Connection, scope: Scope) -> frozenset[int] | None:
    """Return the events of the scope; None for all."""
    own = None if scope.event_id is None else frozenset({scope.event_id})
    if scope.lead_id is None:
        return own
    assigned = frozenset(event for (event,) in connection.all(_assigned, lead=scope.lead_id))
    return assigned if own is None else own & assigned


def _read(row: Sequence[Any], answers: dict[int, GivenAnswer]) -> Guest:
    seat_id, event_id, slug, title, person_id, username, name, email, *more = row
    attendee, attendee_email, taker_id, member_id, team_id, buyer_username, buyer_name, kind, team, *rest = (
        more
    )
    state, fee_minor, currency, ref, order_state, method, taken_at, admitted_at, *last = rest
    ticket, pass_seat_id, event_state, ends_at = last
    shown = attendee or name or username
    if team_id is not None and member_id is None:
        shown, email = gettext("Free place in {team}").format(team=team), ""
    buyer = buyer_name or buyer_username
    return Guest(
        seat_id,
        event_id,
        slug,
        title,
        person_id,
        shown,
        attendee_email or email,
        "" if buyer == shown and person_id == taker_id else buyer,
        kind,
        team or "",
        state,
        Money(fee_minor, currency),
        ref or "",
        order_state or "",
        method or "",
        taken_at,
        admitted_at,
        ticket == "valid",
        pass_seat_id is not None,
        event_state,
        ends_at,
        answers,
    )
