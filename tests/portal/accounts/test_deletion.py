"""Downloading all data of an account and deleting it, on both databases, with every module's part."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import select

from festgate.kit.checks import Check
from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection, Statement, metadata
from festgate.kit.errors import NotFound
from festgate.kit.messaging import mail, mail_erasure
from festgate.kit.shown import Changed
from festgate.portal import inventory
from festgate.portal.accounts.corrections import correct_shown_email
from festgate.portal.accounts.deletion import AccountInUse, delete_account, export_account, plan_deletion
from festgate.portal.accounts.people import set_name
from festgate.portal.accounts.queries import (
    Person,
    all_people,
    candidate_by_id,
    find_candidate,
    find_people,
    find_person,
    find_visitor,
    person_by_id,
)
from festgate.portal.accounts.sessions import open_session
from festgate.portal.accounts.sign_ins import Checked, PasswordChanged
from festgate.portal.backoffice.crew import set_role
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries as checkout
from festgate.portal.composition import personal_records
from festgate.portal.door.queries import attendance_of, find_by_name
from festgate.portal.registrations import queries as registrations
from festgate.portal.tickets import queries as tickets
from festgate.portal.tickets.issue import admit_holder, undo_admission
from festgate.settings import Settings
from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase

RECORDS = personal_records()


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    return Fest(database)


def delete(fest: Fest, person: Person, shown: str | None = None) -> tuple[int, ...]:
    stored = fest.database.report(mail_erasure.find_emails_to, person.email)
    return fest.database.write(delete_account, person.id, RECORDS, stored, None, shown)


def assert_consistent(fest: Fest) -> None:
    fest.deliver()
    checks: list[Check] = list(inventory.checks())
    assert [finding for check in checks for finding in fest.database.report(check)] == []


def stored_data(database: OpenDatabase) -> dict[str, list[str]]:
    """Return every row of every table as text, by table."""

    def read(connection: Connection) -> dict[str, list[str]]:
        return {
            name: [repr(row) for row in connection.all(Statement(select(table)))]
            for name, table in metadata.tables.items()
            if not name.startswith("checkout_sandbox")
        }

    return database.read(read)


def check_in(fest: Fest, person: Person, staff: Person) -> None:
    for ticket in fest.database.read(tickets.tickets_of, person.id):
        assert fest.database.write(admit_holder, ticket.id, ticket.code, staff.id)


def test_the_download_has_the_part_of_every_module(fest: Fest) -> None:
    asha, ravi, staff = fest.person("asha"), fest.person("ravi"), fest.person("meena")
    free, paid = fest.event("Opening Ceremony"), fest.event("Robo Race", 45_000)
    fest.database.write(set_name, asha.id, "Asha María")
    fest.database.write(open_session, asha.id, "token")
    fest.hold(asha, free)
    order = fest.buy(asha, paid)
    fest.buy(ravi, paid)
    fest.deliver()
    check_in(fest, asha, staff)
    ticket = fest.database.read(tickets.tickets_of, asha.id)[0]
    assert ticket.admitted_at is not None
    fest.database.write(undo_admission, ticket.id, ticket.seat_id, ticket.admitted_at, staff.id)

    text = json.dumps(fest.database.report(export_account, asha.id, RECORDS))
    data = json.loads(text)
    assert (data["account"]["username"], data["account"]["name"]) == ("asha", "Asha María")
    assert [session["kind"] for session in data["sessions"]] == ["token"]
    assert {seat["title"]: seat["fee"]["minor"] for seat in data["registrations"]} == {
        "Opening Ceremony": 0,
        "Robo Race": 45_000,
    }
    (exported,) = data["orders"]
    assert (exported["ref"], exported["state"], exported["paid"]["minor"]) == (
        order.ref,
        "paid",
        45_000,
    )
    assert [line["title"] for line in exported["lines"]] == ["Robo Race"]
    assert sorted(ticket["checked_in_at"] is not None for ticket in data["tickets"]) == [False, True]
    assert sum(len(ticket["undone_check_ins"]) for ticket in data["tickets"]) == 1
    assert len(data["emails"]) == 2
    for stranger in ("ravi", "meena", "no password"):
        assert stranger not in text


def test_deleting_leaves_no_trace_of_the_person_and_the_sums_agree(fest: Fest) -> None:
    """Username, name and address are in no table afterwards; orders, payments and past seats stay as they were."""
    database = fest.database
    asha, staff = fest.person("asha"), fest.person("meena")
    paid, free, held = fest.event("Robo Race", 45_000), fest.event("Ceremony"), fest.event("Workshop", 10_000)
    order = fest.buy(asha, paid)
    fest.deliver()
    check_in(fest, asha, staff)
    database.write(set_name, asha.id, "Asha María")
    session = database.write(open_session, asha.id, "cookie").token
    database.clock.move(3 * DAY)  # the paid event is over
    later = [fest.event("Second Day"), fest.event("Night Walk", 5_000)]
    fest.hold(asha, later[0])
    fest.hold(asha, later[1])
    fest.deliver()
    plan = database.report(plan_deletion, asha.id, RECORDS)
    assert plan.obstacles == ()
    assert [sentence.partition(" ends")[0] for sentence in plan.ended] == [
        "The registration for Second Day",
        "The registration for Night Walk",
    ]
    before = database.read(checkout.order_by_id, order.id)
    assert len(delete(fest, asha, plan.shown)) == 2
    assert_consistent(fest)
    for table, rows in stored_data(database).items():
        for row in rows:
            assert "asha" not in row.lower(), (table, row)
            assert "maría" not in row.lower(), (table, row)
    person = database.read(person_by_id, asha.id)
    assert (person.username, person.email, person.shown_name) == (
        f"Deleted account {asha.id}",
        "",
        f"Deleted account {asha.id}",
    )
    assert database.read(find_visitor, session) is None
    assert database.read(checkout.order_by_id, order.id) == before
    assert [seat.state for seat in database.read(registrations.seats_of, asha.id)] == [
        "confirmed",
        "cancelled",
        "cancelled",
    ]
    for event in later:
        assert database.read(catalogue.event_by_id, event.id).taken == 0
    assert database.read(attendance_of, paid.id).inside == 1
    (guest,) = database.report(find_by_name, paid.id, "deleted")
    assert guest.email == ""
    assert (free.taken, held.taken) == (0, 0)


def test_username_and_address_are_free_again_and_the_placeholder_is_nobodys_name(fest: Fest) -> None:
    asha = fest.person("asha")
    delete(fest, asha)
    again = fest.person("asha")
    assert again.id != asha.id
    for name in (f"Deleted account {asha.id}", f"DELETED {asha.id}", f"deleted {asha.id}", ""):
        assert fest.database.read(find_person, name) is None
        assert fest.database.read(find_candidate, name) is None
    assert [member.person.username for member in fest.database.read(all_people)] == ["asha"]
    assert delete(fest, fest.database.read(person_by_id, asha.id)) == ()  # a second time does nothing


def test_organisers_neither_find_a_deleted_account_nor_give_it_an_address(fest: Fest) -> None:
    asha = fest.person("asha")
    delete(fest, asha)
    assert fest.database.report(find_people, "deleted", 10) == []
    with pytest.raises(NotFound):
        fest.database.write(
            correct_shown_email,
            asha.id,
            "asha@new.example",
            "",
            b"s" * 32,
            Settings(smtp_host="mail.example"),
        )
    assert fest.database.read(person_by_id, asha.id).is_deleted


def test_queued_emails_are_not_sent_and_later_ones_are_not_queued(fest: Fest) -> None:
    asha, ravi = fest.person("asha"), fest.person("ravi")
    event = fest.event("Opening Ceremony")
    for person in (asha, ravi):
        fest.hold(person, event)
    fest.deliver()
    delete(fest, asha)
    assert_consistent(fest)
    assert {message.recipient for message in fest.database.read(mail.find_due)} == {"ravi@example.org"}
    assert {recipient for _, recipient, *_ in fest.emails()} == {"", "ravi@example.org"}
    assert all(not subject and not body for _, to, subject, body in fest.emails() if not to)


def test_an_email_that_is_queued_while_the_account_is_deleted_is_erased_too(fest: Fest) -> None:
    asha = fest.person("asha")
    stored = fest.database.report(mail_erasure.find_emails_to, asha.email)
    fest.database.write(mail.post, "late", asha.email, "Good day", "To asha")
    assert len(fest.database.write(delete_account, asha.id, RECORDS, stored)) == 1
    assert fest.database.read(mail.find_due) == []


def test_a_paid_ticket_of_a_coming_event_keeps_the_account(fest: Fest) -> None:
    asha = fest.person()
    fest.buy(asha, fest.event("Robo Race", 45_000))
    fest.deliver()
    with pytest.raises(AccountInUse, match="There is a paid ticket for Robo Race"):
        delete(fest, asha)
    assert fest.database.read(person_by_id, asha.id) == asha
    fest.database.clock.move(3 * DAY)
    delete(fest, asha)
    assert_consistent(fest)


def test_a_refund_that_is_not_done_keeps_the_account(fest: Fest) -> None:
    asha = fest.person()
    event = fest.event("Robo Race", 45_000)
    order = fest.buy(asha, event)
    fest.deliver()
    fest.database.write(catalogue.cancel_event, event.slug)
    fest.deliver()
    with pytest.raises(AccountInUse, match=f"A refund for order {order.ref} is not done"):
        delete(fest, asha)
    fest.send_refunds()
    fest.deliver()
    delete(fest, asha)
    assert_consistent(fest)


def test_an_order_that_waits_for_its_payment_is_cancelled_and_a_late_payment_goes_back(fest: Fest) -> None:
    asha = fest.person()
    event = fest.event("Robo Race", 45_000)
    fest.hold(asha, event)
    order = fest.order(asha)
    plan = fest.database.report(plan_deletion, asha.id, RECORDS)
    assert f"Order {order.ref}, which is not paid, is cancelled." in plan.ended
    delete(fest, asha)
    assert fest.database.read(checkout.order_by_id, order.id).state == "cancelled"
    assert fest.database.read(catalogue.event_by_id, event.id).taken == 0
    assert fest.pay(order).state == "refunding"
    fest.send_refunds()
    assert_consistent(fest)
    assert all(not recipient for _, recipient, *_ in fest.emails())


def test_a_guest_who_was_checked_in_keeps_the_seat_of_a_running_event(fest: Fest) -> None:
    asha, staff = fest.person("asha"), fest.person("meena")
    event = fest.event("Opening Ceremony")
    fest.hold(asha, event)
    fest.deliver()
    check_in(fest, asha, staff)
    delete(fest, asha)
    assert_consistent(fest)
    assert fest.database.read(attendance_of, event.id).inside == 1


def test_the_last_owner_cannot_go_and_of_two_at_once_one_stays(fest: Fest) -> None:
    database = fest.database
    asha, ravi = fest.person("asha"), fest.person("ravi")
    database.write(set_role, "asha", "owner")
    with pytest.raises(AccountInUse, match="the only owner"):
        delete(fest, asha)
    database.write(set_role, "ravi", "owner")
    stored = database.report(mail_erasure.find_emails_to, "")

    def leave(person: Person) -> Callable[[Connection], object]:
        return lambda connection: delete_account(connection, person.id, RECORDS, stored)

    results = database.write_together(leave(asha), leave(ravi))
    assert sorted(isinstance(result, AccountInUse) for result in results) == [False, True]


def test_a_member_of_staff_may_go_and_their_check_ins_keep_a_number(fest: Fest) -> None:
    asha, staff = fest.person("asha"), fest.person("meena")
    fest.database.write(set_role, "meena", "staff")
    event = fest.event("Opening Ceremony")
    fest.hold(asha, event)
    fest.deliver()
    check_in(fest, asha, staff)
    delete(fest, staff)
    (guest,) = fest.database.report(find_by_name, event.id, "asha")
    assert guest.admitted_by == f"Deleted account {staff.id}"
    assert fest.database.read(person_by_id, staff.id).role == "attendee"
    assert_consistent(fest)


def test_what_was_shown_is_what_is_confirmed(fest: Fest) -> None:
    asha = fest.person()
    shown = fest.database.report(plan_deletion, asha.id, RECORDS).shown
    fest.hold(asha, fest.event("Opening Ceremony"))
    with pytest.raises(Changed):
        delete(fest, asha, shown)
    assert fest.database.read(person_by_id, asha.id) == asha
    delete(fest, asha, fest.database.report(plan_deletion, asha.id, RECORDS).shown)


def test_a_password_that_changed_after_it_was_checked_deletes_nothing(fest: Fest) -> None:
    asha = fest.person()
    candidate = fest.database.read(candidate_by_id, asha.id)
    stale = Checked(type(candidate)(candidate.person, "an older hash"), [])
    stored = fest.database.report(mail_erasure.find_emails_to, asha.email)
    with pytest.raises(PasswordChanged):
        fest.database.write(delete_account, asha.id, RECORDS, stored, stale)
    assert not fest.database.read(person_by_id, asha.id).is_deleted
