"""Emails about tickets, changed and cancelled events, and refunds: one for each occurrence."""

import json
from datetime import datetime

import icalendar
import pytest
from sqlalchemy import bindparam, select

from festgate.kit.clock import HOUR, MINUTE, milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import mail, outbox
from festgate.kit.messaging.mail import Postman
from festgate.kit.messaging.transports import transport_for
from festgate.kit.money import Money
from festgate.kit.writing import Writing
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facts import EventChanged
from festgate.portal.catalogue.refund_rules import RefundRule, Step
from festgate.portal.checkout import orders
from festgate.portal.checkout.facts import OrderRefunded
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.handlers import EMAILS_AT_ONCE
from festgate.portal.tickets.queries import mail_of
from tests.portal.tickets.fest import FEST, HOLD_MINUTES, Fest
from tests.rig.smtp import Mailbox

_files = Statement(select(mail.messages.c.attachments).where(mail.messages.c.topic == bindparam("name")))


def files(fest: Fest, topic: str) -> dict[str, icalendar.Event]:
    """Return the event in each calendar file of the email with this topic, by file name."""
    text = fest.database.read(lambda connection: connection.value(_files, name=topic))
    events = {}
    for attachment in json.loads(text):
        assert attachment["kind"].startswith("text/calendar; method=")
        (event,) = icalendar.Calendar.from_ical(attachment["text"]).walk("VEVENT")
        assert isinstance(event, icalendar.Event)
        events[attachment["name"]] = event
    return events


def change(fest: Fest, event: catalogue.Event, **changes: str | int) -> catalogue.Event:
    def edit(connection: Connection) -> catalogue.Event:
        current = catalogue.event_by_slug(connection, event.slug)
        details = catalogue.details_of(current)
        return catalogue.edit_event(
            connection,
            event.slug,
            catalogue.Details(**{**_fields(details), **changes}),  # type: ignore[arg-type]
        )

    fest.database.clock.move(MINUTE)
    return fest.database.write(edit)


def _fields(details: catalogue.Details) -> dict[str, object]:
    return {name: getattr(details, name) for name in catalogue.Details.__dataclass_fields__}


def test_the_email_for_a_free_seat_has_place_time_link_and_calendar_file(fest: Fest) -> None:
    asha, talk = fest.person(), fest.event("Open Talk", place="Gallery 2")
    seat = fest.hold(asha, talk)
    fest.deliver()
    (ticket,) = fest.database.read(tickets.tickets_of, asha.id)
    ((topic, recipient, subject, body),) = fest.emails()
    assert (topic, recipient, subject) == (f"seat:{seat}", "asha@example.org", "Your ticket: Open Talk")
    assert "Hello asha," in body
    assert "Open Talk\n" in body
    assert "Gallery 2\n" in body
    assert "10:00" in body
    assert "12:00" in body
    assert "(Asia/Kolkata)" in body
    assert f"https://fest.example/tickets/{ticket.code}\n" in body
    assert "/orders/" not in body
    assert body.endswith("Spring Fest\n")
    ((name, event),) = files(fest, topic).items()
    assert name == "open-talk.ics"
    assert (event["SUMMARY"], event["LOCATION"], event["STATUS"]) == ("Open Talk", "Gallery 2", "CONFIRMED")
    assert event.decoded("DTSTART").timestamp() * 1000 == talk.starts_at
    assert event.decoded("DTEND").timestamp() * 1000 == talk.ends_at


