"""What is sent to an address that nobody has confirmed: few emails about what is free, all about what was paid."""

from collections import Counter
from contextlib import suppress

import pytest

from festgate.kit.errors import TooMany
from festgate.kit.messaging.outbox import Relay
from festgate.portal.accounts.confirmation import MAX_EMAILS, confirm_address
from festgate.portal.accounts.facade import Person
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import handlers as registration_handlers
from festgate.portal.registrations.holds import cancel_seat, hold_seat
from festgate.portal.registrations.limits import MAX_TAKINGS, MAX_UNCONFIRMED_SEATS, Terms
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.handlers import TicketHandlers
from tests.portal.tickets.fest import FEST, Fest
from tests.rig.database import OpenDatabase

UNCONFIRMED = Terms(is_confirmed=False)


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    """A fest with a mail server, so that addresses are confirmed."""
    found = Fest(database)
    with_mail = FEST.model_copy(update={"smtp_host": "mail.example"})
    found.relay = Relay(
        database.real, [*registration_handlers.SUBSCRIPTIONS, *TicketHandlers(with_mail).subscriptions()]
    )
    return found


def take_and_give_back(fest: Fest, person: Person, event: catalogue.Event, terms: Terms) -> None:
    for _ in range(100):
        with suppress(TooMany):
            seat = fest.database.write(hold_seat, person.id, event.slug, 15, terms)
            fest.deliver()
            fest.database.write(cancel_seat, person.id, seat)
            fest.deliver()


def test_a_hundred_rounds_of_register_and_cancel_send_few_emails_to_an_unconfirmed_address(
    fest: Fest,
) -> None:
    asha = fest.person()
    for title in ("Open Talk", "Dance Night"):
        take_and_give_back(fest, asha, fest.event(title), UNCONFIRMED)
    assert len(fest.emails()) == MAX_EMAILS


def test_a_hundred_rounds_send_few_emails_to_a_confirmed_address_too(fest: Fest) -> None:
    asha = fest.person()
    fest.database.write(confirm_address, asha.id)
    take_and_give_back(fest, asha, fest.event("Open Talk"), Terms())
    assert len(fest.emails()) == 2 * MAX_TAKINGS


def test_the_ticket_of_every_seat_that_an_unconfirmed_account_may_have_is_sent(fest: Fest) -> None:
    asha = fest.person()
    for number in range(MAX_UNCONFIRMED_SEATS):
        fest.database.write(hold_seat, asha.id, fest.event(f"Talk {number}").slug, 15, UNCONFIRMED)
    fest.deliver()
    assert len(fest.emails()) == MAX_UNCONFIRMED_SEATS


def test_a_ticket_that_was_not_sent_is_sent_once_the_address_is_confirmed(fest: Fest) -> None:
    asha = fest.person()
    first, second = fest.event("Open Talk"), fest.event("Dance Night")
    take_and_give_back(fest, asha, first, UNCONFIRMED)
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


def test_paid_tickets_and_news_of_a_cancelled_event_are_sent_whatever_was_sent_before(fest: Fest) -> None:
    asha, free, paid = fest.person(), fest.event("Open Talk"), fest.event("Robo Race", fee=50_000)
    take_and_give_back(fest, asha, fest.event("Dance Night"), UNCONFIRMED)
    fest.database.write(hold_seat, asha.id, free.slug, 15, UNCONFIRMED)
    fest.database.write(hold_seat, asha.id, paid.slug, 15, UNCONFIRMED)
    fest.pay(fest.order(asha))
    fest.deliver()
    assert fest.subjects()[MAX_EMAILS:] == ["Your ticket: Robo Race"]
    fest.database.write(catalogue.cancel_event, free.slug)
    fest.deliver()
    assert fest.subjects()[-1] == "Cancelled: Open Talk"
