"""Holders of tickets, on both databases: names, links, transfers, the door, calendars, and a race."""

import json
import re
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Invalid, NotFound, TooMany
from festgate.kit.messaging import mail
from festgate.kit.visitors import Visitor
from festgate.portal.accounts.facade import Person
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.door.admissions import admit
from festgate.portal.door.errors import TicketTransferred, UnknownTicket
from festgate.portal.door.queries import find_by_name
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.checks import check_holders
from festgate.portal.registrations.errors import NameNeeded, SeatUsed
from festgate.portal.registrations.facade import Holder
from festgate.portal.registrations.holders import NamesFixed, read_holders, set_holder
from festgate.portal.registrations.holds import confirm_seat
from festgate.portal.registrations.tables import seats
from festgate.portal.tickets.checks import check_transfers
from festgate.portal.tickets.copies import TicketOver
from festgate.portal.tickets.emails import TicketEmails
from festgate.portal.tickets.holder_links import LINK_KIND, HolderLinkOver, make_link, read_token
from festgate.portal.tickets.issue import replace_code
from festgate.portal.tickets.personal_data import export_tickets
from festgate.portal.tickets.queries import Ticket, is_used, tickets_of
from festgate.portal.tickets.tables import replaced_codes
from festgate.portal.tickets.transfers import (
    MAX_SENT,
    HolderIn,
    NoHolderAddress,
    NotTransferable,
    send_to_holder,
    transfer_ticket,
)
from tests.portal.tickets.fest import FEST, SECRET, Fest
from tests.rig.database import OpenDatabase
from tests.rig.interrupted import InterruptedDriver

HOLDERS = TicketEmails(FEST, SECRET).holders
BORIS = Holder("Boris Iv\u00e1nov", "boris@example.net")
CHEN = Holder("Chen Li", "chen@example.net")
_PARTS = Statement(select(*mail.messages.c["recipient", "attachments"]).order_by(mail.messages.c.id))
PLAIN = catalogue.HolderRules("off", 0, has_transfers=True, transfers_until=0)


def rule(fest: Fest, event: catalogue.Event, **changes: object) -> catalogue.Event:
    rules = replace(PLAIN, **changes)  # type: ignore[arg-type]
    return fest.database.write(catalogue.set_holder_rules, event.slug, rules)


def staff_of(fest: Fest) -> Visitor:
    person = fest.person("meena")
    return Visitor(person.id, person.username, person.email, "staff")


def issue(fest: Fest, person: Person, title: str = "Open Talk") -> Ticket:
    fest.hold(person, fest.event(title))
    fest.deliver()
    return fest.database.read(tickets_of, person.id)[-1]


def transfer(fest: Fest, ticket: Ticket, holder: Holder) -> Ticket:
    return fest.database.write(transfer_ticket, ticket.person_id, ticket.code, holder, HOLDERS)


def name(fest: Fest, ticket: Ticket, holder: Holder) -> registrations.Seat:
    return fest.database.write(set_holder, ticket.person_id, ticket.seat_id, holder, is_used)


def parts_of_emails(fest: Fest) -> list[tuple[str, dict[str, Any]]]:
    """Return the recipient of each attachment and each link of all emails, oldest first."""
    rows = fest.database.read(lambda connection: connection.all(_PARTS))
    return [(recipient, part) for recipient, parts in rows for part in json.loads(parts)]


def links(fest: Fest) -> list[str | None]:
    """Return the links of all emails as they would be sent now; None for one that is over."""
    listed = [part["arguments"] for _, part in parts_of_emails(fest) if part.get("kind") == LINK_KIND]
    make = partial(make_link, secret=SECRET, base_url=FEST.base_url)
    return [fest.database.read(make, *arguments) for arguments in listed]


def token_of(link: str | None) -> str:
    assert link is not None
    return link.rpartition("/")[2]


def sequences(fest: Fest, recipient: str) -> list[tuple[str, int]]:
    """Return the method and the sequence of each invitation to the address, in order."""
    calendars = [
        str(part) for to, part in parts_of_emails(fest) if to == recipient and "placeholder" not in part
    ]
    return [
        (method, int(number))
        for calendar in calendars
        for method, number in re.findall(r"METHOD:([A-Z]+).*SEQUENCE:([0-9]+)", calendar)
    ]


def problems(fest: Fest) -> list[object]:
    return [*fest.database.read(check_transfers), *fest.database.read(check_holders)]


