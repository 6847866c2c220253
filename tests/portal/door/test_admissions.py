"""Check-in operations: a valid ticket admits its holder once, even if several staff scan it several times."""

import asyncio

import pytest
from sqlalchemy import bindparam, select

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Forbidden, Refused
from festgate.kit.roles import Role
from festgate.kit.visitors import Actor, Visitor
from festgate.portal.accounts.queries import find_person
from festgate.portal.audit import facade as audit
from festgate.portal.backoffice.crew import set_role
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.door.admissions import admit, admit_scanned, undo_admission, undo_scanned
from festgate.portal.door.errors import (
    UNDO_WITHIN,
    AlreadyIn,
    NotIn,
    OtherEvent,
    TicketVoid,
    TooLateToUndo,
    UnknownTicket,
)
from festgate.portal.door.queries import (
    Arrival,
    Attendance,
    attendance_of,
    find_by_name,
    latest_arrivals,
)
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.errors import SeatUsed
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.checks import check_door, check_tickets
from festgate.portal.tickets.qr import ForgedCode, in_fours, qr_text
from festgate.portal.tickets.tables import tickets as ticket_rows
from festgate.portal.tickets.tables import undone_admissions
from tests.portal.tickets.fest import Fest

SECRET = b"a secret of thirty-two bytes...."
CODE = "7GK2M9QX04ZT8WAB"
_undone = Statement(
    select(
        undone_admissions.c.admitted_at,
        undone_admissions.c.admitted_by,
        undone_admissions.c.undone_at,
        undone_admissions.c.undone_by,
    ).order_by(undone_admissions.c.id)
)
_void_row = Statement(ticket_rows.update().values(state="void"))
_set_code = Statement(
    ticket_rows.update().where(ticket_rows.c.code == bindparam("old")).values(code=bindparam("new"))
)
_remove_staff = Statement(ticket_rows.update().values(admitted_by=None))


def add_staff(fest: Fest, name: str = "meena", role: Role = "staff") -> Visitor:
    """Add a visitor with a role."""
    person = fest.person(name)
    fest.database.write(set_role, name, role)
    return Visitor(person.id, name, person.email, role)


def issue_ticket(fest: Fest, name: str, event: catalogue.Event) -> str:
    """Issue a ticket to a new person; return its code."""
    seat = fest.hold(fest.person(name), event)
    fest.deliver()
    ticket = fest.database.read(tickets.ticket_of_seat, seat)
    assert ticket is not None
    return ticket.code


def refused_scan(fest: Fest, code: str, member: Visitor, slug: str | None = None) -> Refused:
    with pytest.raises(Refused) as raised:
        fest.database.write(admit, code, member, slug)
    return raised.value


def undone_check_ins(fest: Fest) -> list[tuple[int | None, ...]]:
    return fest.database.read(lambda connection: connection.all(_undone))


def test_the_first_scan_admits_and_the_second_names_time_and_staff_of_the_first(fest: Fest) -> None:
    talk, meena, ravi = fest.event("Open Talk"), add_staff(fest), add_staff(fest, "ravi", "organiser")
    code = issue_ticket(fest, "asha", talk)
    checked_in_at = fest.database.clock()
    arrival = fest.database.write(admit, code, meena)
    assert (arrival.holder, arrival.admitted_at, arrival.admitted_by) == ("asha", checked_in_at, "meena")
    fest.database.clock.move(MINUTE)
    second_scan = refused_scan(fest, code, ravi, talk.slug)
    assert isinstance(second_scan, AlreadyIn)
    assert (second_scan.arrival.admitted_at, second_scan.arrival.admitted_by) == (checked_in_at, "meena")
    assert "meena" in second_scan.message
    assert fest.database.read(attendance_of, talk.id) == Attendance(1, 1)
    assert fest.database.report(check_door) == []


def test_only_staff_can_check_in_and_undo(fest: Fest) -> None:
    talk, guest = fest.event("Open Talk"), add_staff(fest, "ben", "attendee")
    code = issue_ticket(fest, "asha", talk)
    assert isinstance(refused_scan(fest, code, guest), Forbidden)
    fest.database.write(admit, code, add_staff(fest))
    with pytest.raises(Forbidden):
        fest.database.write(undo_admission, code, guest)
    assert fest.database.read(attendance_of, talk.id) == Attendance(1, 1)


def test_invalid_tickets_are_refused_with_their_reason(fest: Fest) -> None:
    talk, race, meena = fest.event("Open Talk"), fest.event("Robo Race"), add_staff(fest)
    assert isinstance(refused_scan(fest, CODE, meena), UnknownTicket)
    other_event = refused_scan(fest, issue_ticket(fest, "asha", race), meena, talk.slug)
    assert isinstance(other_event, OtherEvent)
    assert other_event.message == "This ticket is for Robo Race."

    ben = fest.person("ben")
    seat = fest.hold(ben, talk)
    fest.deliver()
    ticket = fest.database.read(tickets.ticket_of_seat, seat)
    assert ticket is not None
    fest.database.write(cancel_seat, ben.id, seat)
    # It is refused before the fact is delivered, when the ticket's row is still valid, and afterwards.
    assert isinstance(refused_scan(fest, ticket.code, meena, talk.slug), TicketVoid)
    fest.deliver()
    assert isinstance(refused_scan(fest, ticket.code, meena, talk.slug), TicketVoid)

    late_code = issue_ticket(fest, "chitra", talk)
    fest.database.write(catalogue.cancel_event, talk.slug)
    cancelled_event = refused_scan(fest, late_code, meena, talk.slug)
    assert isinstance(cancelled_event, TicketVoid)
    assert "cancelled" in cancelled_event.message
    assert fest.database.read(attendance_of, race.id) == Attendance(0, 1)


