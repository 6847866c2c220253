"""The code of a pass is accepted at each of its events, and checked in separately in each."""

import pytest

from festgate.kit.errors import Refused
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.door.admissions import admit, undo_admission
from festgate.portal.door.errors import AlreadyIn, OtherEvent, TicketTransferred, TicketVoid
from festgate.portal.door.queries import Attendance, attendance_of, find_by_name
from festgate.portal.registrations import queries
from festgate.portal.registrations.cancellations import cancel_seat, take_back_seat
from festgate.portal.registrations.errors import SeatUsed
from festgate.portal.registrations.facade import Holder
from festgate.portal.tickets import checks
from festgate.portal.tickets import queries as tickets
from festgate.portal.tickets.emails import TicketEmails
from festgate.portal.tickets.transfers import HolderIn, transfer_ticket
from tests.portal.door.test_admissions import add_staff
from tests.portal.registrations.pass_fest import add_pass, check, take
from tests.portal.tickets.fest import FEST, SECRET, Fest


def check_all(fest: Fest) -> None:
    """Check the invariants of registrations and tickets."""
    check(fest.database)
    assert fest.database.violations(checks.CHECKS) == []


def sold_pass(fest: Fest, fee: int = 0) -> tuple[int, int, str, catalogue.Event, catalogue.Event]:
    """Sell a pass; return its person, its seat, its code, its home event and another event that it admits to."""
    talk, race = fest.event("Open Talk"), fest.event("Robo Race")
    kind = add_pass(fest.database, talk, [race], fee=fee)
    person = fest.person("asha")
    seat_id = take(fest.database, person.id, kind)[0]
    if fee:
        fest.pay(fest.order(person))
    fest.deliver()
    ticket = fest.database.read(tickets.ticket_of_seat, seat_id)
    assert ticket is not None
    return person.id, seat_id, ticket.code, talk, race


@pytest.mark.parametrize("fee", [0, 900])
def test_one_code_is_checked_in_separately_at_each_event(fest: Fest, fee: int) -> None:
    _, _, code, talk, race = sold_pass(fest, fee)
    other, meena, database = fest.event("Quiz"), add_staff(fest), fest.database
    assert database.read(attendance_of, race.id) == Attendance(0, 1)
    arrival = database.write(admit, code, meena, race.slug)
    assert (arrival.code, arrival.event_id) == (code, race.id)
    assert database.read(attendance_of, race.id) == Attendance(1, 1)
    assert database.read(attendance_of, talk.id) == Attendance(0, 1)
    with pytest.raises(AlreadyIn):
        database.write(admit, code, meena, race.slug)
    assert database.write(admit, code, meena, talk.slug).event_id == talk.id
    with pytest.raises(OtherEvent):
        database.write(admit, code, meena, other.slug)
    database.write(undo_admission, code, meena, race.slug)
    assert database.read(attendance_of, race.id) == Attendance(0, 1)
    assert database.read(attendance_of, talk.id) == Attendance(1, 1)
    assert [guest.code for guest in database.report(find_by_name, race.id, "asha")] == [code]
    check_all(fest)


def test_a_used_pass_is_neither_cancelled_nor_transferred(fest: Fest) -> None:
    person, seat_id, code, _, race = sold_pass(fest)
    meena, database = add_staff(fest), fest.database
    database.write(admit, code, meena, race.slug)
    with pytest.raises(SeatUsed):
        database.write(cancel_seat, person, seat_id, tickets.is_used)
    emails = TicketEmails(FEST, SECRET).holders
    with pytest.raises(HolderIn):
        database.write(transfer_ticket, person, code, Holder("Ben", "ben@example.org"), emails)
    database.write(take_back_seat, seat_id, tickets.is_used, force=True)
    fest.deliver()
    with pytest.raises(TicketVoid):
        database.write(admit, code, meena, race.slug)
    assert database.read(attendance_of, race.id) == Attendance(0, 0)
    check_all(fest)


def test_a_transferred_pass_admits_its_new_holder_everywhere(fest: Fest) -> None:
    person, _, code, talk, race = sold_pass(fest)
    meena, database = add_staff(fest), fest.database
    emails = TicketEmails(FEST, SECRET).holders
    moved = database.write(transfer_ticket, person, code, Holder("Ben", "ben@example.org"), emails)
    for event in (talk, race):
        with pytest.raises(TicketTransferred):
            database.write(admit, code, meena, event.slug)
        assert database.write(admit, moved.code, meena, event.slug).holder_name == "Ben"
    check_all(fest)


def test_the_email_has_one_ticket_and_names_every_event(fest: Fest) -> None:
    person, *_ = sold_pass(fest)
    [body] = [body for _, _, subject, body in fest.emails() if "Open Talk" in subject]
    assert body.count("/tickets/") == 1
    assert "Also admits to: Robo Race" in body
    assert len(fest.database.read(tickets.tickets_of, person)) == 1
    assert len(fest.database.read(tickets.codes_by_seat, person)) == 1


def test_a_cancelled_event_leaves_the_pass_valid_for_the_others(fest: Fest) -> None:
    _, seat_id, code, talk, race = sold_pass(fest, 900)
    meena, database = add_staff(fest), fest.database
    database.write(catalogue.cancel_event, race.slug)
    check_all(fest)
    fest.deliver()
    check_all(fest)
    assert database.read(queries.seat, seat_id).state == "confirmed"
    [body] = [body for _, _, subject, body in fest.emails() if subject == "Cancelled: Robo Race"]
    assert "Your pass stays valid for its other events" in body
    with pytest.raises(Refused):
        database.write(admit, code, meena, race.slug)
    database.write(admit, code, meena, talk.slug)
    check_all(fest)