def test_one_email_for_an_order_has_all_tickets_calendar_files_and_the_receipt(fest: Fest) -> None:
    asha = fest.person()
    titles = ["Robo Race", "Hackathon", "Dance Battle", "Treasure Hunt"]
    order = fest.buy(asha, *(fest.event(title, 30_050) for title in titles))
    fest.deliver()
    ((topic, _, subject, body),) = fest.emails()
    assert topic == f"order:{order.ref}"
    assert subject == "Your tickets: Robo Race, Hackathon, Dance Battle and 1 more"
    assert f"₹1,202.00 for order {order.ref}" in body
    assert f"Receipt: https://fest.example/orders/{order.ref}\n" in body
    for ticket in fest.database.read(tickets.tickets_of, asha.id):
        assert f"https://fest.example/tickets/{ticket.code}\n" in body
        state = fest.database.read(mail_of, ticket, order.ref)
        assert state is not None
        assert (state.state, state.recipient) == ("queued", "asha@example.org")
    assert sorted(files(fest, topic)) == [
        "dance-battle.ics", "hackathon.ics", "robo-race.ics", "treasure-hunt.ics"
    ]  # fmt: skip


def test_the_email_of_an_order_states_what_comes_back_of_each_event_with_a_refund_rule(fest: Fest) -> None:
    ruled, other = fest.event("Robo Race", 30_050), fest.event("Hackathon", 30_050)
    fest.database.write(catalogue.set_refund_rule, ruled.slug, RefundRule((Step(14, 100), Step(2, 50))))
    fest.buy(fest.person(), ruled, other)
    fest.deliver()
    ((*_, body),) = fest.emails()
    words = " ".join(body.split())
    assert (
        "If you cancel Robo Race on the page of your order: 100 % back until 14 days before the start,"
        " 50 % back until 2 days before the start." in words
    )
    assert "cancel Hackathon" not in words


def test_titles_are_not_escaped_in_an_email(fest: Fest) -> None:
    fest.hold(fest.person(), fest.event("Rock & Roll <live>", place='Studio "B"'))
    fest.deliver()
    ((_, _, subject, body),) = fest.emails()
    assert subject == "Your ticket: Rock & Roll <live>"
    assert "Rock & Roll <live>\n" in body
    assert 'Studio "B"\n' in body


def test_a_cancelled_registration_is_emailed_once(fest: Fest) -> None:
    asha, talk = fest.person(), fest.event("Open Talk")
    seat = fest.hold(asha, talk)
    fest.deliver()
    fest.database.write(cancel_seat, asha.id, seat)
    fest.database.write(cancel_seat, asha.id, seat)
    fest.deliver()
    assert fest.subjects() == ["Your ticket: Open Talk", "Your registration was cancelled: Open Talk"]
    body = fest.emails()[-1][3]
    assert "no longer valid" in body
    assert "https://fest.example/events/open-talk\n" in body


def test_a_cancelled_hold_sends_no_email(fest: Fest) -> None:
    asha, race = fest.person(), fest.event("Robo Race", 45_000)
    fest.database.write(cancel_seat, asha.id, fest.hold(asha, race))
    fest.deliver()
    assert fest.emails() == []


def test_a_cancelled_event_is_emailed_to_every_attendee_and_each_refund_when_it_is_done(
    fest: Fest,
) -> None:
    asha, ben, chitra = (fest.person(name) for name in ("asha", "ben", "chitra"))
    race, talk = fest.event("Robo Race", 45_000), fest.event("Open Talk")
    order = fest.buy(asha, race)
    fest.hold(ben, talk)
    fest.hold(chitra, race)
    fest.deliver()
    for event in (race, talk):
        fest.database.write(catalogue.cancel_event, event.slug)
    fest.deliver()
    bodies = {
        recipient: body for _, recipient, subject, body in fest.emails() if subject.startswith("Cancelled")
    }
    assert set(bodies) == {"asha@example.org", "ben@example.org", "chitra@example.org"}
    assert "You had not paid for this seat." in bodies["chitra@example.org"]
    assert "ticket" not in bodies["chitra@example.org"]
    assert "Your payment of ₹450.00 will be refunded." in bodies["asha@example.org"]
    assert "will be refunded" not in bodies["ben@example.org"]
    topic = next(topic for topic, _, subject, _ in fest.emails() if subject == "Cancelled: Robo Race")
    assert files(fest, topic)["robo-race.ics"]["STATUS"] == "CANCELLED"

    fest.send_refunds()
    fest.deliver()
    refunds = [email for email in fest.emails() if email[2].startswith("Refunded")]
    ((_, recipient, subject, body),) = refunds
    assert (recipient, subject) == ("asha@example.org", "Refunded: ₹450.00 for Robo Race")
    assert f"https://fest.example/orders/{order.ref}" in body
    assert {ticket.state for ticket in fest.database.read(tickets.tickets_of, asha.id)} == {"void"}


