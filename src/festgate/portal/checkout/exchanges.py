"""Exchanging a ticket for one of another type or event as an organiser, with the difference in price.

The seat ends and the new one is confirmed in one transaction (registrations' exchanges); a team moves with all its
seats. In an order the new line takes the place of the old one, at what was paid for it: so the lines add up to what the
order holds, before and after.

- cheaper: the difference is refunded, or kept.
- more expensive: the difference is owed until it is paid at the desk, or waived. It is no part of the order.

Each seat of a team has its row; the difference of the whole team is in the row of one of them (`Exchange.lead`).

A confirmation shows the effect beforehand and carries `Exchange.seen`; where it has changed since, nothing is done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import bindparam, case, func, select, update

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, inserting
from festgate.kit.errors import NotFound
from festgate.kit.money import Money, total
from festgate.kit.shown import amount as shown_amount
from festgate.kit.shown import facts
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries, refunds
from festgate.portal.checkout.errors import NotPaid, OrderChanged, WrongSettlement
from festgate.portal.checkout.records import AT_BOX_OFFICE, Order
from festgate.portal.checkout.shifts import count_difference
from festgate.portal.checkout.tables import complimentary, exchanges, lines, orders
from festgate.portal.registrations import facade as registrations

Settlement: TypeAlias = Literal[
    "even", "owed", "paid", "waived", "replaced", "refunded", "kept", "due", "returned"
]
"""The outcome of the difference, by its name in the data.

