"""An unconfirmed address gets few emails about free seats and all emails about paid ones."""

from collections import Counter
from contextlib import suppress

import pytest

from festgate.kit.errors import TooMany
from festgate.kit.messaging.outbox import Relay
from festgate.portal.accounts.confirmation import MAX_EMAILS, confirm_address
from festgate.portal.accounts.facade import Person
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import handlers as registration_handlers
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.holds import hold_seat
from festgate.portal.registrations.limits import MAX_TAKINGS, MAX_UNCONFIRMED_SEATS, Terms
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.handlers import TicketHandlers
from tests.portal.tickets.fest import FEST, SECRET, Fest
from tests.rig.database import OpenDatabase

UNCONFIRMED = Terms(is_confirmed=False)


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    """Create a fest with a mail server, so that addresses have to be confirmed."""
    new_fest = Fest(database)
    with_mail = FEST.model_copy(update={"smtp_host": "mail.example"})
    new_fest.relay = Relay(
        database.real,
        [*registration_handlers.SUBSCRIPTIONS, *TicketHandlers(with_mail, SECRET).subscriptions()],
    )
    return new_fest


def hold_and_cancel_many_times(fest: Fest, person: Person, event: catalogue.Event, terms: Terms) -> None:
    for _ in range(100):
        with suppress(TooMany):
            seat = fest.database.write(hold_seat, person.id, event.slug, 15, terms)
            fest.deliver()
            fest.database.write(cancel_seat, person.id, seat)
            fest.deliver()


def test_registering_and_cancelling_repeatedly_sends_few_emails_to_an_unconfirmed_address(
    fest: Fest,
) -> None:
    asha = fest.person()
    for title in ("Open Talk", "Dance Night"):
        hold_and_cancel_many_times(fest, asha, fest.event(title), UNCONFIRMED)
    assert len(fest.emails()) == MAX_EMAILS


def test_registering_and_cancelling_repeatedly_sends_few_emails_to_a_confirmed_address(fest: Fest) -> None:
    asha = fest.person()
    fest.database.write(confirm_address, asha.id)
    hold_and_cancel_many_times(fest, asha, fest.event("Open Talk"), Terms())
    assert len(fest.emails()) == 2 * MAX_TAKINGS


def test_an_unconfirmed_account_gets_the_ticket_of_every_allowed_seat(fest: Fest) -> None:
    asha = fest.person()
    for number in range(MAX_UNCONFIRMED_SEATS):
        fest.database.write(hold_seat, asha.id, fest.event(f"Talk {number}").slug, 15, UNCONFIRMED)
    fest.deliver()
    assert len(fest.emails()) == MAX_UNCONFIRMED_SEATS


def test_an_unsent_ticket_is_sent_once_after_the_address_is_confirmed(fest: Fest) -> None:
    asha = fest.person()
    first, second = fest.event("Open Talk"), fest.event("Dance Night")
    hold_and_cancel_many_times(fest, asha, first, UNCONFIRMED)
    seat = fest.database.write(hold_seat, asha.id, second.slug, 15, UNCONFIRMED)
    fest.deliver()
    assert f"seat:{seat}" not in {topic for topic, *_ in fest.emails()}
    assert seat in fest.database.read(tickets.codes_by_seat, asha.id)
    for _ in range(2):
        fest.database.write(confirm_address, asha.id)
        fest.deliver()
    topics = Counter(topic for topic, *_ in fest.emails())
    assert topics[f"seat:{seat}"] == 1
    assert max(topics.values()) == 1
    assert len(topics) == MAX_EMAILS + 1


def test_paid_tickets_and_cancellations_of_events_are_sent_above_the_limit(fest: Fest) -> None:
    asha, free, paid = fest.person(), fest.event("Open Talk"), fest.event("Robo Race", fee=50_000)
    hold_and_cancel_many_times(fest, asha, fest.event("Dance Night"), UNCONFIRMED)
    fest.database.write(hold_seat, asha.id, free.slug, 15, UNCONFIRMED)
    fest.database.write(hold_seat, asha.id, paid.slug, 15, UNCONFIRMED)
    fest.pay(fest.order(asha))
    fest.deliver()
    assert fest.subjects()[MAX_EMAILS:] == ["Your ticket: Robo Race"]
    fest.database.write(catalogue.cancel_event, free.slug)
    fest.deliver()
    assert fest.subjects()[-1] == "Cancelled: Open Talk"