def test_cancelling_one_event_of_an_order_leaves_the_other_ticket_valid(fest: Fest) -> None:
    asha = fest.person()
    race, dance = fest.event("Robo Race", 45_000), fest.event("Dance Battle", 30_000)
    fest.buy(asha, race, dance)
    fest.deliver()
    fest.database.write(catalogue.cancel_event, race.slug)
    fest.deliver()
    fest.send_refunds()
    fest.deliver()
    states = {ticket.event_id: ticket.state for ticket in fest.database.read(tickets.tickets_of, asha.id)}
    assert states == {race.id: "void", dance.id: "valid"}
    assert [subject for subject in fest.subjects() if "Refunded" in subject] == [
        "Refunded: ₹450.00 for Robo Race"
    ]


def test_a_late_payment_is_refunded_with_an_email_and_without_a_ticket(fest: Fest) -> None:
    asha, ben = fest.person(), fest.person("ben")
    race = fest.event("Robo Race", 45_000, capacity=1)
    fest.hold(asha, race)
    order = fest.order(asha)
    fest.database.clock.move(HOLD_MINUTES * MINUTE + HOUR)
    fest.database.write(orders.expire_order, order.id)
    fest.buy(ben, race)
    fest.pay(order)
    fest.deliver()
    fest.send_refunds()
    fest.deliver()
    assert fest.database.read(tickets.tickets_of, asha.id) == []
    ((subject, body),) = [
        (subject, body) for _, recipient, subject, body in fest.emails() if recipient == "asha@example.org"
    ]
    assert subject == f"Refunded: ₹450.00 for order {order.ref}"
    assert "after your hold had ended" in body


def test_the_email_about_a_refund_names_the_currency_of_the_refund(fest: Fest) -> None:
    asha = fest.person()
    fest.hold(asha, fest.event("Robo Race", 45_000))
    order = fest.order(asha)
    fest.database.write(orders.mark_paid, order.id, "charge", Money(4_500, "USD"))
    fest.send_refunds()
    fest.deliver()
    ((subject, body),) = [
        (subject, body) for _, _, subject, body in fest.emails() if subject.startswith("Refunded")
    ]
    assert subject == f"Refunded: $45.00 for order {order.ref}"
    assert f"We have refunded $45.00, the whole of order {order.ref}." in body
    assert fest.database.read(outbox.count_waiting) == 0


def test_a_change_is_emailed_once_to_every_ticket_holder(fest: Fest) -> None:
    talk = fest.event("Open Talk")
    people = [fest.person(f"person-{number}") for number in range(EMAILS_AT_ONCE + 5)]
    for person in people:
        fest.hold(person, talk)
    fest.deliver()
    cancelled_ticket = fest.database.read(tickets.tickets_of, people[0].id)[0]
    fest.database.write(cancel_seat, people[0].id, cancelled_ticket.seat_id)
    fest.deliver()
    change(fest, talk, place="Gallery 7")
    fest.database.write(outbox.record, EventChanged(talk.id))
    late = fest.person("latecomer")
    fest.database.clock.move(MINUTE)
    fest.hold(late, talk)
    fest.deliver()
    changed = [
        (recipient, body) for _, recipient, subject, body in fest.emails() if subject == "Changed: Open Talk"
    ]
    assert sorted(recipient for recipient, _ in changed) == sorted(person.email for person in people[1:])
    assert all("Gallery 7\n" in body for _, body in changed)
    topic = next(topic for topic, _, subject, _ in fest.emails() if subject == "Changed: Open Talk")
    assert files(fest, topic)["open-talk.ics"]["LOCATION"] == "Gallery 7"


