"""Complimentary tickets and internal notes."""

from functools import partial

import pytest

from festgate.kit.errors import Invalid
from festgate.kit.messaging.mail_erasure import find_emails_to
from festgate.kit.visitors import COMMAND
from festgate.portal.accounts import facade as accounts
from festgate.portal.accounts.facade import GuestEntry
from festgate.portal.audit.facade import entries_about
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.complimentary import complimentary_seats, give_ticket, is_complimentary
from festgate.portal.checkout.errors import KeyReused, PersonDeleted
from festgate.portal.checkout.exchanges import Wish, exchange_ticket, subject_of_person
from festgate.portal.checkout.notes import MAX_NOTE, notes_of_order, notes_of_person, write_note
from festgate.portal.checkout.orders import cancel_order
from festgate.portal.checkout.personal_data import PERSONAL_RECORDS
from festgate.portal.composition import personal_records
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.checks import check_counts, check_quotas
from festgate.portal.tickets.checks import check_tickets
from tests.portal.checkout.test_reduced_orders import never_used, place
from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase

RAVI = GuestEntry("Ravi Rao", "ravi@example.org")


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    return Fest(database)


def give(fest: Fest, event: catalogue.Event, key: str, guest: GuestEntry = RAVI) -> registrations.Seat:
    (kind,) = fest.database.read(catalogue.types_of, event.id)
    return fest.database.write(give_ticket, COMMAND, event.slug, kind.id, guest, key)


def test_a_complimentary_ticket_takes_a_seat_and_is_sent_to_its_guest(fest: Fest) -> None:
    event = fest.event("Gala", 45_000, capacity=1)
    seat = give(fest, event, "one")
    assert give(fest, event, "one").id == seat.id  # a second click
    with pytest.raises(KeyReused):
        give(fest, event, "one", GuestEntry("Uma", "uma@example.org"))
    with pytest.raises(catalogue.SoldOut):
        give(fest, event, "two", GuestEntry("Uma", "uma@example.org"))
    fest.deliver()
    assert (seat.state, seat.fee.minor) == ("confirmed", 0)
    assert [(to, subject) for _, to, subject, _ in fest.emails()] == [
        ("ravi@example.org", "Your ticket: Gala")
    ]
    assert fest.database.read(complimentary_seats, event.id) == {seat.id}
    entries = fest.database.read(entries_about, subject_of_person(seat.person_id))
    assert [entry.action for entry in entries] == ["ticket.given"]
    for check in (check_counts, check_quotas, check_tickets):
        assert fest.database.report(check) == []


def test_one_address_gets_no_more_tickets_than_one_person_can_have(fest: Fest) -> None:
    event = fest.event("Gala", 45_000)
    give(fest, event, "one")
    with pytest.raises(registrations.AlreadyRegistered):
        give(fest, event, "two")


def test_a_complimentary_ticket_stays_one_after_an_exchange(fest: Fest) -> None:
    seat = give(fest, fest.event("Gala", 45_000), "one")
    dinner = fest.event("Dinner", 0)
    (kind,) = fest.database.read(catalogue.types_of, dinner.id)
    wish = Wish(dinner.slug, kind.id, "even")
    new = fest.database.write(exchange_ticket, COMMAND, seat.id, wish, never_used)
    assert fest.database.read(is_complimentary, new)
    fest.deliver()
    assert fest.database.report(check_tickets) == []


def test_a_note_is_saved_once_exported_with_the_person_and_erased_with_them(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000)
    person = order.person_id

    def note(text: str, key: str, ref: str | None) -> int:
        return fest.database.write(
            lambda connection: write_note(connection, COMMAND, person, text, key, ref=ref).id
        )

    for _ in range(2):
        note("Called twice.\nVegetarian.", "one", order.ref)
    note("Comes by train.", "two", None)
    with pytest.raises(KeyReused):
        note("Another text.", "two", None)
    for wrong in ("  ", "x" * (MAX_NOTE + 1)):
        with pytest.raises(Invalid):
            note(wrong, "three", None)
    assert [known.text for known in fest.database.read(notes_of_order, order.id)] == [
        "Called twice.\nVegetarian."
    ]
    exported = fest.database.read(PERSONAL_RECORDS.export, person)["notes"]
    assert [known["text"] for known in exported] == ["Called twice.\nVegetarian.", "Comes by train."]  # type: ignore[attr-defined]
    fest.database.write(PERSONAL_RECORDS.end, person)
    assert fest.database.read(notes_of_person, person) == []


def test_nothing_is_noted_about_a_person_whose_data_was_deleted(fest: Fest) -> None:
    order, _ = place(fest, "sandbox", 45_000)
    person = order.person_id
    fest.database.write(cancel_order, person, order.ref)
    stored = fest.database.report(find_emails_to, "asha@example.org")
    fest.database.write(accounts.delete_account, person, personal_records(), stored)
    for ref in (None, order.ref):
        with pytest.raises(PersonDeleted):
            fest.database.write(partial(write_note, ref=ref), COMMAND, person, "Late.", "key")
    assert fest.database.read(notes_of_person, person) == []
