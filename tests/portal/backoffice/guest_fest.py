"""Guests in every state, for tests of their list."""

from dataclasses import dataclass
from functools import partial

from festgate.kit.db.statements import Connection
from festgate.portal.accounts.people import set_name
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import QuestionDetails
from festgate.portal.checkout.methods import Paid
from festgate.portal.checkout.orders import mark_paid
from festgate.portal.checkout.placements import place_order
from festgate.portal.registrations import queries
from festgate.portal.registrations.answers import ORDER, Key, save_answers
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.holds import hold_seat
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.issue import issue_ticket
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

SIZE = QuestionDetails("choice", "T-shirt", choices=("S", "100%"))
WORKSHOPS = QuestionDetails("choices", "Workshops", choices=("ROS", "ROS 2", "Arduino"))
PHONE = QuestionDetails("phone", "Phone", per="order", is_in_export=False)


@dataclass(frozen=True)
class GuestFest:
    """An event with a fee, one without, their seats by the names of their people, and the questions of the free one."""

    database: OpenDatabase
    free: catalogue.Event
    paid: catalogue.Event
    seats: dict[str, int]
    people: dict[str, int]
    questions: dict[str, int]


def nobody_in(_connection: object, _seat: int) -> bool:
    return False


def fill_fest(database: OpenDatabase) -> GuestFest:
    """Register people: asha and zoe free, ravi paid, meena waiting, sam held, and olga cancelled."""
    free = add_event(database, fee=0, title="Open Stage", capacity=50)
    paid = add_event(database, fee=45_000, title="Robo Race", capacity=50)
    questions = {
        details.label: database.write(catalogue.add_question, free.slug, details)
        for details in (SIZE, WORKSHOPS, PHONE)
    }
    fest = GuestFest(database, free, paid, {}, {}, questions)
    for name, shown in (("asha", "Asha Ünal"), ("zoe", "Zoë García"), ("ravi", "Ravi O'Brien")):
        fest.people[name] = add_someone(database, name)
        database.write(set_name, fest.people[name], shown)
    for name in ("meena", "sam", "olga"):
        fest.people[name] = add_someone(database, name)
    for name, event in (
        ("asha", free),
        ("zoe", free),
        ("ravi", paid),
        ("meena", paid),
        ("sam", paid),
        ("olga", free),
    ):
        fest.seats[name] = database.write(hold_seat, fest.people[name], event.slug, 15)
    for name in ("ravi", "meena"):
        order, _ = database.write(
            partial(place_order, asks=False), fest.people[name], "desk", 60_000_000, f"key-{name}"
        )
        if name == "ravi":
            database.write(mark_paid, order.id, Paid("charge", order.total).charge, order.total)
    database.write(cancel_seat, fest.people["olga"], fest.seats["olga"])
    for name in ("asha", "zoe", "ravi"):
        database.write(_issue, fest.seats[name])
    return fest


def answer(fest: GuestFest, name: str, entered: dict[str, str]) -> None:
    """Save answers of a person about the free event, by the label of the question; choices one on each line."""
    values: dict[Key, str | list[str]] = {
        (fest.questions[label], ORDER if label == "Phone" else fest.seats[name]): value.split("\n")
        if label == "Workshops"
        else value
        for label, value in entered.items()
    }
    save = partial(save_answers, is_used=nobody_in, is_complete=False)
    fest.database.write(save, fest.people[name], fest.free.slug, values)


def _issue(connection: Connection, seat_id: int) -> None:
    issue_ticket(connection, queries.seat(connection, seat_id))


def check_in(connection: Connection, seat_id: int) -> None:
    """Check the holder of the seat in."""
    ticket = tickets.ticket_of_seat(connection, seat_id)
    assert ticket is not None
    assert tickets.admit_holder(connection, ticket.id, ticket.code, ticket.person_id)