`owed` becomes `paid` or `waived`; a later exchange replaces it. What was `paid` at the desk is `due` to be given back
once the seat has ended, and then `returned`. `refunded` and `kept` are differences of cheaper tickets.
"""
CHOICES: tuple[Settlement, ...] = ("owed", "paid", "waived", "refunded", "kept")
"""The settlements that an organiser chooses among for a difference."""
CHEAPER = N_("Your ticket was exchanged for a cheaper one.")
STEPS: dict[Settlement, tuple[Settlement, ...]] = {"owed": ("paid", "waived"), "due": ("returned",)}
"""The steps that an organiser records later."""

_insert = inserting(exchanges)
_insert_line = inserting(lines)
_exchange = select(
    *exchanges.c["id", "order_id", "old_seat_id", "new_seat_id", "seat_id", "old_title", "new_title"],
    *exchanges.c["settlement", "amount_minor", "currency", "made_by", "made_at", "settled_by", "settled_at"],
)
_by_order = Statement(_exchange.where(exchanges.c.order_id == bindparam("order")).order_by(exchanges.c.id))
_by_seat = Statement(_exchange.where(exchanges.c.seat_id == bindparam("seat")).order_by(exchanges.c.id))
_by_old_seat = Statement(_exchange.where(exchanges.c.old_seat_id == bindparam("seat")))
_by_id = Statement(_exchange.where(exchanges.c.id == bindparam("exchange")))
_paid_for = Statement(
    select(func.coalesce(func.sum(exchanges.c.amount_minor), 0)).where(
        exchanges.c.seat_id == bindparam("seat"), exchanges.c.settlement == "paid"
    )
)
_follow = Statement(
    update(exchanges)
    .where(exchanges.c.seat_id == bindparam("seat"))
    .values(
        seat_id=bindparam("new_seat"),
        settlement=case((exchanges.c.settlement == "owed", "replaced"), else_=exchanges.c.settlement),
    )
)
_stay_given = Statement(
    update(complimentary)
    .where(complimentary.c.seat_id == bindparam("seat"))
    .values(seat_id=bindparam("new_seat"))
)
_settle = Statement(
    update(exchanges)
    .where(exchanges.c.id == bindparam("exchange"), exchanges.c.settlement == bindparam("before"))
    .values(settlement=bindparam("after"), settled_by=bindparam("organiser"), settled_at=bindparam("now"))
)
_leave = Statement(
    update(lines)
    .where(lines.c.order_id == bindparam("order"), lines.c.seat_id == bindparam("seat"))
    .values(dropped_at=bindparam("dropped"))
)
_reduce = Statement(
    update(orders)
    .where(orders.c.id == bindparam("order"))
    .values(total_minor=orders.c.total_minor - bindparam("back"))
)
_PERSON: Final = "person "
"""The beginning of a subject that is a person."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """An exchange that was made."""

    id: int
    order_id: int | None
    old_seat_id: int
    new_seat_id: int
    seat_id: int
    """The present seat, after later exchanges."""
    old_title: str
    new_title: str
    settlement: Settlement
    amount: Money
    """The difference."""
    made_by: int | None
    made_at: Milliseconds
    settled_by: int | None
    settled_at: Milliseconds | None


@dataclass(frozen=True, slots=True)
class Wish:
    """The ticket that an organiser wants a seat to become, and the settlement of the difference."""

    slug: str
    type_id: int
    settlement: Settlement
    by_hand: bool = False
    """Whether the organiser has given the difference of a cheaper ticket back already, so that no provider is asked to.
    """


@dataclass(frozen=True)
class Exchange:
    """The effect of exchanging a ticket."""

    seat: registrations.Seat
    seats: tuple[registrations.Seat, ...]
    """The seats that are exchanged together: all of a team, else this one."""
    order: Order | None
    """The order that paid for them; None for free ones."""
    event: catalogue.Event
    kind: catalogue.TicketType
    paid: Money
    """The sum that was paid for the seats, also at the desk."""
    is_used: bool
    """Whether a holder is checked in."""
    left: Money
    """The amount that can still be refunded of the order."""
    admits: tuple[str, ...]
    """The titles of the other events to which the new ticket admits, if it is a pass."""

    @property
    def price(self) -> Money:
        """The price of the new ticket, for the whole team."""
        return registrations.price_of(self.kind, len(self.seats))

    @property
    def fees(self) -> Money:
        """The sum that the order has for the seats."""
        return total([seat.fee for seat in self.seats], self.paid.currency)

    @property
    def is_blocked(self) -> bool:
        """Return whether a check-in rules it out: of several seats, one that was used cannot be given back."""
        return self.is_used and (len(self.seats) > 1 or bool(self.seat.is_pass))

    @property
    def lead(self) -> registrations.Seat:
        """The seat that has the difference in its row."""
        return next((seat for seat in self.seats if seat.fee.minor), self.seats[0])

    @property
    def difference(self) -> int:
        """The price of the new ticket without what was paid, in minor units; below zero if it is cheaper."""
        return self.price.minor - self.paid.minor

    @property
    def back(self) -> Money:
        """The amount that is refunded if the organiser chooses that: never more than the order paid for the seats."""
        return Money(max(0, min(-self.difference, self.fees.minor, self.left.minor)), self.paid.currency)

    @property
    def more(self) -> Money:
        """The amount that is missing."""
        return Money(max(0, self.difference), self.paid.currency)

    @property
    def settlements(self) -> tuple[Settlement, ...]:
        """The settlements among which the organiser chooses; one without a difference."""
        if self.difference > 0:
            return ("owed", "paid", "waived")
        if self.difference < 0:
            return ("refunded", "kept") if self.back.minor else ("kept",)
        return ("even",)

    @property
    def title(self) -> str:
        """The event and the type of the new ticket."""
        name = self.kind.details.name
        return f"{self.event.title}: {name}" if name else self.event.title

    @property
    def seen(self) -> str:
        """A short text that changes when any part of the effect changes."""
        return facts(
            ",".join(str(seat.id) for seat in self.seats),
            self.kind.id,
            self.event.state,
            shown_amount(self.paid),
            shown_amount(self.price),
            shown_amount(self.back),
            int(self.is_used),
            len(self.admits),
        )


def plan_exchange(
    connection: Connection, seat_id: int, slug: str, type_id: int, is_used: registrations.IsUsed
) -> Exchange:
    """Return the effect of exchanging the seat now. Raises NotFound, NotPaid or registrations' NotExchangeable."""
    seat = registrations.seat(connection, seat_id)
    event = catalogue.any_event_by_slug(connection, slug)
    kind = next((kind for kind in catalogue.types_of(connection, event.id) if kind.id == type_id), None)
    if kind is None:
        raise NotFound
    seats = registrations.seats_to_exchange(connection, seat_id)
    registrations.check_exchange(seats, kind)
    _check_event(connection, event, seat, kind)
    order = _order_of(connection, seats)
    left = Money(0, seat.fee.currency) if order is None else refunds.left_of(connection, order)
    at_desk = sum(int(connection.value(_paid_for, seat=one.id)) for one in seats)
    paid = Money(sum(one.fee.minor for one in seats) + at_desk, seat.fee.currency)
    used = any(is_used(connection, one.id) for one in seats)
    admits = tuple(other.title for other in kind.admits if other.state != "cancelled")
    return Exchange(seat, seats, order, event, kind, paid, used, left, admits)