def body_about(fest: Fest, subject: str) -> str:
    (body,) = [body for _, _, other, body in fest.emails() if other == subject]
    return body


def test_the_email_about_a_change_has_each_old_and_new_value(fest: Fest) -> None:
    talk = fest.event("Open Talk", place="Gallery 2")
    fest.hold(fest.person(), talk)
    fest.deliver()
    moved = {"starts_at": talk.starts_at + HOUR, "ends_at": talk.ends_at + HOUR}
    change(fest, talk, title="Open Talks", place="Gallery 7", **moved)
    fest.deliver()
    day = Writing(FEST).when(talk.starts_at).rpartition(",")[0]
    changes = [
        "Title: Open Talks (before: Open Talk)",
        f"Start: {day}, {clock(11)} (before: {day}, {clock(10)})",
        f"End: {day}, {clock(13)} (before: {day}, {clock(12)})",
        "Place: Gallery 7 (before: Gallery 2)",
    ]
    body = body_about(fest, "Changed: Open Talks")
    assert "\n\n" + "\n".join(changes) + "\n\nIt is now:\n\nOpen Talks\n" in body


def clock(hour: int) -> str:
    """Return the full hour at the fest, as its locale writes it."""
    starts = datetime(2026, 3, 14, hour, tzinfo=FEST.zone)
    return Writing(FEST).time(milliseconds(starts))


def test_an_email_about_a_change_lists_only_what_is_different(fest: Fest) -> None:
    talk = fest.event("Open Talk", place="Gallery 2")
    fest.hold(fest.person(), talk)
    fest.deliver()
    change(fest, talk, place="Gallery 7")
    fest.deliver()
    body = body_about(fest, "Changed: Open Talk")
    assert "Place: Gallery 7 (before: Gallery 2)\n" in body
    assert body.count("(before:") == 1


def test_several_changes_before_the_email_are_one_change_for_attendees(fest: Fest) -> None:
    talk = fest.event("Open Talk", place="Gallery 2")
    fest.hold(fest.person(), talk)
    fest.deliver()
    change(fest, talk, place="Gallery 3")
    change(fest, talk, title="Open Talks")
    change(fest, talk, place="Gallery 7")
    fest.deliver()
    body = body_about(fest, "Changed: Open Talks")
    assert "Title: Open Talks (before: Open Talk)\nPlace: Gallery 7 (before: Gallery 2)\n" in body
    assert "Gallery 3" not in body


def test_a_change_that_is_undone_before_the_email_sends_none(fest: Fest) -> None:
    talk = fest.event("Open Talk", place="Gallery 2")
    fest.hold(fest.person(), talk)
    fest.deliver()
    change(fest, talk, place="Gallery 7")
    change(fest, talk, place="Gallery 2")
    fest.deliver()
    assert fest.subjects() == ["Your ticket: Open Talk"]
    assert fest.database.read(outbox.count_waiting) == 0


def test_holders_who_are_left_for_later_get_one_email_about_two_changes(fest: Fest) -> None:
    talk = fest.event("Open Talk", place="Gallery 2")
    people = [fest.person(f"person-{number}") for number in range(EMAILS_AT_ONCE + 1)]
    for person in people:
        fest.hold(person, talk)
    fest.deliver()
    change(fest, talk, place="Gallery 3")
    fest.database.run(fest.relay.deliver_due())  # to all but the last
    change(fest, talk, place="Gallery 7")
    fest.deliver()
    changes = [
        (recipient, body) for _, recipient, subject, body in fest.emails() if subject.startswith("Changed")
    ]
    assert len(changes) == 2 * EMAILS_AT_ONCE + 1
    (last,) = [body for recipient, body in changes if recipient == people[-1].email]
    assert "Place: Gallery 7 (before: Gallery 2)\n" in last


