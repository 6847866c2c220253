"""Emails about a seat carry invitations, by which the attendee's calendar gets the event, follows it and loses it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import icalendar
import pytest

from festgate.kit.clock import HOUR, MINUTE
from festgate.kit.messaging.mail import Postman
from festgate.kit.messaging.transports import transport_for
from festgate.portal.accounts.facade import Person
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.cancellations import cancel_seat
from tests.portal.tickets.fest import FEST, Fest
from tests.portal.tickets.test_emails import change
from tests.rig.smtp import Email, Mailbox


@dataclass(frozen=True)
class Invitation:
    """An invitation as it arrived."""

    method: str
    event: Any

    @property
    def sequence(self) -> int:
        return int(self.event["SEQUENCE"])


@pytest.fixture
def post(fest: Fest, mailbox: Mailbox) -> Callable[[], list[Email]]:
    """Return a function that does all waiting work, and returns the emails that have arrived since its last call."""
    server = {"smtp_host": mailbox.host, "smtp_port": mailbox.port, "smtp_security": "none"}
    settings = FEST.model_copy(update=server)
    postman = Postman(fest.database.real, transport_for(settings), settings)
    known: list[Email] = []

    def deliver() -> list[Email]:
        fest.database.clock.move(MINUTE)
        fest.deliver()
        while fest.database.run(postman.send_due()):
            pass
        arrived = mailbox.emails[len(known) :]
        known.extend(arrived)
        return arrived

    return deliver


def read(part: Any) -> Invitation:  # noqa: ANN401  (a part of an email has many types)
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    whole: Any = icalendar.Calendar.from_ical(content.decode())
    (event,) = whole.walk("VEVENT")
    return Invitation(str(whole["METHOD"]), event)


def invitation(emails: list[Email]) -> Invitation:
    """Return the invitation of the only email: an alternative to its text, and attached for programs without them."""
    (email,) = emails
    message = email.message
    assert message.get_content_type() == "multipart/mixed"
    body, file = message.iter_parts()
    assert body.get_content_type() == "multipart/alternative"
    text, calendar = body.iter_parts()
    assert (text.get_content_type(), calendar.get_content_type()) == ("text/plain", "text/calendar")
    assert not calendar.is_attachment()
    assert (file.get_content_type(), file.is_attachment()) == ("application/ics", True)
    assert file.get_payload(decode=True) == calendar.get_payload(decode=True)
    arrived = read(calendar)
    assert calendar["Content-Type"].params == {"charset": "utf-8", "method": arrived.method}
    (recipient,) = email.recipients
    assert arrived.event["ATTENDEE"] == f"mailto:{recipient}"
    assert arrived.event["ORGANIZER"] == f"mailto:{message['From'].addresses[0].addr_spec}"
    return arrived


def test_an_entry_is_added_moved_and_removed_with_its_event(
    fest: Fest, post: Callable[[], list[Email]]
) -> None:
    talk = fest.event("Open Talk")
    fest.hold(fest.person(), talk)
    added = invitation(post())
    change(fest, talk, starts_at=talk.starts_at + HOUR, ends_at=talk.ends_at + HOUR)
    moved = invitation(post())
    fest.database.write(catalogue.cancel_event, talk.slug)
    removed = invitation(post())
    steps = [added, moved, removed]
    assert [step.method for step in steps] == ["REQUEST", "REQUEST", "CANCEL"]
    assert {str(step.event["UID"]) for step in steps} == {talk.uid}
    assert added.sequence < moved.sequence < removed.sequence
    assert added.event["DTSTAMP"].dt < moved.event["DTSTAMP"].dt < removed.event["DTSTAMP"].dt
    starts = [step.event["DTSTART"].dt.timestamp() * 1000 for step in steps]
    assert starts == [talk.starts_at, talk.starts_at + HOUR, talk.starts_at + HOUR]
    assert removed.event["STATUS"] == "CANCELLED"
    assert added.event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    assert added.event["ATTENDEE"].params["RSVP"] == "FALSE"


def test_a_registration_that_ends_removes_the_entry_of_that_attendee_alone(
    fest: Fest, post: Callable[[], list[Email]]
) -> None:
    asha, talk = fest.person(), fest.event("Open Talk")
    seat = fest.hold(asha, talk)
    added = invitation(post())
    fest.hold(fest.person("ben"), talk)
    post()
    fest.database.write(cancel_seat, asha.id, seat)
    removed = invitation(post())
    assert (removed.method, removed.event["UID"]) == ("CANCEL", talk.uid)
    assert removed.sequence > added.sequence
    assert "STATUS" not in removed.event


def test_a_second_registration_is_newer_than_the_end_of_the_first(
    fest: Fest, post: Callable[[], list[Email]]
) -> None:
    asha, talk = fest.person(), fest.event("Open Talk")
    steps = []
    for _ in range(2):
        seat = fest.hold(asha, talk)
        steps.append(invitation(post()))
        fest.database.write(cancel_seat, asha.id, seat)
        steps.append(invitation(post()))
    fest.hold(asha, talk)
    steps.append(invitation(post()))
    change(fest, talk, place="Gallery 7")
    steps.append(invitation(post()))
    sequences = [step.sequence for step in steps]
    assert sequences == sorted(set(sequences))
    assert [step.method for step in steps] == ["REQUEST", "CANCEL"] * 2 + ["REQUEST"] * 2


def test_an_order_of_several_tickets_has_one_attached_invitation_for_each(
    fest: Fest, post: Callable[[], list[Email]]
) -> None:
    asha = fest.person()
    race, dance = fest.event("Robo Race", 45_000), fest.event("Dance Battle", 30_000)
    fest.buy(asha, race, dance)
    (email,) = post()
    text, *files = email.message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert [file.get_filename() for file in files] == ["robo-race.ics", "dance-battle.ics"]
    for file, event in zip(files, (race, dance), strict=True):
        assert file["Content-Type"].params["method"] == "REQUEST"
        assert read(file).event["UID"] == event.uid


def test_the_invitation_of_one_attendee_does_not_name_another(
    fest: Fest, post: Callable[[], list[Email]]
) -> None:
    talk = fest.event("Open Talk")
    people: list[Person] = [fest.person(name) for name in ("asha", "ben", "chitra")]
    for person in people:
        fest.hold(person, talk)
    emails = post()
    change(fest, talk, place="Gallery 7")
    emails += post()
    fest.database.write(catalogue.cancel_event, talk.slug)
    emails += post()
    assert len(emails) == 9
    for email in emails:
        (recipient,) = email.recipients
        event = invitation([email]).event
        assert event["ATTENDEE"] == f"mailto:{recipient}"
        others = {person.email for person in people} - {recipient}
        assert not any(other in event.to_ical().decode() for other in others)


def test_a_cancelled_hold_removes_nothing_because_it_had_no_invitation(
    fest: Fest, post: Callable[[], list[Email]]
) -> None:
    race = fest.event("Robo Race", 45_000)
    fest.hold(fest.person(), race)
    fest.database.write(catalogue.cancel_event, race.slug)
    (email,) = post()
    assert email.message["Subject"] == "Cancelled: Robo Race"
    assert email.message.get_content_type() == "text/plain"