def _check_event(
    connection: Connection, event: catalogue.Event, seat: registrations.Seat, kind: catalogue.TicketType
) -> None:
    """Raise NotExchangeable if nobody can have a ticket of the event now, or only in another currency."""
    sentence = ""
    if event.state != "published":
        sentence = gettext("{event} is cancelled or not published. Choose another event.")
    elif event.ends_at <= connection.now:
        sentence = gettext("{event} is over. Choose another event.")
    elif kind.fee.currency != seat.fee.currency:
        sentence = gettext(
            "The new ticket is sold in another currency. Refund this one, and sell the new one."
        )
    if sentence:
        raise registrations.NotExchangeable(sentence.format(event=event.title))


def _order_of(connection: Connection, seats: Sequence[registrations.Seat]) -> Order | None:
    """Return the order that paid for the seats; None for free ones. Raises NotPaid or NotExchangeable."""
    paid = {queries.paid_order_of_seat(connection, seat.id) for seat in seats} - {None}
    if len(paid) > 1:
        raise registrations.NotExchangeable(
            gettext(
                "Several orders paid for this team. Cancel it in its orders, and sell it the new tickets."
            )
        )
    order_id = next(iter(paid), None)
    if order_id is None:
        return None
    order = queries.order_by_id(connection, order_id)
    if order.state != "paid":
        raise NotPaid
    return order


def exchange_ticket(
    connection: Connection,
    actor: Actor,
    seat_id: int,
    wish: Wish,
    is_used: registrations.IsUsed,
    *,
    seen: str | None = None,
    force: bool = False,
) -> int:
    """Exchange the seat for the wished one, and return the id of the new seat. All or nothing.

    A seat of a team is exchanged with the whole team. A second time does nothing. `force` also exchanges the ticket of
    one person that was checked in. Raises NotFound, NotPaid, OrderChanged, WrongSettlement, registrations'
    NotExchangeable, SeatUsed, AlreadyRegistered, TooManyTickets, PassNotOnSale or PassSoldOut, or catalogue's SoldOut
    or NotOnSale.
    """
    order_id = queries.paid_order_of_seat(connection, seat_id)
    if order_id is not None:
        queries.lock_order(connection, order_id)
    seats = registrations.seats_to_exchange(connection, seat_id, locks=True)
    known = connection.first(_by_old_seat, seat=seat_id)
    if known is not None:
        new_seat = registrations.seat(connection, _read(known).new_seat_id)
        if new_seat.type_id != wish.type_id:
            raise registrations.NotExchangeable(
                gettext("This ticket was exchanged for another one already. Exchange that one instead.")
            )
        return new_seat.id
    plan = plan_exchange(connection, seat_id, wish.slug, wish.type_id, is_used)
    if seen is not None and seen != plan.seen:
        raise OrderChanged(plan.order.ref if plan.order else "")
    if wish.settlement not in plan.settlements:
        raise WrongSettlement
    _check_use(plan, force=force)
    if seats != plan.seats:
        raise TryAgain  # a seat of the team has ended or got another member since it was locked
    back = plan.back if wish.settlement == "refunded" else Money(0, plan.paid.currency)
    new = registrations.exchange_seats(connection, seats, plan.kind, _new_fees(connection, plan, back))
    for seat, new_id in zip(seats, new, strict=True):
        connection.run(_follow, seat=seat.id, new_seat=new_id)
        connection.run(_stay_given, seat=seat.id, new_seat=new_id)
    if plan.order is not None:
        _replace_lines(connection, plan.order.id, dict(zip((seat.id for seat in seats), new, strict=True)))
        connection.run(_reduce, order=plan.order.id, back=back.minor)
        if back.minor:
            request = refunds.Request(actor.person, wish.by_hand)
            refunds.refund_exchange(connection, plan.order, plan.lead.id, back, CHEAPER, request)
    amount = {"refunded": back, "kept": Money(-plan.difference, back.currency)}.get(
        wish.settlement, plan.more
    )
    _record(connection, actor, plan, new, wish, amount)
    return new[seats.index(plan.seat)]