def test_a_transfer_gives_the_ticket_a_new_code_and_the_door_refuses_the_old_one(fest: Fest) -> None:
    asha, staff = fest.person(), staff_of(fest)
    ticket = issue(fest, asha)
    moved = transfer(fest, ticket, BORIS)
    assert (moved.id, moved.person_id) == (ticket.id, asha.id)
    assert moved.code != ticket.code
    with pytest.raises(TicketTransferred):
        fest.database.write(admit, ticket.code, staff)
    arrival = fest.database.write(admit, moved.code, staff)
    assert (arrival.holder_name, arrival.holder) == (BORIS.name, "asha")
    with pytest.raises(UnknownTicket):
        fest.database.write(admit, "0" * 16, staff)
    assert problems(fest) == []
    exported = fest.database.read(export_tickets, asha.id)["tickets"]
    assert isinstance(exported, list)
    assert [part["former_code"] for part in exported[0]["transfers"]] == [ticket.code]


def test_both_holders_get_an_email_and_only_the_new_link_opens_the_ticket(fest: Fest) -> None:
    ticket = transfer(fest, issue(fest, fest.person()), BORIS)
    (first,) = links(fest)
    assert fest.database.read(read_token, SECRET, token_of(first)).code == ticket.code
    moved = transfer(fest, ticket, CHEN)
    assert [(to, subject) for _, to, subject, _ in fest.emails()[1:]] == [
        ("asha@example.org", "Transferred: your ticket for Open Talk"),
        ("boris@example.net", "Your ticket: Open Talk"),
        ("boris@example.net", "Transferred: your ticket for Open Talk"),
        ("chen@example.net", "Your ticket: Open Talk"),
    ]
    assert all(moved.code not in body and ticket.code not in body for *_, body in fest.emails()[1:])
    stale, fresh = links(fest)
    assert stale is None
    assert fest.database.read(read_token, SECRET, token_of(fresh)).code == moved.code
    with pytest.raises(HolderLinkOver):
        fest.database.read(read_token, SECRET, token_of(first))
    with pytest.raises(HolderLinkOver):
        fest.database.read(read_token, b"another secret", token_of(fresh))


def test_calendars_follow_a_ticket_that_is_transferred_and_comes_back(fest: Fest) -> None:
    asha = fest.person()
    ticket = transfer(fest, issue(fest, asha), BORIS)
    transfer(fest, ticket, Holder("Asha Rao", "ASHA@example.org"))
    own, other = sequences(fest, "asha@example.org"), sequences(fest, "boris@example.net")
    assert [method for method, _ in own] == ["REQUEST", "CANCEL", "REQUEST"]
    assert [method for method, _ in other] == ["REQUEST", "CANCEL"]
    for steps in (own, other):
        numbers = [number for _, number in steps]
        assert numbers == sorted(set(numbers))
    seat = fest.database.read(registrations.seat, ticket.seat_id)
    assert (seat.attendee_name, seat.attendee_email) == ("Asha Rao", "")


def test_a_ticket_of_a_checked_in_holder_is_not_transferred(fest: Fest) -> None:
    ticket, staff = issue(fest, fest.person()), staff_of(fest)
    fest.database.write(admit, ticket.code, staff)
    with pytest.raises(HolderIn):
        transfer(fest, ticket, BORIS)


def test_a_void_ticket_is_not_transferred(fest: Fest) -> None:
    ticket = issue(fest, fest.person())
    # Before and after the fact of the cancellation has voided the ticket.
    fest.database.write(cancel_seat, ticket.person_id, ticket.seat_id)
    for _ in range(2):
        with pytest.raises(TicketOver):
            transfer(fest, ticket, BORIS)
        fest.deliver()


def test_a_ticket_is_transferred_only_as_the_event_allows_it(fest: Fest) -> None:
    ticket = issue(fest, fest.person())
    event = fest.database.read(catalogue.event_by_id, ticket.event_id)
    rule(fest, event, has_transfers=False)
    with pytest.raises(NotTransferable):
        transfer(fest, ticket, BORIS)
    rule(fest, event, transfers_until=event.starts_at - HOUR)
    fest.database.clock.now = event.starts_at - HOUR
    with pytest.raises(NotTransferable):
        transfer(fest, ticket, BORIS)
    fest.database.clock.now -= 1
    assert transfer(fest, ticket, BORIS).code != ticket.code
    with pytest.raises(Invalid):
        rule(fest, event, transfers_until=event.ends_at + 1)


def test_a_transfer_that_is_sent_twice_happens_once(fest: Fest) -> None:
    ticket = issue(fest, fest.person())
    moved = transfer(fest, ticket, BORIS)
    assert transfer(fest, ticket, BORIS).code == moved.code
    with pytest.raises(NotFound):
        transfer(fest, ticket, CHEN)
    with pytest.raises(Invalid):
        transfer(fest, moved, BORIS)
    with pytest.raises(NotFound):
        fest.database.write(transfer_ticket, fest.person("other").id, moved.code, CHEN, HOLDERS)


