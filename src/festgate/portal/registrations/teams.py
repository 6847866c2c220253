"""Operations on teams: members join and leave, and captains rename, invite and cancel.

A captain takes all seats of a team together (holds.py) and occupies the first. A place is taken by a conditional
update, so two people that join at the same time never get the same one. With a new member the seat's ticket gets
another code in the same transaction, so that the code of the former one does not open the door.
"""

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import bindparam, update

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation
from festgate.kit.errors import NotFound, TooMany
from festgate.kit.messaging import mail, outbox
from festgate.kit.shown import Changed
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.registrations import queries, team_queries, team_rows
from festgate.portal.registrations.cancellations import release_seat
from festgate.portal.registrations.endings import HOLDER, ORGANISER
from festgate.portal.registrations.errors import (
    CaptainStays,
    MemberIn,
    SeatInOrder,
    SeatPaid,
    SeatUsed,
    TeamFixed,
    TeamFull,
)
from festgate.portal.registrations.facts import MemberJoined, tickets_of
from festgate.portal.registrations.files import delete_answers_about
from festgate.portal.registrations.holders import search_text
from festgate.portal.registrations.queries import IsUsed
from festgate.portal.registrations.tables import seats, teams
from festgate.portal.registrations.team_queries import Place, Team
from festgate.settings import Settings

ReplaceCode: TypeAlias = Callable[[Connection, int], bool]
"""An operation of a module above: give the ticket of that seat another code; False if its holder was checked in."""
INVITATIONS_PER_PLACE = 3
"""Emails with the link that a captain can send, for each place of the team."""

_ONE = teams.c.id == bindparam("team")
_occupy = Statement(
    update(seats)
    .where(
        seats.c.id == bindparam("seat"),
        seats.c.team_id == bindparam("team"),
        seats.c.state == "confirmed",
        seats.c.member_id.is_(None),
    )
    .values(
        member_id=bindparam("member"),
        attendee_name=bindparam("new_name"),
        attendee_email=bindparam("new_email"),
        attendee_search=bindparam("new_search"),
        changed_at=bindparam("now"),
    )
)
_vacate = Statement(
    update(seats)
    .where(
        seats.c.id == bindparam("seat"),
        seats.c.state == "confirmed",
        seats.c.member_id == bindparam("member"),
    )
    .values(
        member_id=None, attendee_name="", attendee_email="", attendee_search="", changed_at=bindparam("now")
    )
)
_forget_names = Statement(
    update(seats)
    .where(seats.c.member_id == bindparam("member"), seats.c.attendee_name != "")
    .values(attendee_name="", attendee_email="", attendee_search="")
)
_rename = Statement(
    update(teams).where(_ONE).values(name=bindparam("new_name"), name_key=bindparam("new_key"))
)
_renew = Statement(update(teams).where(_ONE).values(token=bindparam("new_token")))
_count_invitation = Statement(update(teams).where(_ONE).values(invited=teams.c.invited + 1))
_invite = Statement(
    update(teams)
    .where(_ONE, teams.c.invited < teams.c.size * INVITATIONS_PER_PLACE)
    .values(invited=teams.c.invited + 1)
)


def join_team(connection: Connection, person_id: int, token: str, replace_code: ReplaceCode) -> int:
    """Give the person a free place of the team with that link, and return the team's id. Idempotent.

    Raises NotFound, TeamFixed, AlreadyInTeam or TeamFull.
    """
    team = team_queries.team_by_token(connection, token)
    if team.place_of(person_id) is not None:
        return team.id
    _check_open(connection, team)
    team_rows.refuse_member(connection, team.event_id, person_id)
    place = next(
        # A place whose ticket was used at the door is not free.
        (place for place in team.places if place.is_free and replace_code(connection, place.seat_id)),
        None,
    )
    if place is None:
        raise TeamFull
    name, email = team_rows.shown_attendee(connection, person_id)
    try:
        has_place = connection.run(
            _occupy,
            seat=place.seat_id,
            team=team.id,
            member=person_id,
            new_name=name,
            new_email=email,
            new_search=search_text(name, email),
            now=connection.now,
        )
    except UniqueViolation:
        raise TryAgain from None  # the person has just joined in another process
    if not has_place:
        raise TryAgain  # another person has just taken the place
    outbox.record(connection, MemberJoined(place.seat_id, person_id, connection.now))
    _announce(connection, team, person_id)
    return team.id