def _check_use(plan: Exchange, *, force: bool) -> None:
    """Raise SeatUsed if a check-in rules the exchange out."""
    if plan.is_blocked:
        raise registrations.SeatUsed(
            gettext(
                "The pass was used at one of its events, so it cannot be exchanged. Undo the check-in if it was a "
                "mistake, or refund a part of the order."
            )
            if plan.seat.is_pass
            else gettext(
                "A member of the team was checked in, so the team cannot be exchanged. Undo the check-in if it was a "
                "mistake, or refund a part of the order."
            )
        )
    if plan.is_used and not force:
        raise registrations.SeatUsed(
            gettext("The holder was checked in. Undo the check-in first, if it was a mistake.")
        )


def _new_fees(connection: Connection, plan: Exchange, back: Money) -> list[Money]:
    """Return what was paid for each of the new seats: together what the order has left for them."""
    kept = plan.fees.minor - back.minor
    # Free seats of a team are in no order, and stay free.
    paying = [seat.id for seat in plan.seats if queries.paid_order_of_seat(connection, seat.id) is not None]
    base, more = divmod(kept, len(paying)) if paying else (0, 0)
    parts = {seat_id: base + (number < more) for number, seat_id in enumerate(paying)}
    return [Money(parts.get(seat.id, 0), back.currency) for seat in plan.seats]


def _record(
    connection: Connection,
    actor: Actor,
    plan: Exchange,
    new: Sequence[int],
    wish: Wish,
    amount: Money,
) -> None:
    """Record the exchange, in the audit log and in the shift that has its cash, too."""
    settlement = wish.settlement
    is_back_by_hand = wish.by_hand and settlement == "refunded"
    cash = _cash(plan, wish, amount)
    for seat, new_id in zip(plan.seats, new, strict=True):
        is_lead = seat.id == plan.lead.id
        is_open = is_lead and settlement == "owed"
        connection.run(
            _insert,
            order_id=None if plan.order is None else plan.order.id,
            old_seat_id=seat.id,
            new_seat_id=new_id,
            seat_id=new_id,
            old_title=seat.label,
            new_title=plan.title,
            settlement=settlement if is_lead else "even",
            amount_minor=amount.minor if is_lead else 0,
            currency=amount.currency,
            made_by=actor.person,
            made_at=connection.now,
            settled_by=None if is_open else actor.person,
            settled_at=None if is_open else connection.now,
        )
        if is_lead and actor.person is not None and cash.minor:
            exchange = exchanges_of_seat(connection, new_id)[-1]
            count_difference(connection, exchange.id, cash, actor.person)
    details: dict[str, str | int] = {"before": plan.seat.label, "after": plan.title, "settlement": settlement}
    if plan.seat.team_id is not None:
        details["team"] = plan.seat.team_name or ""
        details["tickets"] = len(plan.seats)
    if is_back_by_hand:
        details["by_hand"] = 1
    audit.record(
        connection,
        actor,
        "ticket.exchanged",
        plan.order.ref if plan.order else subject_of_person(plan.seat.person_id),
        event_id=plan.event.id,
        amount=amount.coded(),
        **details,
    )