def test_a_ticket_is_sent_to_its_holder_once_for_each_click(fest: Fest) -> None:
    ticket = issue(fest, fest.person())
    event = fest.database.read(catalogue.event_by_id, ticket.event_id)
    with pytest.raises(NoHolderAddress):
        fest.database.write(send_to_holder, ticket.person_id, ticket.code, 0, HOLDERS)
    rule(fest, event, names="optional")
    name(fest, ticket, BORIS)
    for _ in range(2):
        fest.database.write(send_to_holder, ticket.person_id, ticket.code, 0, HOLDERS)
    (link,) = links(fest)
    assert fest.database.read(read_token, SECRET, token_of(link)).id == ticket.id
    # Another address stops the link that the first one got.
    name(fest, ticket, replace(BORIS, email="b@example.net"))
    assert links(fest) == [None]
    with pytest.raises(HolderLinkOver):
        fest.database.read(read_token, SECRET, token_of(link))
    for _ in range(MAX_SENT - 1):
        fest.database.write(send_to_holder, ticket.person_id, ticket.code, None, HOLDERS)
    with pytest.raises(TooMany):
        fest.database.write(send_to_holder, ticket.person_id, ticket.code, None, HOLDERS)


def test_the_holder_of_a_ticket_learns_that_its_event_changed_and_that_it_was_cancelled(fest: Fest) -> None:
    ticket = transfer(fest, issue(fest, fest.person()), BORIS)
    event = fest.database.read(catalogue.event_by_id, ticket.event_id)
    moved = replace(catalogue.details_of(event), place="Small Hall")
    fest.database.write(catalogue.edit_event, event.slug, moved)
    fest.deliver()
    fest.database.write(cancel_seat, ticket.person_id, ticket.seat_id)
    fest.deliver()
    subjects = [subject for _, to, subject, _ in fest.emails() if to == BORIS.email]
    assert subjects == [
        "Your ticket: Open Talk",
        "Changed: Open Talk",
        "Cancelled: your ticket for Open Talk",
    ]
    numbers = [number for _, number in sequences(fest, BORIS.email)]
    assert numbers == sorted(set(numbers))


def test_a_required_name_is_entered_before_an_order_is_placed(fest: Fest) -> None:
    asha = fest.person()
    event = rule(fest, fest.event("Gala", fee=45_000), names="required")
    seat_id = fest.hold(asha, event)
    with pytest.raises(Invalid) as refusal:
        fest.order(asha)
    assert list(refusal.value.fields) == [f"name-{seat_id}"]
    fest.database.write(set_holder, asha.id, seat_id, BORIS, is_used)
    fest.pay(fest.order(asha))
    fest.deliver()
    assert f"Holder: {BORIS.name}" in fest.emails()[0][3]


def test_a_free_seat_that_needs_a_name_is_held_until_it_has_one(fest: Fest) -> None:
    asha = fest.person()
    event = rule(fest, fest.event("Workshop"), names="required")
    seat_id = fest.hold(asha, event)
    assert fest.database.read(registrations.seat, seat_id).confirmable
    with pytest.raises(NameNeeded):
        fest.database.write(confirm_seat, asha.id, seat_id)
    with pytest.raises(Invalid):
        fest.database.write(set_holder, asha.id, seat_id, Holder(""), is_used)
    fest.database.write(set_holder, asha.id, seat_id, BORIS, is_used)
    fest.database.write(confirm_seat, asha.id, seat_id)
    fest.deliver()
    assert len(fest.database.read(tickets_of, asha.id)) == 1


def test_a_name_is_changed_until_the_date_and_not_after_the_check_in(fest: Fest) -> None:
    asha, staff = fest.person(), staff_of(fest)
    ticket = issue(fest, asha)
    event = fest.database.read(catalogue.event_by_id, ticket.event_id)
    with pytest.raises(NamesFixed):
        name(fest, ticket, BORIS)
    rule(fest, event, names="optional", names_until=event.starts_at - HOUR)
    assert name(fest, ticket, BORIS).attendee_name == BORIS.name
    with pytest.raises(NotFound):
        fest.database.write(set_holder, staff.person, ticket.seat_id, CHEN, is_used)
    fest.database.write(admit, ticket.code, staff)
    with pytest.raises(SeatUsed):
        name(fest, ticket, CHEN)
    fest.database.clock.now = event.starts_at - HOUR
    with pytest.raises(NamesFixed):
        name(fest, ticket, CHEN)


@pytest.mark.parametrize("words", ["ivanov", "boris asha", "boris@example.net", "asha"])
def test_the_door_finds_a_ticket_by_its_attendee_and_by_its_buyer(fest: Fest, words: str) -> None:
    ticket = transfer(fest, issue(fest, fest.person()), BORIS)
    (arrival,) = fest.database.read(find_by_name, ticket.event_id, words)
    assert (arrival.holder_name, arrival.holder_email) == (BORIS.name, BORIS.email)


