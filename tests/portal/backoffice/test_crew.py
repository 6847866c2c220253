"""The team: invitations, roles that each role may give, and the last owner."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import select

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Invalid, NotFound, TooMany
from festgate.kit.messaging import mail, mail_erasure
from festgate.kit.roles import Role
from festgate.kit.shown import Changed
from festgate.kit.visitors import Actor, Visitor
from festgate.portal.accounts import facade as accounts
from festgate.portal.accounts import invitations
from festgate.portal.accounts.checks import check_owner
from festgate.portal.accounts.invitations import InvitedOther, join, join_as_newcomer
from festgate.portal.accounts.people import LastOwner, Newcomer, add_person, change_role
from festgate.portal.accounts.queries import Person, person_by_id
from festgate.portal.accounts.tables import invitations as table
from festgate.portal.audit.facade import Filters, find_entries
from festgate.portal.audit.tables import entries
from festgate.portal.backoffice import crew
from festgate.portal.backoffice.ticket_pages import read_tickets
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.errors import EventAssigned
from festgate.portal.door.admissions import admit
from festgate.portal.door.errors import OtherEvent
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.cancellations import cancel_as_organiser
from festgate.portal.tickets.facade import is_used, tickets_of
from tests.portal.tickets.fest import FEST, SECRET, Fest
from tests.rig.database import OpenDatabase

BASE = "https://fest.example/invitation?token="
_links = Statement(select(mail.messages.c.attachments).order_by(mail.messages.c.id))
_log = Statement(select(entries.c.action, entries.c.subject, entries.c.origin).order_by(entries.c.id))
_hashes = Statement(select(table.c.token_hash))


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    return Fest(database)


def member(fest: Fest, name: str, role: Role) -> Person:
    newcomer = Newcomer(name, f"{name}@example.org", role)
    return fest.database.write(add_person, newcomer, "no password", confirmed=True)


def acting(person: Person) -> Actor:
    return Actor(person.id, "session", "192.0.2.1")


def invite(fest: Fest, by: Person, email: str, role: Role, *events: catalogue.Event) -> accounts.Invitation:
    ids = [event.id for event in events]
    return fest.database.write(crew.invite, acting(by), email, role, ids, SECRET, FEST)


def last_token(fest: Fest) -> str:
    """Return the token of the link in the newest email."""
    link = last_link(fest)
    assert link is not None
    return link.removeprefix(BASE)


def last_link(fest: Fest) -> str | None:
    def make(connection: Connection) -> str | None:
        (link,) = json.loads(connection.all(_links)[-1][0])
        (nonce,) = link["arguments"]
        return invitations.make_link(connection, str(nonce), secret=SECRET, base_url=FEST.base_url)

    return fest.database.read(make)


def accept(fest: Fest, person: Person, token: str) -> accounts.Invitation:
    return fest.database.write(join, token, person.id, "192.0.2.9", catalogue.assign_invited)


def log_of(fest: Fest) -> list[tuple[str, str]]:
    return [(action, subject) for action, subject, _ in fest.database.read(lambda c: c.all(_log))]


def test_an_invited_attendee_joins_with_the_role_and_the_events_once(fest: Fest) -> None:
    owner, asha = member(fest, "meena", "owner"), fest.person("asha")
    race, quiz = fest.event("Robo Race"), fest.event("Quiz")
    assert not asha.is_confirmed
    invite(fest, owner, "ASHA@example.org", "lead", race)
    token = last_token(fest)
    (stored,) = fest.database.read(lambda c: c.all(_hashes))
    assert token not in stored[0]
    accept(fest, asha, token)
    joined = fest.database.read(person_by_id, asha.id)
    assert (joined.role, joined.is_confirmed) == ("lead", True)
    assert fest.database.read(catalogue.assigned_events, asha.id) == {race.id}
    assert quiz.id not in fest.database.read(catalogue.assigned_events, asha.id)
    with pytest.raises(accounts.InvitationOver):
        accept(fest, asha, token)
    assert log_of(fest) == [
        ("team.invited", "A…@example.org"),
        ("role.changed", ""),
        ("team.joined", ""),
    ]


def test_the_log_has_no_whole_address_and_no_username(fest: Fest) -> None:
    owner, asha = member(fest, "meena", "owner"), fest.person("asha")
    invitation = invite(fest, owner, "sen.gupta@example.org", "organiser")
    fest.database.write(crew.send_again, acting(owner), invitation.id, SECRET, FEST)
    fest.database.write(accounts.withdraw, acting(owner), invitation.id)
    invite(fest, owner, asha.email, "organiser")
    accept(fest, asha, last_token(fest))
    log, _ = fest.database.report(find_entries, Filters(), 50)
    written = " ".join(f"{entry.subject} {entry.details}" for entry in log)
    assert "s…@example.org" in written
    assert not [name for name in ("sen", "gupta", "asha", "meena") if name in written]


def test_of_two_clicks_at_once_one_joins(fest: Fest) -> None:
    owner, asha = member(fest, "meena", "owner"), fest.person("asha")
    invite(fest, owner, asha.email, "organiser")
    token = last_token(fest)

    def click(connection: Connection) -> object:
        return join(connection, token, asha.id, "192.0.2.9", catalogue.assign_invited)

    results = fest.database.write_together(click, click)
    assert sorted(isinstance(result, Exception) for result in results) == [False, True]


def test_somebody_without_an_account_makes_one_with_the_invited_address(fest: Fest) -> None:
    owner = member(fest, "meena", "owner")
    invite(fest, owner, "new@example.org", "treasurer")
    newcomer = Newcomer("newt", "somebody-else@example.org", "owner", "Newt")
    session = fest.database.write(
        join_as_newcomer, newcomer, "no hash", last_token(fest), "192.0.2.9", catalogue.assign_invited
    )
    person = fest.database.read(person_by_id, session.person)
    assert (person.email, person.role, person.is_confirmed) == ("new@example.org", "treasurer", True)


def test_an_invitation_is_bound_to_its_address(fest: Fest) -> None:
    owner, ravi = member(fest, "meena", "owner"), fest.person("ravi")
    invite(fest, owner, "asha@example.org", "organiser")
    with pytest.raises(InvitedOther):
        accept(fest, ravi, last_token(fest))
    assert fest.database.read(person_by_id, ravi.id).role == "attendee"


@pytest.mark.parametrize(
    "end", ["expires", "is withdrawn", "is sent again", "sender is demoted", "sender leaves"]
)
def test_a_link_ends_when_the_invitation(fest: Fest, end: str) -> None:
    owner, sender, asha = (
        member(fest, "meena", "owner"),
        member(fest, "ravi", "organiser"),
        fest.person("asha"),
    )
    invitation = invite(fest, sender, asha.email, "organiser")
    token = last_token(fest)
    if end == "expires":
        fest.database.clock.move(7 * DAY)
    elif end == "is withdrawn":
        fest.database.write(accounts.withdraw, acting(owner), invitation.id)
    elif end == "is sent again":
        fest.database.write(crew.send_again, acting(owner), invitation.id, SECRET, FEST)
    elif end == "sender is demoted":
        fest.database.write(crew.set_role, "ravi", "lead")
    else:
        fest.database.write(crew.change_member, acting(owner), sender.id, "attendee", ())
    with pytest.raises(accounts.InvitationOver):
        accept(fest, asha, token)
    if end == "is sent again":
        accept(fest, asha, last_token(fest))


def test_the_same_invitation_twice_sends_one_email_and_another_role_is_refused(fest: Fest) -> None:
    owner = member(fest, "meena", "owner")
    first = invite(fest, owner, "asha@example.org", "treasurer")
    assert invite(fest, owner, "Asha@Example.org", "treasurer") == first
    assert len(fest.database.read(lambda c: c.all(_links))) == 1
    with pytest.raises(accounts.AlreadyInvited):
        invite(fest, owner, "asha@example.org", "organiser")
    member(fest, "ravi", "staff")
    with pytest.raises(accounts.AlreadyInTeam):
        invite(fest, owner, "ravi@example.org", "organiser")


def test_one_mailbox_gets_three_invitations_a_day(fest: Fest) -> None:
    owner = member(fest, "meena", "owner")
    number = invite(fest, owner, "asha@example.org", "treasurer").id
    for _ in range(2):
        fest.database.write(crew.send_again, acting(owner), number, SECRET, FEST)
    with pytest.raises(TooMany):
        fest.database.write(crew.send_again, acting(owner), number, SECRET, FEST)
    with pytest.raises(TooMany):
        invite(fest, owner, "asha+other@example.org", "treasurer")


def test_nobody_gives_or_takes_more_than_their_own_role(fest: Fest) -> None:
    owner, organiser = member(fest, "meena", "owner"), member(fest, "ravi", "organiser")
    treasurer = member(fest, "tara", "treasurer")
    with pytest.raises(accounts.RoleTooHigh):
        invite(fest, organiser, "asha@example.org", "owner")
    changes: list[tuple[Person, Role]] = [
        (owner, "organiser"),
        (treasurer, "owner"),
        (organiser, "owner"),
    ]
    for changed, role in changes:
        with pytest.raises(accounts.RoleTooHigh):
            fest.database.write(crew.change_member, acting(organiser), changed.id, role, ())
    with pytest.raises(accounts.RoleTooHigh):
        invite(fest, treasurer, "asha@example.org", "staff")
    fest.database.write(crew.change_member, acting(organiser), treasurer.id, "attendee", ())
    assert fest.database.read(person_by_id, treasurer.id).role == "attendee"
    with pytest.raises(NotFound):
        fest.database.write(crew.change_member, acting(owner), treasurer.id, "organiser", ())


def test_the_last_owner_stays_and_of_two_at_once_one_stays(fest: Fest) -> None:
    owner = member(fest, "meena", "owner")
    with pytest.raises(LastOwner):
        fest.database.write(crew.change_member, acting(owner), owner.id, "organiser", ())
    with pytest.raises(LastOwner):
        fest.database.write(crew.set_role, "meena", "attendee")
    other = member(fest, "ravi", "owner")

    def demote(person: Person) -> Callable[[Connection], object]:
        return lambda connection: change_role(connection, person, "organiser", acting(person))

    results = fest.database.write_together(demote(owner), demote(other))
    assert sorted(isinstance(result, LastOwner) for result in results) == [False, True]
    assert fest.database.read(check_owner) == []


def test_a_fest_with_organisers_and_no_owner_is_reported(fest: Fest) -> None:
    assert fest.database.read(check_owner) == []
    member(fest, "ravi", "organiser")
    (finding,) = fest.database.read(check_owner)
    assert "festgate user role USERNAME owner" in finding.what


def test_a_change_says_what_it_does_and_a_changed_member_is_shown_again(fest: Fest) -> None:
    owner, ravi = member(fest, "meena", "owner"), member(fest, "ravi", "organiser")
    race = fest.event("Robo Race")
    plan = fest.database.read(crew.plan_change, acting(owner), ravi.id, "lead", [race.id])
    assert (plan.role_title, plan.reach, plan.gained, plan.signs_out) == ("Event lead", "Robo Race", [], True)
    assert "Read the audit log." in plan.lost
    shown = plan.member.shown
    fest.database.write(crew.change_member, acting(owner), ravi.id, "lead", [race.id], shown)
    with pytest.raises(Changed):
        fest.database.write(crew.change_member, acting(owner), ravi.id, "treasurer", (), shown)
    with pytest.raises(Invalid):
        fest.database.write(crew.change_member, acting(owner), ravi.id, "lead", ())
    fest.database.write(crew.change_member, acting(owner), ravi.id, "treasurer", ())
    assert fest.database.read(catalogue.assigned_events, ravi.id) == frozenset()


def test_a_lead_that_the_command_or_the_page_demotes_has_no_events_when_they_lead_again(fest: Fest) -> None:
    owner, event = member(fest, "asha", "owner"), fest.event("Robo Race")
    by_page, by_command = member(fest, "meena", "organiser"), member(fest, "ravi", "organiser")
    for person in (by_page, by_command):
        invite(fest, person, f"friend-of-{person.username}@example.org", "lead", event)
        fest.database.write(crew.change_member, acting(owner), person.id, "lead", [event.id])
    fest.database.write(crew.change_member, acting(owner), by_page.id, "attendee", [])
    fest.database.write(crew.set_role, "ravi", "treasurer")
    for person in (by_page, by_command):
        assert fest.database.read(catalogue.assigned_events, person.id) == frozenset()
        fest.database.write(crew.set_role, person.username, "lead")
        assert fest.database.read(catalogue.reachable_events, person.id, "lead") == frozenset()
    assert fest.database.read(accounts.list_invitations) == []  # which they could not send any more
    fest.database.write(crew.change_member, acting(owner), by_command.id, "lead", [event.id])
    fest.database.write(crew.set_role, "ravi", "staff")
    assert fest.database.read(catalogue.assigned_events, by_command.id) == {event.id}


def test_the_only_event_of_somebody_at_the_door_cannot_be_deleted(fest: Fest) -> None:
    owner, staff = member(fest, "meena", "owner"), member(fest, "sam", "staff")
    race = fest.event("Robo Race")
    draft = fest.database.write(catalogue.create_event, catalogue.details_of(race))
    fest.database.write(crew.change_member, acting(owner), staff.id, "staff", [draft.id])
    with pytest.raises(EventAssigned):
        fest.database.write(catalogue.cancel_event, draft.slug)
    fest.database.write(crew.change_member, acting(owner), staff.id, "staff", [draft.id, race.id])
    fest.database.write(catalogue.cancel_event, draft.slug)
    assert fest.database.read(catalogue.assigned_events, staff.id) == {race.id}


def test_an_account_that_is_deleted_leaves_no_invitation(fest: Fest) -> None:
    owner, asha = member(fest, "meena", "owner"), fest.person("asha")
    invite(fest, owner, asha.email, "treasurer")
    stored = fest.database.report(mail_erasure.find_emails_to, asha.email)
    fest.database.write(accounts.delete_account, asha.id, (), stored)
    assert fest.database.read(accounts.list_invitations) == []


def visitor(person: Person) -> Visitor:
    return Visitor(person.id, person.username, person.email, person.role, is_confirmed=True)


def test_a_lead_cancels_registrations_of_assigned_events_only(fest: Fest) -> None:
    lead, asha = member(fest, "lea", "lead"), fest.person("asha")
    race, quiz = fest.event("Robo Race"), fest.event("Quiz")
    fest.database.write(catalogue.assign_events, lead.id, [race.id])
    seats = [fest.hold(asha, event) for event in (race, quiz)]
    fest.database.write(cancel_as_organiser, visitor(lead), seats[0], is_used)
    with pytest.raises(NotFound):
        fest.database.write(cancel_as_organiser, visitor(lead), seats[1], is_used)
    states = [fest.database.read(registrations.seat, seat).state for seat in seats]
    assert states == ["cancelled", "confirmed"]


def test_staff_with_assigned_events_check_people_in_at_these_only(fest: Fest) -> None:
    staff, asha = member(fest, "sam", "staff"), fest.person("asha")
    race, quiz = fest.event("Robo Race"), fest.event("Quiz")
    for event in (race, quiz):
        fest.hold(asha, event)
    fest.deliver()
    codes = {ticket.event_id: ticket.code for ticket in fest.database.read(tickets_of, asha.id)}
    fest.database.write(catalogue.assign_events, staff.id, [race.id])
    assert fest.database.write(admit, codes[race.id], visitor(staff), race.slug).event_id == race.id
    with pytest.raises(NotFound):
        fest.database.write(admit, codes[quiz.id], visitor(staff), quiz.slug)
    for slug in (None, race.slug):
        with pytest.raises(OtherEvent):
            fest.database.write(admit, codes[quiz.id], visitor(staff), slug)
    fest.database.write(catalogue.assign_events, staff.id, ())
    assert fest.database.write(admit, codes[quiz.id], visitor(staff), None).event_id == quiz.id


def test_a_lead_chooses_only_assigned_events_and_known_quotas_for_a_ticket(fest: Fest) -> None:
    lead = member(fest, "lea", "lead")
    race, quiz, talk = (fest.event(title) for title in ("Robo Race", "Quiz", "Talk"))
    fest.database.write(catalogue.assign_events, lead.id, [race.id, quiz.id])
    fest.database.write(catalogue.create_quota, "Beds", 10)
    shown = fest.database.read(read_tickets, race.slug, visitor(lead))
    assert [event.title for event in shown.events] == ["Quiz"]
    assert shown.quotas == ()
    ticked = {f"admits-{talk.id}": "on", f"admits-{quiz.id}": "on", "quota-1": "on"}
    assert shown.chosen(None, ticked) == (set(), {quiz.id})