def _cash(plan: Exchange, wish: Wish, amount: Money) -> Money:
    """Return the cash that the exchange adds to the drawer; below zero if it was given back."""
    # A refund of a sale at the box office is counted by its way of payment (refunds.note_refunded).
    is_sale = plan.order is not None and plan.order.method in AT_BOX_OFFICE
    sign = 1 if wish.settlement == "paid" else -1
    is_cash = wish.settlement == "paid" or (wish.settlement == "refunded" and wish.by_hand and not is_sale)
    return Money(sign * amount.minor if is_cash else 0, amount.currency)


def _replace_lines(connection: Connection, order_id: int, replaced: Mapping[int, int]) -> None:
    """Let lines for the new seats, by the id of the old seat, take the place of the old ones."""
    order = queries.order_by_id(connection, order_id)
    last = max((line.dropped_at for line in order.lines if line.dropped_at is not None), default=0)
    for line in order.kept_lines:
        if line.seat_id not in replaced:
            continue
        # Each line is dropped at a time of its own.
        last = max(connection.now, last + 1)
        connection.run(_leave, order=order.id, seat=line.seat_id, dropped=last)
        seat = registrations.seat(connection, replaced[line.seat_id])
        connection.run(
            _insert_line,
            order_id=order.id,
            seat_id=seat.id,
            event_id=seat.event_id,
            title=seat.label,
            slug=seat.slug,
            starts_at=seat.starts_at,
            fee_minor=seat.fee.minor,
            dropped_at=None,
            refund_rule=seat.own_refund_rule,
            tax_minor=seat.tax_minor,
            tax_rate=seat.tax_rate,
        )


def settle_difference(connection: Connection, actor: Actor, exchange_id: int, step: Settlement) -> Exchanged:
    """Record that a difference was paid at the desk, waived, or given back. A second time does nothing.

    Raises NotFound, or WrongSettlement if it is not open for that step any more.
    """
    exchange = exchange_by_id(connection, exchange_id)
    if exchange.settlement == step:
        return exchange
    before: Settlement = "due" if step == "returned" else "owed"
    if step not in STEPS[before] or not connection.run(
        _settle, exchange=exchange_id, before=before, after=step, organiser=actor.person, now=connection.now
    ):
        raise WrongSettlement
    if step in ("paid", "returned") and actor.person is not None:
        sign = 1 if step == "paid" else -1
        cash = Money(sign * exchange.amount.minor, exchange.amount.currency)
        count_difference(connection, exchange_id, cash, actor.person)
    order_id = exchange.order_id
    person_id = registrations.seat(connection, exchange.seat_id).person_id
    audit.record(
        connection,
        actor,
        "difference.settled",
        subject_of_person(person_id) if order_id is None else queries.ref_of(connection, order_id),
        settlement=step,
        amount=exchange.amount.coded(),
    )
    return exchange_by_id(connection, exchange_id)


def subject_of_person(person_id: int) -> str:
    """Return the subject under which the audit log has actions about a person."""
    return f"{_PERSON}{person_id}"


def person_of_subject(subject: str) -> int | None:
    """Return the id of the person whom the audit log has under this subject; None if it is another subject."""
    number = subject.removeprefix(_PERSON)
    return int(number) if number != subject and number.isascii() and number.isdecimal() else None


def exchange_by_id(connection: Connection, exchange_id: int) -> Exchanged:
    """Return the exchange with that id. Raises NotFound."""
    row = connection.first(_by_id, exchange=exchange_id)
    if row is None:
        raise NotFound
    return _read(row)


def exchanges_of_order(connection: Connection, order_id: int) -> list[Exchanged]:
    """Return the exchanges of seats of the order, oldest first."""
    return [_read(row) for row in connection.all(_by_order, order=order_id)]


def exchanges_of_seat(connection: Connection, seat_id: int) -> list[Exchanged]:
    """Return the exchanges that led to the seat, oldest first."""
    return [_read(row) for row in connection.all(_by_seat, seat=seat_id)]


def _read(row: tuple[Any, ...]) -> Exchanged:
    number, order, old_seat, new_seat, seat, old_title, new_title, settlement, minor, currency, *rest = row
    amount = Money(minor, currency)
    return Exchanged(number, order, old_seat, new_seat, seat, old_title, new_title, settlement, amount, *rest)