def leave_team(connection: Connection, person_id: int, team_id: int, replace_code: ReplaceCode) -> None:
    """Free the place of a member, as that member. Raises NotFound, CaptainStays, TeamFixed or MemberIn."""
    team = team_queries.team_by_id(connection, team_id)
    place = team.place_of(person_id)
    if place is None:
        raise NotFound
    if person_id == team.captain_id:
        raise CaptainStays
    _check_open(connection, team)
    _vacate_place(connection, team, place, replace_code)


def remove_member(
    connection: Connection, captain_id: int, team_id: int, seat_id: int, replace_code: ReplaceCode
) -> None:
    """Free the place of a member, as the captain. A place that is free already stays so.

    Raises NotFound, CaptainStays, TeamFixed or MemberIn.
    """
    team = team_of_captain(connection, captain_id, team_id)
    place = next((place for place in team.places if place.seat_id == seat_id), None)
    if place is None:
        raise NotFound
    if place.member_id == team.captain_id:
        raise CaptainStays
    _check_open(connection, team)
    if not place.is_free:
        _vacate_place(connection, team, place, replace_code)


def rename_team(
    connection: Connection, person_id: int, team_id: int, name: str, *, organises: bool = False
) -> None:
    """Rename the team, as its captain while its members can change, or as an organiser.

    Raises NotFound, TeamFixed, TeamNameTaken, or ValueError with a sentence.
    """
    if organises:
        team = team_queries.team_by_id(connection, team_id)
    else:
        team = team_of_captain(connection, person_id, team_id)
        _check_open(connection, team)
    fresh = team_rows.read_name(name)
    key = team_rows.name_key(fresh)
    team_rows.refuse_name(connection, team.event_id, key, team.id)
    try:
        connection.run(_rename, team=team.id, new_name=fresh, new_key=key)
    except UniqueViolation:
        raise TryAgain from None
    _announce(connection, team)


def renew_link(connection: Connection, captain_id: int, team_id: int) -> None:
    """Give the team another link, so that nobody joins with the old one. Raises NotFound or TeamFixed."""
    team = team_of_captain(connection, captain_id, team_id)
    _check_open(connection, team)
    connection.run(_renew, team=team.id, new_token=team_rows.new_token())


def replace_member(
    connection: Connection,
    team_id: int,
    seat_id: int,
    recipient: str,
    seen: str,
    replace_code: ReplaceCode,
    settings: Settings,
    key: str = "",
) -> str:
    """Free a place, and email the link to join to the person that shall have it, as an organiser.

    Return the name of the former member; empty for a place that was free. `seen` is the member that the organiser was
    shown; `key` is the key of a call, for `invited_with`. Raises NotFound, CaptainStays, TeamFixed, MemberIn or
    Changed.
    """
    team = team_queries.team_by_id(connection, team_id)
    place = place_to_change(connection, team, seat_id)
    if seen != str(place.member_id):
        raise Changed
    if not place.is_free:
        _vacate_place(connection, team, place, replace_code)
    connection.run(_count_invitation, team=team.id)
    _post_invitation(
        connection,
        team,
        recipient,
        settings,
        _topic(team.id, f"{seat_id}:{key}" if key else str(team.invited)),
    )
    return place.name


def invited_with(connection: Connection, team_id: int, seat_id: int, key: str) -> str | None:
    """Return the address that a call with this key invited to the place; empty once it is erased, None for no call."""
    state = mail.find_state(connection, _topic(team_id, f"{seat_id}:{key}"))
    return None if state is None else state.recipient


def place_to_change(connection: Connection, team: Team, seat_id: int) -> Place:
    """Return a place whose member an organiser can change now. Raises NotFound, CaptainStays or TeamFixed."""
    place = next((place for place in team.places if place.seat_id == seat_id), None)
    if place is None:
        raise NotFound
    if place.member_id == team.captain_id:
        raise CaptainStays(
            gettext(
                "The captain has bought the team's places, and keeps one. Exchange or cancel the whole team."
            )
        )
    if team.state_at(connection.now) == "fixed":
        raise TeamFixed(
            gettext(
                "It is too late to change the members of this team. Set a later time in its ticket type, and try again."
            )
        )
    _check_open(connection, team)
    return place


def invite_member(
    connection: Connection, captain_id: int, team_id: int, recipient: str, settings: Settings
) -> None:
    """Email the link to join to somebody. Raises NotFound, TeamFixed, TeamFull, TooMany or AddressNotConfirmed."""
    team = team_of_captain(connection, captain_id, team_id)
    _check_open(connection, team)
    if not team.free:
        raise TeamFull
    if settings.confirms_email:
        accounts.require_confirmed(connection, captain_id)
    if not connection.run(_invite, team=team.id):
        raise TooMany(
            gettext("You have sent all invitations of this team. Send the link yourself."), DAY // 1000
        )
    _post_invitation(connection, team, recipient, settings, _topic(team.id, str(team.invited)))