@pytest.mark.parametrize(
    "fields, wrong",
    [
        ({"name-7": "Boris", "email-7": "nowhere"}, {"email-7"}),
        ({"name-7": "", "email-7": "boris@example.net"}, {"name-7"}),
        ({"name-7": "https://spam.example", "email-7": ""}, {"name-7"}),
        ({"name-7": "B" * 101, "email-7": ""}, {"name-7"}),
    ],
)
def test_a_wrong_name_or_address_is_refused_beside_its_field(fields: dict[str, str], wrong: set[str]) -> None:
    with pytest.raises(Invalid) as refusal:
        read_holders(fields)
    assert set(refusal.value.fields) == wrong


def test_the_fields_of_other_forms_are_no_holders() -> None:
    assert read_holders({"name-x": "Boris", "name-": "B", "card_number": "1", "name-3": " Chen  Li "}) == {
        3: Holder("Chen Li")
    }


def test_of_a_transfer_and_a_check_in_at_the_same_time_one_wins(fest: Fest) -> None:
    staff = staff_of(fest)
    for number in range(4):
        ticket = issue(fest, fest.person(f"guest{number}"), f"Talk {number}")
        steps = [partial(_admit, code=ticket.code, staff=staff), partial(_transfer, ticket=ticket)]
        outcomes = fest.database.write_together(*(steps if number % 2 else reversed(steps)))
        refusals = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        (now,) = fest.database.read(tickets_of, ticket.person_id)
        is_in = now.admitted_at is not None
        assert [type(refusal) for refusal in refusals] == [HolderIn if is_in else TicketTransferred]
        assert (now.code == ticket.code) == is_in
    assert problems(fest) == []


def test_a_code_that_another_process_replaces_during_its_scan_admits_nobody(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    fest, other = map(Fest, two_databases)
    staff, ticket = staff_of(fest), issue(fest, fest.person())
    transfers = [lambda: transfer(other, ticket, BORIS)]

    def scan(connection: Connection) -> object:
        # The ticket is transferred between reading it and locking its seat.
        driver = InterruptedDriver(
            fest.database.real._engine.writer,  # noqa: SLF001
            "catalogue_seats",
            lambda: transfers.pop()() if transfers else None,
        )
        return admit(Connection(driver, connection.now), ticket.code, staff)

    with pytest.raises(TicketTransferred):
        fest.database.write(scan)
    assert not transfers
    assert not fest.database.read(is_used, ticket.seat_id)
    assert problems(fest) == []


def test_a_ticket_that_another_process_checks_in_during_its_transfer_keeps_its_code(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    fest, other = map(Fest, two_databases)
    staff, ticket = staff_of(fest), issue(fest, fest.person())
    scans = [lambda: other.database.write(admit, ticket.code, staff)]

    def move(connection: Connection) -> Ticket:
        driver = InterruptedDriver(
            fest.database.real._engine.writer,  # noqa: SLF001
            "registrations_seats",
            lambda: scans.pop()() if scans else None,
        )
        return _transfer(Connection(driver, connection.now), ticket)

    with pytest.raises(HolderIn):
        fest.database.write(move)
    assert not scans
    assert fest.database.read(tickets_of, ticket.person_id)[0].code == ticket.code
    assert [subject for *_, subject, _ in fest.emails()] == ["Your ticket: Open Talk"]


def test_the_names_of_attendees_are_deleted_with_the_account_of_their_buyer(fest: Fest) -> None:
    asha = fest.person()
    ticket = transfer(fest, issue(fest, asha), BORIS)
    records = registrations.personal_records(is_used, replace_code)
    exported = fest.database.read(records.export, asha.id)["registrations"]
    assert isinstance(exported, list)
    assert (exported[0]["holder_name"], exported[0]["holder_email"]) == (BORIS.name, BORIS.email)
    fest.database.write(records.end, asha.id)
    assert fest.database.read(registrations.seat, ticket.seat_id).attendee_name == ""
    assert fest.database.read(find_by_name, ticket.event_id, "boris") == []
    assert problems(fest) == []


def test_the_check_finds_a_live_code_that_was_replaced_and_a_wrong_search_text(fest: Fest) -> None:
    ticket = issue(fest, fest.person())

    def damage(connection: Connection) -> None:
        connection.run(
            Statement(replaced_codes.insert()),
            code=ticket.code,
            ticket_id=ticket.id,
            replaced_at=ticket.issued_at - 1,
        )
        connection.run(Statement(seats.update().values(attendee_search="nobody")))

    fest.database.write(damage)
    assert len(problems(fest)) == 3


def _admit(connection: Connection, code: str, staff: Visitor) -> object:
    return admit(connection, code, staff)


def _transfer(connection: Connection, ticket: Ticket) -> Ticket:
    return transfer_ticket(connection, ticket.person_id, ticket.code, BORIS, HOLDERS)
