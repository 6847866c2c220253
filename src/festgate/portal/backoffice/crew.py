"""The team of the fest: its people with their roles and events, and changes of both."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.roles import ASSIGNABLE, MEANINGS, PERMISSIONS, ROLE_NAMES, Role, may_grant
from festgate.kit.shown import Changed, facts
from festgate.kit.translation import gettext
from festgate.kit.visitors import COMMAND, Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event
from festgate.settings import Settings


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the team."""

    person: accounts.Person
    seen_at: Milliseconds | None
    events: tuple[Event, ...]
    """The assigned events; empty for roles that act everywhere."""

    @property
    def role_title(self) -> str:
        """The name of the role."""
        return title_of(self.person.role)

    @property
    def reach(self) -> str:
        """A few words about the events at which the person acts."""
        return reach_of(self.person.role, self.events)

    @property
    def shown(self) -> str:
        """The role and the events for the hidden field of a form."""
        return facts(self.person.role, *sorted(event.id for event in self.events))


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation in the list, with its events and its inviter."""

    invitation: accounts.Invitation
    events: tuple[Event, ...]
    invited_by: str
    is_expired: bool

    @property
    def reach(self) -> str:
        """A few words about the events at which the person would act."""
        return reach_of(self.invitation.role, self.events)


@dataclass(frozen=True, slots=True)
class RoleChange:
    """The effects of a change of a role or of events, which the page shows before it asks."""

    member: Member
    role: Role
    events: tuple[Event, ...]

    @property
    def role_title(self) -> str:
        """The name of the new role."""
        return title_of(self.role)

    @property
    def reach(self) -> str:
        """A few words about the events from now on; empty for a person that leaves the team."""
        return "" if self.role == "attendee" else reach_of(self.role, self.events)

    @property
    def gained(self) -> list[str]:
        """The sentences of the permissions that the person gets."""
        return _sentences(PERMISSIONS[self.role] - PERMISSIONS[self.member.person.role])

    @property
    def lost(self) -> list[str]:
        """The sentences of the permissions that the person loses."""
        return _sentences(PERMISSIONS[self.member.person.role] - PERMISSIONS[self.role])

    @property
    def signs_out(self) -> bool:
        """Return whether the person is signed out: only a change of the role does that."""
        return self.role != self.member.person.role


def title_of(role: Role) -> str:
    """Return the name of a role."""
    return gettext(ROLE_NAMES[role].title)


def reach_of(role: Role, events: Sequence[Event]) -> str:
    """Return a few words about the events at which a person with that role acts."""
    if role in ASSIGNABLE and events:
        return ", ".join(event.title for event in events)
    return gettext("No events yet") if role == "lead" else gettext("All events")


def grantable(own: Role) -> list[Role]:
    """Return the roles in the team that a person with the role `own` may give, the most powerful first."""
    return [role for role in reversed(list(ROLE_NAMES)) if role != "attendee" and may_grant(own, role)]


def list_crew(connection: Connection) -> tuple[list[Member], list[Invited]]:
    """Return the people of the team, the most powerful roles first, and the invitations that wait."""
    events = {event.id: event for event in catalogue.all_events(connection)}
    assigned = catalogue.assignments_by_person(connection)
    members = [
        Member(member.person, member.seen_at, _events_of(member.person, assigned, events))
        for member in accounts.crew(connection)
    ]
    invited = [
        Invited(
            invitation,
            tuple(events[number] for number in invitation.event_ids if number in events),
            _name_of(connection, invitation.invited_by),
            invitation.expires_at <= connection.now,
        )
        for invitation in accounts.list_invitations(connection)
    ]
    return members, invited


def find_member(connection: Connection, person_id: int) -> Member:
    """Return a person of the team. Raises NotFound."""
    for member in list_crew(connection)[0]:
        if member.person.id == person_id:
            return member
    raise NotFound(gettext("This person is not in the team any more."))


def choice_of_events(connection: Connection) -> list[Event]:
    """Return the events that can be assigned: all that are not cancelled, by their start."""
    return [event for event in catalogue.all_events(connection) if event.state != "cancelled"]


def invite(
    connection: Connection,
    actor: Actor,
    email: str,
    role: Role,
    event_ids: Collection[int],
    secret: bytes,
    settings: Settings,
) -> accounts.Invitation:
    """Invite somebody to the team. Raises Invalid, and what accounts' `invite` raises."""
    events = _read_events(connection, role, event_ids)
    pairs = [(event.id, event.title) for event in events]
    return accounts.invite(connection, actor, email, role, pairs, secret, settings)