def test_a_change_that_an_older_version_recorded_is_emailed_without_its_old_values(fest: Fest) -> None:
    talk = fest.event("Open Talk")
    fest.hold(fest.person(), talk)
    fest.deliver()
    fest.database.clock.move(MINUTE)
    fest.database.write(outbox.record, EventChanged(talk.id))
    fest.deliver()
    body = body_about(fest, "Changed: Open Talk")
    assert "The organisers have changed the title, time or place of an event you have a ticket for.\n" in body
    assert "before" not in body


def test_a_second_change_is_emailed_and_a_new_description_is_not(fest: Fest) -> None:
    asha, talk = fest.person(), fest.event("Open Talk")
    fest.hold(asha, talk)
    fest.deliver()
    change(fest, talk, place="Gallery 7")
    fest.deliver()
    change(fest, talk, description="Now with slides.")
    fest.deliver()
    change(fest, talk, title="Open Talks")
    fest.deliver()
    assert fest.subjects() == ["Your ticket: Open Talk", "Changed: Open Talk", "Changed: Open Talks"]


def test_a_changed_and_then_cancelled_event_is_emailed_only_as_cancelled(fest: Fest) -> None:
    fest.hold(fest.person(), fest.event("Open Talk"))
    fest.deliver()
    change(fest, fest.database.read(catalogue.event_by_slug, "open-talk"), place="Gallery 7")
    fest.database.write(catalogue.cancel_event, "open-talk")
    fest.deliver()
    assert fest.subjects() == ["Your ticket: Open Talk", "Cancelled: Open Talk"]


def test_a_refund_whose_fact_arrives_first_is_emailed_once(fest: Fest) -> None:
    asha, race = fest.person(), fest.event("Robo Race", 45_000)
    order = fest.buy(asha, race)
    fest.database.write(catalogue.cancel_event, race.slug)
    fest.deliver()
    fest.send_refunds()
    fest.database.write(outbox.record, OrderRefunded(order.id))
    fest.deliver()
    assert fest.subjects().count("Refunded: ₹450.00 for Robo Race") == 1
    assert len([subject for subject in fest.subjects() if "Refunded" in subject]) == 1


@pytest.mark.parametrize("refusals", [0, 2])
def test_the_email_reaches_a_mail_server_once_even_if_it_is_refused_at_first(
    fest: Fest, mailbox: Mailbox, refusals: int
) -> None:
    server = {"smtp_host": mailbox.host, "smtp_port": mailbox.port, "smtp_security": "none"}
    settings = FEST.model_copy(update=server)
    postman = Postman(fest.database.real, transport_for(settings), settings)
    fest.hold(fest.person(), fest.event("Open Talk"))
    fest.deliver()
    (ticket,) = fest.database.read(tickets.tickets_of, 1)
    mailbox.refuse()
    for _ in range(refusals):
        fest.database.run(postman.send_due())
        state = fest.database.read(mail_of, ticket, None)
        assert state is not None
        assert (state.state, state.error) == ("queued", "451 4.3.0 Try again later")
        fest.database.clock.move(state.at - fest.database.clock())
    mailbox.accept()
    for _ in range(3):
        fest.database.run(postman.send_due())
    (email,) = mailbox.emails
    assert email.recipients == ("asha@example.org",)
    (file,) = email.message.iter_attachments()
    (event,) = icalendar.Calendar.from_ical(file.get_content()).walk("VEVENT")
    assert event["SUMMARY"] == "Open Talk"
    state = fest.database.read(mail_of, ticket, None)
    assert state is not None
    assert (state.state, state.at) == ("sent", fest.database.clock())
