"""Emails about waiting lists and applications: offers, acceptances, refusals, and the end of a list."""

from functools import partial

import pytest

from festgate.kit.clock import HOUR
from festgate.portal.accounts.facade import Person
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.waiting_list import (
    decline,
    join,
    leave,
    offer_by_hand,
    put_on_list,
    remove,
)
from tests.portal.tickets.fest import Fest

LIST = catalogue.WaitingSettings("open", 120, needs_approval=False)
APPROVAL = catalogue.WaitingSettings("off", 120, needs_approval=True)


def event_with(fest: Fest, settings: catalogue.WaitingSettings, fee: int = 0) -> catalogue.Event:
    event = fest.event("Open Talk", fee, capacity=1)
    fest.database.write(catalogue.set_waiting_list, event.slug, settings)
    return event


def wait(fest: Fest, person: Person, event: catalogue.Event) -> int:
    return fest.database.write(join, person.id, event.slug)


def last_email(fest: Fest, before: int) -> tuple[str, str, str]:
    """Return the recipient, subject and body of the only email after that many."""
    fest.deliver()
    ((_, recipient, subject, body),) = fest.emails()[before:]
    return recipient, subject, body


def test_an_offer_has_the_time_and_the_link_to_confirm_the_seat(fest: Fest) -> None:
    asha, ravi, event = fest.person(), fest.person("ravi"), event_with(fest, LIST)
    seat = fest.hold(asha, event)
    wait(fest, ravi, event)
    fest.database.write(cancel_seat, asha.id, seat)
    fest.deliver()
    ((body, subject),) = [
        (body, subject) for _, recipient, subject, body in fest.emails() if recipient == "ravi@example.org"
    ]
    assert subject == "A seat for you: Open Talk"
    assert "A seat has come free. It is held for you:" in body
    assert "Confirm it by " in body
    assert "https://fest.example/events/open-talk\n" in body


def test_an_offer_that_has_run_out_before_it_is_sent_is_not_sent(fest: Fest) -> None:
    asha, ravi, event = fest.person(), fest.person("ravi"), event_with(fest, LIST)
    seat = fest.hold(asha, event)
    wait(fest, ravi, event)
    fest.database.write(cancel_seat, asha.id, seat)
    fest.database.clock.move(3 * HOUR)
    fest.deliver()
    assert "ravi@example.org" not in [recipient for _, recipient, _, _ in fest.emails()]


def test_an_accepted_applicant_gets_the_amount_the_time_and_the_link_to_pay(fest: Fest) -> None:
    asha, event = fest.person(), event_with(fest, APPROVAL, fee=45_000)
    entry = wait(fest, asha, event)
    fest.deliver()
    assert fest.emails() == []
    fest.database.write(offer_by_hand, event.slug, [entry])
    recipient, subject, body = last_email(fest, 0)
    assert (recipient, subject) == ("asha@example.org", "You are accepted: Open Talk")
    assert "The organisers have accepted your application." in body
    assert "Pay ₹450.00 by " in body
    assert "https://fest.example/events/open-talk\n" in body


@pytest.mark.parametrize("answer", ["", "Apply again next year."])
def test_a_declined_applicant_gets_the_organisers_sentence(fest: Fest, answer: str) -> None:
    asha, event = fest.person(), event_with(fest, APPROVAL)
    entry = wait(fest, asha, event)
    fest.database.write(decline, event.slug, [entry], answer)
    fest.database.write(decline, event.slug, [entry], "Another sentence.")
    recipient, subject, body = last_email(fest, 0)
    assert (recipient, subject) == ("asha@example.org", "Your application: Open Talk")
    assert "The organisers have declined your application for this event:" in body
    assert answer in body
    assert "Another sentence." not in body


def test_a_removed_person_gets_one_email_and_one_that_leaves_gets_none(fest: Fest) -> None:
    asha, ravi, event = fest.person(), fest.person("ravi"), event_with(fest, APPROVAL)
    entry = wait(fest, asha, event)
    left = wait(fest, ravi, event)
    fest.database.write(put_on_list, event.slug, [entry, left])
    fest.database.write(leave, ravi.id, left)
    fest.database.write(remove, event.slug, [entry])
    fest.database.write(remove, event.slug, [entry])
    recipient, subject, body = last_email(fest, 0)
    assert (recipient, subject) == ("asha@example.org", "Waiting list: Open Talk")
    assert "The organisers have taken you off the waiting list of this event:" in body


def test_a_cancelled_event_is_emailed_to_its_holders_and_to_its_waiting_list(fest: Fest) -> None:
    asha, ravi, event = fest.person(), fest.person("ravi"), event_with(fest, LIST)
    fest.hold(asha, event)
    wait(fest, ravi, event)
    fest.deliver()
    before = len(fest.emails())
    fest.database.write(partial(catalogue.cancel_event, slug=event.slug))
    fest.deliver()
    cancelled = {recipient: (subject, body) for _, recipient, subject, body in fest.emails()[before:]}
    assert cancelled.keys() == {"asha@example.org", "ravi@example.org"}
    subject, body = cancelled["ravi@example.org"]
    assert subject == "Cancelled: Open Talk"
    assert "This event has been cancelled by the organisers. You were waiting for a seat:" in body