def send_again(
    connection: Connection, actor: Actor, invitation_id: int, secret: bytes, settings: Settings
) -> accounts.Invitation:
    """Send an invitation again. Raises what accounts' `send_again` raises."""
    wanted = accounts.invitation_by_id(connection, invitation_id).event_ids
    titles = [event.title for event in catalogue.all_events(connection) if event.id in wanted]
    return accounts.send_again(connection, actor, invitation_id, titles, secret, settings)


def plan_change(
    connection: Connection, actor: Actor, person_id: int, role: Role, event_ids: Collection[int]
) -> RoleChange:
    """Return what the change would do. Raises NotFound, RoleTooHigh or Invalid."""
    member = find_member(connection, person_id)
    accounts.require_grant(connection, actor, member.person.role, role)
    return RoleChange(member, role, _read_events(connection, role, event_ids))


def change_member(
    connection: Connection,
    actor: Actor,
    person_id: int,
    role: Role,
    event_ids: Collection[int],
    shown: str | None = None,
) -> None:
    """Give a person of the team another role or other events; the role of an attendee takes them out of the team.

    `shown` is what the form showed; None for a program. Raises what `plan_change` raises, Changed or LastOwner.
    """
    change = plan_change(connection, actor, person_id, role, event_ids)
    if shown is not None and shown != change.member.shown:
        raise Changed
    person = change.member.person
    if role != person.role:
        _give_role(connection, actor, person, role)
    if change.events != change.member.events:
        catalogue.assign_events(connection, person.id, [event.id for event in change.events])
        titles = ", ".join(event.title for event in change.events)
        about: dict[str, str | int] = {audit.PERSON: person.id, "events": titles}
        audit.record(connection, actor, "role.changed", "", event_id=None, **about)


def set_role(connection: Connection, name: str, role: Role, actor: Actor = COMMAND) -> accounts.Person:
    """Give the account with that username or email address a role, and sign it out everywhere.

    `actor` is for the audit log. Raises NotFound or LastOwner.
    """
    return _give_role(connection, actor, accounts.person_by_name(connection, name), role)


def _give_role(connection: Connection, actor: Actor, person: accounts.Person, role: Role) -> accounts.Person:
    """Give the person another role, and end what they can not have with it: invitations, and assigned events."""
    changed = accounts.change_role(connection, person, role, actor)
    accounts.withdraw_ungranted(connection, actor, person.id, role)
    if role not in ASSIGNABLE:
        catalogue.assign_events(connection, person.id, ())
    return changed


def _events_of(
    person: accounts.Person, assigned: dict[int, frozenset[int]], events: dict[int, Event]
) -> tuple[Event, ...]:
    if person.role not in ASSIGNABLE:
        return ()
    own = assigned.get(person.id, frozenset())
    return tuple(event for number, event in events.items() if number in own)


def _read_events(connection: Connection, role: Role, event_ids: Collection[int]) -> tuple[Event, ...]:
    """Return the events that the role can be given for, in the order of the list. Raises Invalid."""
    if role not in ASSIGNABLE:
        return ()
    events = tuple(event for event in catalogue.all_events(connection) if event.id in event_ids)
    if role == "lead" and not events:
        raise Invalid({"events": gettext("Choose at least one event. A lead sees no others.")})
    return events


def _name_of(connection: Connection, person_id: int | None) -> str:
    return "" if person_id is None else accounts.person_by_id(connection, person_id).shown_name


def _sentences(permissions: Collection[str]) -> list[str]:
    return [gettext(meaning) for permission, meaning in MEANINGS.items() if permission in permissions]
