"""The history of an order, or of a guest, in one list: from the hold to the door, with the money and the people."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.formats import Formats
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facade import Seat
from festgate.portal.tickets import facade as tickets

SETTLEMENTS: Mapping[checkout.Settlement, str] = {
    "even": N_("The price is the same."),
    "owed": N_("{amount} more is owed."),
    "paid": N_("{amount} more was paid at the desk."),
    "waived": N_("The difference of {amount} was waived."),
    "replaced": N_("A later exchange replaced the difference of {amount}."),
    "refunded": N_("{amount} is refunded."),
    "kept": N_("{amount} is kept."),
    "due": N_("{amount} that was paid at the desk has to be given back."),
    "returned": N_("{amount} was given back at the desk."),
}
"""The outcome of the difference of an exchange, as a sentence."""
_SHOWN_ACTIONS: Mapping[str, str] = {
    action: title
    for action, title in audit.TITLES.items()
    if action
    in (
        "order.emailed",
        "holder.corrected",
        "ticket.transferred",
        "order.cancelled",
        "ticket.given",
        "registration.cancelled",
    )
}
"""Actions of the audit log that stand in the history; the others are there from the data that they changed."""
_STEPS = {
    "issued": N_("Ticket issued"),
    "sent": N_("Ticket sent"),
    "failed": N_("Email not delivered"),
    "transferred": N_("Ticket transferred"),
    "admitted": N_("Checked in"),
    "undone": N_("Check-in taken back"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of the history."""

    at: Milliseconds
    title: str
    about: str = ""
    """The event, amount or recipient."""
    by: str = ""
    """The person that did it, if it was one of the team."""
    text: str = ""
    """The text of a note."""