def test_simultaneous_scans_admit_once_in_one_process_and_in_two(fest: Fest) -> None:
    talk, members = fest.event("Open Talk"), [add_staff(fest), add_staff(fest, "ravi")]
    first, second = issue_ticket(fest, "asha", talk), issue_ticket(fest, "ben", talk)
    other_database = fest.another_process()

    def scan(code: str, member: Visitor) -> object:
        return lambda connection: admit(connection, code, member, talk.slug)

    async def scan_in_two_processes() -> list[object]:
        await other_database.open()
        databases = [fest.database.real, other_database] * 4
        try:
            return await asyncio.gather(
                *(
                    process.write(admit, second, members[number % 2], talk.slug)
                    for number, process in enumerate(databases)
                ),
                return_exceptions=True,
            )
        finally:
            await other_database.close()

    results_in_one_process = fest.database.write_together(*[scan(first, member) for member in members * 4])  # type: ignore[arg-type]
    for results in (results_in_one_process, fest.database.run(scan_in_two_processes())):
        admitted = [result for result in results if isinstance(result, Arrival)]
        refused = [result for result in results if isinstance(result, AlreadyIn)]
        assert (len(admitted), len(refused)) == (1, 7)
        assert {refusal.arrival.admitted_by for refusal in refused} == {admitted[0].admitted_by}
    assert fest.database.read(attendance_of, talk.id) == Attendance(2, 2)


def test_a_check_in_is_undone_once_and_recorded(fest: Fest) -> None:
    talk, members = fest.event("Open Talk"), [add_staff(fest), add_staff(fest, "ravi")]
    code = issue_ticket(fest, "asha", talk)
    checked_in_at = fest.database.clock()
    fest.database.write(admit, code, members[0])
    fest.database.clock.move(MINUTE)
    results = fest.database.write_together(
        *[lambda connection, member=member: undo_admission(connection, code, member) for member in members]
    )
    assert sorted(type(result).__name__ for result in results) == ["Arrival", "NotIn"]
    undone_by = next(
        member for member, result in zip(members, results, strict=True) if isinstance(result, Arrival)
    )
    assert undone_check_ins(fest) == [
        (checked_in_at, members[0].person, checked_in_at + MINUTE, undone_by.person)
    ]
    assert fest.database.read(attendance_of, talk.id) == Attendance(0, 1)
    assert isinstance(fest.database.write(admit, code, members[1]), Arrival)


def test_an_undone_check_in_is_in_the_audit_log_by_the_number_of_the_guest(fest: Fest) -> None:
    talk, meena = fest.event("Open Talk"), add_staff(fest)
    code = issue_ticket(fest, "asha", talk)
    fest.database.write(admit, code, meena)
    actor = Actor(meena.person, "session", "192.0.2.7")
    fest.database.write(undo_admission, code, meena, talk.slug, None, actor)
    ((entry,), _) = fest.database.report(audit.find_entries, audit.Filters(action="check-in.undone"), 9)
    assert (entry.person, entry.event_id) == (meena.person, talk.id)
    asha = fest.database.read(find_person, "asha")
    assert asha is not None
    assert entry.details == {"person": asha.id}
    assert code not in entry.subject


def test_after_half_an_hour_only_an_organiser_can_undo_a_check_in(fest: Fest) -> None:
    talk, meena, ravi = fest.event("Open Talk"), add_staff(fest), add_staff(fest, "ravi", "organiser")
    code = issue_ticket(fest, "asha", talk)
    fest.database.write(admit, code, meena)
    fest.database.clock.move(UNDO_WITHIN + 1)
    with pytest.raises(TooLateToUndo):
        fest.database.write(undo_admission, code, meena)
    with pytest.raises(OtherEvent):
        fest.database.write(undo_admission, code, ravi, fest.event("Robo Race").slug)
    assert fest.database.write(undo_admission, code, ravi).admitted_at is None
    with pytest.raises(NotIn):
        fest.database.write(undo_admission, code, ravi)


def test_cancelling_an_event_undoes_its_check_ins(fest: Fest) -> None:
    talk, meena = fest.event("Open Talk"), add_staff(fest)
    code = issue_ticket(fest, "asha", talk)
    checked_in_at = fest.database.clock()
    fest.database.write(admit, code, meena)
    fest.database.clock.move(MINUTE)
    fest.database.write(catalogue.cancel_event, talk.slug)
    fest.deliver()
    assert undone_check_ins(fest) == [(checked_in_at, meena.person, checked_in_at + MINUTE, None)]
    assert fest.database.report(check_tickets) == fest.database.report(check_door) == []


