"""The door's operations: a valid ticket admits its holder once, however many staff scan it and however often."""

import asyncio

import pytest
from sqlalchemy import select

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Forbidden, Refused
from festgate.kit.visitors import Role, Visitor
from festgate.portal.accounts.people import set_role
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.door.admissions import admit, undo_admission
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
from festgate.portal.door.scans import read_scan
from festgate.portal.registrations.errors import SeatUsed
from festgate.portal.registrations.holds import cancel_seat
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
_lose_staff = Statement(ticket_rows.update().values(admitted_by=None))


def staff(fest: Fest, name: str = "meena", role: Role = "staff") -> Visitor:
    """Somebody at the door."""
    person = fest.person(name)
    fest.database.write(set_role, name, role)
    return Visitor(person.id, name, person.email, role)


def ticket(fest: Fest, name: str, event: catalogue.Event) -> str:
    """The code of the ticket of somebody new."""
    seat = fest.hold(fest.person(name), event)
    fest.deliver()
    found = fest.database.read(tickets.ticket_of_seat, seat)
    assert found is not None
    return found.code


def refusal(fest: Fest, code: str, who: Visitor, event_id: int | None = None) -> Refused:
    with pytest.raises(Refused) as raised:
        fest.database.write(admit, code, who, event_id)
    return raised.value


def undone(fest: Fest) -> list[tuple[int | None, ...]]:
    return fest.database.read(lambda connection: connection.all(_undone))


def test_the_first_scan_admits_and_the_second_says_since_when_and_by_whom(fest: Fest) -> None:
    talk, meena, ravi = fest.event("Open Talk"), staff(fest), staff(fest, "ravi", "organiser")
    code = ticket(fest, "asha", talk)
    came_at = fest.database.clock()
    arrival = fest.database.write(admit, code, meena)
    assert (arrival.holder, arrival.admitted_at, arrival.admitted_by) == ("asha", came_at, "meena")
    fest.database.clock.move(MINUTE)
    again = refusal(fest, code, ravi, talk.id)
    assert isinstance(again, AlreadyIn)
    assert (again.arrival.admitted_at, again.arrival.admitted_by) == (came_at, "meena")
    assert "meena" in again.message
    assert fest.database.read(attendance_of, talk.id) == Attendance(1, 1)
    assert fest.database.report(check_door) == []


def test_whoever_is_no_staff_admits_nobody_and_takes_nothing_back(fest: Fest) -> None:
    talk, guest = fest.event("Open Talk"), staff(fest, "ben", "attendee")
    code = ticket(fest, "asha", talk)
    assert isinstance(refusal(fest, code, guest), Forbidden)
    fest.database.write(admit, code, staff(fest))
    with pytest.raises(Forbidden):
        fest.database.write(undo_admission, code, guest)
    assert fest.database.read(attendance_of, talk.id) == Attendance(1, 1)


def test_tickets_that_open_nothing_here_are_refused_each_with_its_reason(fest: Fest) -> None:
    talk, race, meena = fest.event("Open Talk"), fest.event("Robo Race"), staff(fest)
    assert isinstance(refusal(fest, CODE, meena), UnknownTicket)
    elsewhere = refusal(fest, ticket(fest, "asha", race), meena, talk.id)
    assert isinstance(elsewhere, OtherEvent)
    assert elsewhere.message == "This ticket is for Robo Race."

    ben = fest.person("ben")
    seat = fest.hold(ben, talk)
    fest.deliver()
    found = fest.database.read(tickets.ticket_of_seat, seat)
    assert found is not None
    fest.database.write(cancel_seat, ben.id, seat)
    # Before the fact of it has arrived, when the ticket's own row still says that it is valid, and after.
    assert isinstance(refusal(fest, found.code, meena, talk.id), TicketVoid)
    fest.deliver()
    assert isinstance(refusal(fest, found.code, meena, talk.id), TicketVoid)

    late = ticket(fest, "chitra", talk)
    fest.database.write(catalogue.cancel_event, talk.slug)
    called_off = refusal(fest, late, meena, talk.id)
    assert isinstance(called_off, TicketVoid)
    assert "cancelled" in called_off.message
    assert fest.database.read(attendance_of, race.id) == Attendance(0, 1)


def test_of_two_scanners_at_once_one_admits_in_one_process_and_in_two(fest: Fest) -> None:
    talk, guards = fest.event("Open Talk"), [staff(fest), staff(fest, "ravi")]
    first, second = ticket(fest, "asha", talk), ticket(fest, "ben", talk)
    elsewhere = fest.another_process()

    def scan(code: str, who: Visitor) -> object:
        return lambda connection: admit(connection, code, who, talk.id)

    async def scan_in_two() -> list[object]:
        await elsewhere.open()
        doors = [fest.database.real, elsewhere] * 4
        try:
            return await asyncio.gather(
                *(
                    door.write(admit, second, guards[number % 2], talk.id)
                    for number, door in enumerate(doors)
                ),
                return_exceptions=True,
            )
        finally:
            await elsewhere.close()

    in_one = fest.database.write_together(*[scan(first, guard) for guard in guards * 4])  # type: ignore[arg-type]
    for answers in (in_one, fest.database.run(scan_in_two())):
        let_in = [answer for answer in answers if isinstance(answer, Arrival)]
        turned_away = [answer for answer in answers if isinstance(answer, AlreadyIn)]
        assert (len(let_in), len(turned_away)) == (1, 7)
        assert {each.arrival.admitted_by for each in turned_away} == {let_in[0].admitted_by}
    assert fest.database.read(attendance_of, talk.id) == Attendance(2, 2)