class Histories:
    """Reads histories, and the names in them once each."""

    def __init__(self, connection: Connection, writing: Formats) -> None:
        """Take the connection of one read, and the formats of amounts."""
        self._connection = connection
        self._money: Callable[[Money], str] = writing.money
        self._names: dict[int, str] = {}

    def of_order(self, order: checkout.Order) -> tuple[Moment, ...]:
        """Return the history of the order, oldest first."""
        seats = [registrations.seat(self._connection, line.seat_id) for line in order.lines]
        moments = [
            *self._order(order),
            *self._seats(seats, order),
            *self._exchanges(checkout.exchanges_of_order(self._connection, order.id)),
            *self._notes(checkout.notes_of_order(self._connection, order.id)),
            *self._audit(order.ref),
        ]
        return _sorted(moments)

    def of_person(self, person_id: int) -> tuple[Moment, ...]:
        """Return the history of all orders and free registrations of the person, oldest first."""
        connection = self._connection
        seats = registrations.seats_of(connection, person_id)
        moments: list[Moment] = []
        refs = set(checkout.all_refs(connection, person_id))
        in_orders: set[int] = set()
        for ref in refs:
            order = checkout.order_by_ref(connection, ref)
            own = {line.seat_id for line in order.lines}
            in_orders |= own
            moments += self._order(order)
            moments += self._seats([seat for seat in seats if seat.id in own], order)
            moments += self._exchanges(checkout.exchanges_of_order(connection, order.id))
            moments += self._audit(ref)
        free = [seat for seat in seats if seat.id not in in_orders]
        moments += self._seats(free, None)
        for seat in free:
            moments += self._exchanges(
                exchange
                for exchange in checkout.exchanges_of_seat(connection, seat.id)
                if exchange.order_id is None
            )
        moments += self._notes(checkout.notes_of_person(connection, person_id))
        moments += self._audit(checkout.subject_of_person(person_id))
        return _sorted(moments)

    def name(self, person_id: int | None) -> str:
        """Return the name of a person of the team; empty for none."""
        if person_id is None:
            return ""
        if person_id not in self._names:
            try:
                self._names[person_id] = accounts.person_by_id(self._connection, person_id).shown_name
            except NotFound:
                self._names[person_id] = ""
        return self._names[person_id]

    def _order(self, order: checkout.Order) -> Iterable[Moment]:
        yield Moment(order.created_at, gettext("Ordered"), f"{order.ref}, {self._money(order.total)}")
        if order.paid_at is not None:
            paid = "" if order.paid is None else f"{self._money(order.paid)}, "
            yield Moment(
                order.paid_at, gettext("Paid"), f"{paid}{order.method_name}", self.name(order.paid_by)
            )
        for refund in checkout.refunds_of(self._connection, order.id):
            amount = self._money(refund.amount)
            if refund.done_at != refund.created_at:
                yield Moment(refund.created_at, gettext("Refund due"), amount, self.name(refund.asked_by))
            if refund.done_at is not None:
                yield Moment(
                    refund.done_at, gettext("Refunded"), amount, self.name(refund.done_by or refund.asked_by)
                )

    def _seats(self, seats: Iterable[Seat], order: checkout.Order | None) -> Iterable[Moment]:
        for seat in seats:
            taken_at, changed_at = registrations.times_of_seat(self._connection, seat.id)
            held = gettext("Seat held") if seat.fee.minor else gettext("Registered")
            exchanged = bool(checkout.exchanges_of_seat(self._connection, seat.id))
            if not exchanged:
                yield Moment(taken_at, held, seat.label)
            if seat.state == "cancelled" and seat.ended_by != registrations.EXCHANGE:
                words = registrations.ending_words(checkout.ended_by_of(self._connection, seat))
                yield Moment(changed_at, words, seat.label)
            if seat.state == "lapsed":
                yield Moment(seat.held_until, gettext("Hold expired"), seat.label)
            ticket = tickets.ticket_of_seat(self._connection, seat.id)
            if ticket is not None:
                for step in tickets.history_of(self._connection, ticket, order.ref if order else None):
                    about = f"{seat.label}, {step.text}" if step.text else seat.label
                    yield Moment(step.at, gettext(_STEPS[step.kind]), about, self.name(step.person_id))

    def _exchanges(self, exchanges: Iterable[checkout.Exchanged]) -> Iterable[Moment]:
        for exchange in self._whole(exchanges):
            sentence = self.settlement(exchange)
            about = gettext("{old} for {new}").format(old=exchange.old_title, new=exchange.new_title)
            was_open = exchange.settled_at != exchange.made_at
            text = gettext("{amount} more is owed.") if was_open else sentence
            about = f"{about}. {text.format(amount=self._money(exchange.amount))}"
            yield Moment(exchange.made_at, gettext("Ticket exchanged"), about, self.name(exchange.made_by))
            if exchange.settled_at is not None and was_open:
                by = self.name(exchange.settled_by)
                yield Moment(exchange.settled_at, gettext("Difference settled"), sentence, by)

    def _whole(self, exchanges: Iterable[checkout.Exchanged]) -> Iterable[checkout.Exchanged]:
        """Return the exchanges, of those of a team at one time only that with the difference."""
        by_team: dict[tuple[int, int], checkout.Exchanged] = {}
        for exchange in exchanges:
            seat = registrations.seat(self._connection, exchange.old_seat_id)
            key = (seat.team_id or -seat.id, exchange.made_at)
            known = by_team.get(key)
            if known is None or known.settlement == "even":
                by_team[key] = exchange
        return by_team.values()

    def settlement(self, exchange: checkout.Exchanged) -> str:
        """Return what became of the difference, as a sentence."""
        return gettext(SETTLEMENTS[exchange.settlement]).format(amount=self._money(exchange.amount))

    def _notes(self, notes: Iterable[checkout.Note]) -> Iterable[Moment]:
        for note in notes:
            yield Moment(note.written_at, gettext("Note"), "", self.name(note.written_by), note.text)

    def _audit(self, subject: str) -> Iterable[Moment]:
        for entry in audit.entries_about(self._connection, subject):
            if entry.action in _SHOWN_ACTIONS:
                details = entry.details
                about = str(details.get("events") or details.get("ticket") or "")
                if "after" in details:
                    about = gettext("{old}, now {new}").format(old=details["before"], new=details["after"])
                title = gettext(_SHOWN_ACTIONS[entry.action])
                yield Moment(entry.at, title, about, self.name(entry.person))


def _sorted(moments: Iterable[Moment]) -> tuple[Moment, ...]:
    """Return the moments by time; where the audit log knows the person of a step, the step stands once."""
    known = {(moment.at, moment.title) for moment in moments if moment.by}
    shown = dict.fromkeys(moment for moment in moments if moment.by or (moment.at, moment.title) not in known)
    return tuple(sorted(shown, key=lambda moment: moment.at))
