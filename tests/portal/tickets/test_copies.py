"""Sending tickets again, on both databases: when an organiser asks, and after a corrected address."""

import pytest

from festgate.kit.clock import DAY, HOUR
from festgate.kit.errors import NotFound, TooMany
from festgate.kit.messaging.mail import MailState
from festgate.portal.accounts.corrections import correct_email
from festgate.portal.accounts.facade import Person
from festgate.portal.accounts.people import set_email
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.queries import order_by_id
from festgate.portal.tickets.copies import MAX_COPIES, TicketOver, count_copies, latest_mail, send_copy
from festgate.portal.tickets.emails import TicketEmails
from festgate.portal.tickets.queries import Ticket, tickets_of
from tests.portal.tickets.fest import FEST, SECRET, Fest


def send_again(fest: Fest, person: Person, ticket: Ticket, shown: int) -> Ticket:
    """Send the ticket again from a page that displayed that number of copies."""
    post = TicketEmails(FEST, SECRET).post_copy
    return fest.database.write(send_copy, person.id, ticket.code, shown, post)


def only_ticket(fest: Fest, person: Person) -> Ticket:
    (ticket,) = fest.database.read(tickets_of, person.id)
    return ticket


def latest(fest: Fest, ticket: Ticket) -> MailState | None:
    order = None if ticket.order_id is None else fest.database.read(order_by_id, ticket.order_id).ref
    return fest.database.read(latest_mail, ticket, order)


def test_a_ticket_is_sent_again_to_the_present_address_with_the_same_code(fest: Fest) -> None:
    asha = fest.person()
    fest.hold(asha, fest.event("Open Talk"))
    fest.deliver()
    ticket = only_ticket(fest, asha)
    first = latest(fest, ticket)
    assert first is not None
    assert (first.state, first.recipient) == ("queued", "asha@example.org")
    fest.database.write(set_email, "asha", "asha@example.com")
    assert send_again(fest, asha, ticket, 0) == ticket == only_ticket(fest, asha)
    _, (_, recipient, subject, body) = fest.emails()
    assert (recipient, subject) == ("asha@example.com", "Your ticket: Open Talk")
    assert "The organisers have sent you this ticket again:" in body
    assert f"https://fest.example/tickets/{ticket.code}" in body
    again = latest(fest, ticket)
    assert again is not None
    assert again.recipient == "asha@example.com"


def test_a_second_click_sends_no_second_email(fest: Fest) -> None:
    asha = fest.person()
    fest.buy(asha, fest.event("Robo Race", 45_000))
    fest.deliver()
    ticket = only_ticket(fest, asha)
    for shown in (0, 0, 7):
        send_again(fest, asha, ticket, shown)
    assert fest.database.read(count_copies, ticket.id) == 1
    send_again(fest, asha, ticket, 1)
    assert len(fest.emails()) == 3


def test_a_person_gets_a_limited_number_of_copies_in_an_hour(fest: Fest) -> None:
    asha = fest.person()
    for title in ("Open Talk", "Book Fair"):
        fest.hold(asha, fest.event(title))
    fest.deliver()
    talk, fair = fest.database.read(tickets_of, asha.id)
    for number in range(MAX_COPIES):
        send_again(fest, asha, talk, number)
    for ticket, shown in ((talk, MAX_COPIES), (fair, 0)):
        with pytest.raises(TooMany, match="Try again in 60 minutes"):
            send_again(fest, asha, ticket, shown)
    fest.database.clock.move(HOUR)
    send_again(fest, asha, fair, 0)


def test_only_a_ticket_that_is_of_use_is_sent_again_and_only_to_its_holder(fest: Fest) -> None:
    asha, ravi = fest.person(), fest.person("ravi")
    talk, fair = fest.event("Open Talk"), fest.event("Book Fair")
    fest.hold(asha, talk)
    fest.hold(ravi, fair)
    fest.deliver()
    of_asha, of_ravi = only_ticket(fest, asha), only_ticket(fest, ravi)
    with pytest.raises(NotFound):
        send_again(fest, ravi, of_asha, 0)
    fest.database.write(catalogue.cancel_event, talk.slug)
    with pytest.raises(TicketOver):
        send_again(fest, asha, of_asha, 0)
    fest.database.clock.move(3 * DAY)
    with pytest.raises(TicketOver):
        send_again(fest, ravi, of_ravi, 0)


def test_the_tickets_of_a_corrected_address_are_sent_there_in_one_email(fest: Fest) -> None:
    asha = fest.person()
    fest.buy(asha, fest.event("Robo Race", 45_000))
    fest.hold(asha, fest.event("Open Talk"))
    cancelled = fest.event("Book Fair")
    fest.hold(asha, cancelled)
    fest.deliver()
    fest.database.write(catalogue.cancel_event, cancelled.slug)
    fest.deliver()
    before = len(fest.emails())
    fest.database.write(correct_email, "asha", "asha@example.com", b"s" * 32, FEST)
    fest.deliver()
    fest.deliver()
    sent = fest.emails()[before:]
    assert {recipient for _, recipient, _, _ in sent} == {"asha@example.com"}
    race, *_ = fest.database.read(tickets_of, asha.id)
    state = latest(fest, race)
    assert state is not None
    assert state.recipient == "asha@example.com"
    (body,) = [body for *_, body in sent if "sent you these tickets again:" in body]
    assert "Robo Race" in body
    assert "Open Talk" in body
    assert "Book Fair" not in body