def test_a_check_in_that_was_a_mistake_is_taken_back_once_and_recorded(fest: Fest) -> None:
    talk, guards = fest.event("Open Talk"), [staff(fest), staff(fest, "ravi")]
    code = ticket(fest, "asha", talk)
    came_at = fest.database.clock()
    fest.database.write(admit, code, guards[0])
    fest.database.clock.move(MINUTE)
    answers = fest.database.write_together(
        *[lambda connection, who=who: undo_admission(connection, code, who) for who in guards]
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Arrival", "NotIn"]
    by = next(guard for guard, answer in zip(guards, answers, strict=True) if isinstance(answer, Arrival))
    assert undone(fest) == [(came_at, guards[0].person, came_at + MINUTE, by.person)]
    assert fest.database.read(attendance_of, talk.id) == Attendance(0, 1)
    assert isinstance(fest.database.write(admit, code, guards[1]), Arrival)


def test_after_half_an_hour_only_an_organiser_takes_a_check_in_back(fest: Fest) -> None:
    talk, meena, ravi = fest.event("Open Talk"), staff(fest), staff(fest, "ravi", "organiser")
    code = ticket(fest, "asha", talk)
    fest.database.write(admit, code, meena)
    fest.database.clock.move(UNDO_WITHIN + 1)
    with pytest.raises(TooLateToUndo):
        fest.database.write(undo_admission, code, meena)
    with pytest.raises(OtherEvent):
        fest.database.write(undo_admission, code, ravi, fest.event("Robo Race").id)
    assert fest.database.write(undo_admission, code, ravi).admitted_at is None
    with pytest.raises(NotIn):
        fest.database.write(undo_admission, code, ravi)


def test_a_seat_that_the_fest_takes_back_takes_its_holders_check_in_with_it(fest: Fest) -> None:
    talk, meena = fest.event("Open Talk"), staff(fest)
    code = ticket(fest, "asha", talk)
    came_at = fest.database.clock()
    fest.database.write(admit, code, meena)
    fest.database.clock.move(MINUTE)
    fest.database.write(catalogue.cancel_event, talk.slug)
    fest.deliver()
    assert undone(fest) == [(came_at, meena.person, came_at + MINUTE, None)]
    assert fest.database.report(check_tickets) == fest.database.report(check_door) == []


def test_the_check_names_a_void_ticket_that_counts_as_in_and_a_check_in_by_nobody(fest: Fest) -> None:
    code = ticket(fest, "asha", fest.event("Open Talk"))
    fest.database.write(admit, code, staff(fest))

    def break_it(statement: Statement) -> list[str]:
        def operation(connection: Connection) -> None:
            connection.run(statement)

        fest.database.write(operation)
        return [finding.rule for finding in fest.database.report(check_door)]

    assert break_it(_lose_staff) == ["a check-in has its time and its member of staff"]
    assert break_it(_void_row) == ["no void ticket is checked in"]


def test_guests_are_found_by_any_part_of_their_name_or_address_at_their_event_only(fest: Fest) -> None:
    talk, race, meena = fest.event("Open Talk"), fest.event("Robo Race"), staff(fest)
    codes = [ticket(fest, name, talk) for name in ("Asha_Rao", "asha.das", "ben")]
    ticket(fest, "asha.khan", race)

    def found(words: str) -> list[str]:
        return [each.holder for each in fest.database.report(find_by_name, talk.id, words)]

    assert found("ASHA") == ["asha.das", "Asha_Rao"]
    assert found("_") == found("a_r") == ["Asha_Rao"]
    assert found("ben@example") == ["ben"]
    assert found("%") == []
    for code in codes:
        fest.database.write(admit, code, meena)
        fest.database.clock.move(MINUTE)
    latest = fest.database.read(latest_arrivals, talk.id, 2)
    assert [each.holder for each in latest] == ["ben", "asha.das"]


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
def test_a_code_is_read_from_whatever_a_ticket_gives_to_scan(scanned: str) -> None:
    assert read_scan(SECRET, scanned) == CODE


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
def test_what_no_ticket_of_this_fest_gives_is_refused(scanned: str) -> None:
    with pytest.raises(ForgedCode):
        read_scan(SECRET, scanned)


def test_whoever_is_in_cannot_give_their_seat_back_until_that_is_undone(fest: Fest) -> None:
    talk, meena = fest.event("Open Talk"), staff(fest)
    asha = fest.person("asha")
    seat = fest.hold(asha, talk)
    fest.deliver()
    found = fest.database.read(tickets.ticket_of_seat, seat)
    assert found is not None
    fest.database.write(admit, found.code, meena)
    with pytest.raises(SeatUsed):
        fest.database.write(cancel_seat, asha.id, seat, tickets.is_used)
    fest.database.write(undo_admission, found.code, meena)
    fest.database.write(cancel_seat, asha.id, seat, tickets.is_used)
    with pytest.raises(TicketVoid):
        fest.database.write(admit, found.code, meena)