def cancel_team(
    connection: Connection, person_id: int, team_id: int, is_used: IsUsed, *, organises: bool = False
) -> Team:
    """End all seats of a team that are not paid, as its captain or as an organiser; return it as it was. Idempotent.

    Raises NotFound, SeatPaid, SeatInOrder, or SeatUsed if a member was checked in.
    """
    team = (
        team_queries.team_by_id(connection, team_id)
        if organises
        else team_of_captain(connection, person_id, team_id)
    )
    locked = [
        seat
        for place in team.places
        if (seat := queries.lock_seat(connection, place.seat_id)) is not None
        and seat.state in ("held", "confirmed")
    ]
    check_cancel(connection, locked, is_used)
    for seat in locked:
        release_seat(connection, seat, ORGANISER if organises else HOLDER)
    _announce(connection, team)
    return team


def check_cancel(connection: Connection, own: list[queries.Seat], is_used: IsUsed) -> None:
    """Raise the errors of `cancel_team` for the seats of a team."""
    for seat in own:
        if seat.state == "confirmed" and seat.fee.minor > 0:
            raise SeatPaid(
                gettext("This team has been paid. Organisers can cancel its order, and refund it.")
            )
        if seat.state == "held" and seat.order_id is not None:
            raise SeatInOrder
        if seat.state == "confirmed" and is_used(connection, seat.id):
            raise SeatUsed(gettext("A member of this team has been checked in, so it cannot be cancelled."))


def leave_all(connection: Connection, person_id: int, replace_code: ReplaceCode) -> None:
    """Free the places of a person that deletes their account, and forget their name on those that were used."""
    for seat in queries.seats_of_member(connection, person_id):
        if seat.state == "confirmed" and seat.person_id != person_id and replace_code(connection, seat.id):
            connection.run(_vacate, seat=seat.id, member=person_id, now=connection.now)
    connection.run(_forget_names, member=person_id)


def team_of_captain(connection: Connection, person_id: int, team_id: int) -> Team:
    """Return the team if the person is its captain. Raises NotFound."""
    team = team_queries.team_by_id(connection, team_id)
    if team.captain_id != person_id:
        raise NotFound
    return team


def team_of_attendee(connection: Connection, person_id: int, team_id: int) -> Team:
    """Return the team if the person is its captain or a member. Raises NotFound."""
    team = team_queries.team_by_id(connection, team_id)
    if team.captain_id != person_id and team.place_of(person_id) is None:
        raise NotFound
    return team


def link_of(settings: Settings, token: str) -> str:
    """Return the link by which members join."""
    return f"{settings.base_url}/teams/join/{token}"


def _topic(team_id: int, suffix: str) -> str:
    """Return the topic of an invitation: it ends in the number of those before it, or in the key of a call."""
    return f"team-invitation:{team_id}:{suffix}"


def _post_invitation(
    connection: Connection, team: Team, recipient: str, settings: Settings, topic: str
) -> None:
    """Queue the email with the link to join."""
    captain = accounts.person_by_id(connection, team.captain_id)
    body = gettext(
        "Hello,\n\n"
        "{captain} invites you to the team {team} for {event}. Join it here:\n\n"
        "{link}\n\n"
        "If you do not know {captain}, ignore this email.\n\n"
        "{fest}\n"
    ).format(
        captain=captain.shown_name,
        team=team.name,
        event=team.label,
        link=link_of(settings, team.token),
        fest=settings.fest_name,
    )
    subject = gettext("Join the team {team} for {event}").format(team=team.name, event=team.title)
    mail.post(connection, topic, recipient, subject, body)


def _check_open(connection: Connection, team: Team) -> None:
    if team.state_at(connection.now) != "open":
        raise TeamFixed


def _vacate_place(connection: Connection, team: Team, place: Place, replace_code: ReplaceCode) -> None:
    if not replace_code(connection, place.seat_id):
        raise MemberIn
    if not connection.run(_vacate, seat=place.seat_id, member=place.member_id, now=connection.now):
        raise TryAgain
    delete_answers_about(connection, place.seat_id)
    _announce(connection, team, place.member_id)


def _announce(connection: Connection, team: Team, person_id: int | None = None) -> None:
    """Announce that tickets changed, to pages that wait for them."""
    for person in {team.captain_id, person_id or team.captain_id}:
        connection.announce(tickets_of(person))