def test_the_check_reports_void_tickets_checked_in_and_check_ins_without_staff(fest: Fest) -> None:
    code = issue_ticket(fest, "asha", fest.event("Open Talk"))
    fest.database.write(admit, code, add_staff(fest))

    def corrupt_and_check(statement: Statement) -> list[str]:
        def operation(connection: Connection) -> None:
            connection.run(statement)

        fest.database.write(operation)
        return [finding.rule for finding in fest.database.report(check_door)]

    assert corrupt_and_check(_remove_staff) == ["a check-in has its time and its member of staff"]
    assert corrupt_and_check(_void_row) == ["no void ticket is checked in"]


def test_guests_of_an_event_are_found_by_any_part_of_their_name_or_email_address(fest: Fest) -> None:
    talk, race, meena = fest.event("Open Talk"), fest.event("Robo Race"), add_staff(fest)
    codes = [issue_ticket(fest, name, talk) for name in ("Asha_Rao", "asha.das", "ben")]
    issue_ticket(fest, "asha.khan", race)

    def find_names(text: str) -> list[str]:
        return [guest.holder for guest in fest.database.report(find_by_name, talk.id, text)]

    assert find_names("ASHA") == ["asha.das", "Asha_Rao"]
    assert find_names("rao asha") == find_names("a_r") == find_names("ASHÁ-RAO") == ["Asha_Rao"]
    assert find_names("ben@example") == ["ben"]
    assert find_names("%") == find_names("_") == []
    for code in codes:
        fest.database.write(admit, code, meena)
        fest.database.clock.move(MINUTE)
    arrivals = fest.database.read(latest_arrivals, talk.id, 2)
    assert [guest.holder for guest in arrivals] == ["ben", "asha.das"]


@pytest.mark.parametrize(
    "scanned",
    [
        CODE,
        f"  {in_fours(CODE).lower()}\n",
        CODE.replace("0", "o"),
        qr_text(SECRET, CODE),
        qr_text(SECRET, CODE).lower(),
        f"https://fest.example/tickets/{CODE}",
        f"http://localhost:8000/tickets/{in_fours(CODE)}?from=phone#code",
        f"https://fest.example/sub/tickets/{CODE}.svg",
    ],
)
def test_a_code_is_read_from_every_form_of_a_scanned_ticket(scanned: str) -> None:
    assert tickets.read_scan(SECRET, scanned).code == CODE


@pytest.mark.parametrize(
    "scanned",
    [
        "",
        CODE[:-1],
        f"{CODE}0",
        "https://fest.example/events/open-talk",
        qr_text(b"another fest's secret, made up...", CODE),
        f"FESTGATE1:{CODE}",
        "U" * 16,
    ],
)
def test_a_scan_that_is_not_a_ticket_of_this_fest_is_refused(scanned: str) -> None:
    with pytest.raises(ForgedCode):
        tickets.read_scan(SECRET, scanned)


def test_a_guess_about_the_keyboard_admits_only_a_ticket_that_is_alone(fest: Fest) -> None:
    talk, meena = fest.event("Open Talk"), add_staff(fest)
    first, second = issue_ticket(fest, "asha", talk), issue_ticket(fest, "ben", talk)
    other_code = CODE.replace("Z", "Y")
    german = f"httpsÖ--fest.example-tickets-{other_code}"  # CODE from an American scanner
    fest.database.write(lambda connection: connection.run(_set_code, old=first, new=CODE))
    assert fest.database.write(admit_scanned, tickets.read_scan(SECRET, german), meena).holder == "asha"
    # The code as it was typed is no guess: this one is unknown, and that of its other reading is not.
    assert fest.database.write(undo_scanned, tickets.read_scan(SECRET, other_code), meena).holder == "asha"
    fest.database.write(lambda connection: connection.run(_set_code, old=second, new=other_code))
    with pytest.raises(tickets.OtherKeyboard):
        fest.database.write(admit_scanned, tickets.read_scan(SECRET, german), meena)
    for code, holder in ((CODE, "asha"), (other_code, "ben")):
        assert fest.database.write(admit_scanned, tickets.read_scan(SECRET, code), meena).holder == holder
    with pytest.raises(UnknownTicket):
        fest.database.write(admit_scanned, tickets.read_scan(SECRET, "Z" * 16), meena)


def test_a_checked_in_guest_cannot_cancel_until_the_check_in_is_undone(fest: Fest) -> None:
    talk, meena = fest.event("Open Talk"), add_staff(fest)
    asha = fest.person("asha")
    seat = fest.hold(asha, talk)
    fest.deliver()
    ticket = fest.database.read(tickets.ticket_of_seat, seat)
    assert ticket is not None
    fest.database.write(admit, ticket.code, meena)
    with pytest.raises(SeatUsed):
        fest.database.write(cancel_seat, asha.id, seat, tickets.is_used)
    fest.database.write(undo_admission, ticket.code, meena)
    fest.database.write(cancel_seat, asha.id, seat, tickets.is_used)
    with pytest.raises(TicketVoid):
        fest.database.write(admit, ticket.code, meena)
