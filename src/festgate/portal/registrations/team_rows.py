"""The rows of teams: written with their seats, so that a team has as many live seats as its size, or none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from secrets import token_urlsafe

from sqlalchemy import bindparam, select, update

from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.text import caseless, searchable, tidy
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.registrations import queries
from festgate.portal.registrations.choices import Item
from festgate.portal.registrations.errors import AlreadyInTeam, TeamNameTaken
from festgate.portal.registrations.holders import search_text
from festgate.portal.registrations.tables import LIVE, TEAM_SLOT, seats, teams

MAX_TEAM_NAME = 60
TOKEN_BYTES = 8
"""64 random bits, which nobody finds by trying."""

_insert = inserting(teams, returning="id")
_ONE = teams.c.id == bindparam("team")
_name_in_use = Statement(
    select(teams.c.id).where(
        teams.c.event_id == bindparam("event"), teams.c.name_key == bindparam("key"), teams.c.size > 0
    )
)
_member_at = Statement(
    select(seats.c.team_id).where(
        LIVE, seats.c.event_id == bindparam("event"), seats.c.member_id == bindparam("person")
    )
)
_fill = Statement(
    update(seats)
    .where(seats.c.id == bindparam("seat"))
    .values(team_id=bindparam("team"), member_id=bindparam("member"))
)
_fill_again = Statement(
    update(seats)
    .where(seats.c.id == bindparam("seat"))
    .values(
        team_id=bindparam("team"),
        member_id=bindparam("member"),
        attendee_name=bindparam("new_name"),
        attendee_email=bindparam("new_email"),
        attendee_search=bindparam("new_search"),
    )
)
_move = Statement(
    update(teams)
    .where(_ONE, teams.c.size == bindparam("places"))
    .values(
        event_id=bindparam("event"),
        type_id=bindparam("type"),
        name=bindparam("new_name"),
        name_key=bindparam("new_key"),
    )
)
_shrink = Statement(update(teams).where(_ONE).values(size=teams.c.size - bindparam("count")))
_grow = Statement(
    update(teams)
    .where(_ONE)
    .values(size=teams.c.size + bindparam("count"), name=bindparam("new_name"), name_key=bindparam("new_key"))
)
_team = Statement(select(*teams.c["event_id", "captain_id", "name", "size"]).where(_ONE))


def new_token() -> str:
    """Return a random key for the link by which members join."""
    return token_urlsafe(TOKEN_BYTES)


def read_name(text: str) -> str:
    """Return the name of a team as it was entered, trimmed. Raises ValueError with a sentence."""
    name = tidy(text, max_length=MAX_TEAM_NAME)
    if not name_key(name):
        raise ValueError(gettext("Enter the name of the team."))
    return name


def name_key(name: str) -> str:
    """Return the name as it is compared with those of other teams: without case, accents and punctuation."""
    return searchable(name) or caseless(name, MAX_TEAM_NAME)


def add_team(connection: Connection, items: Sequence[Item], person_id: int, name: str) -> int:
    """Add the team whose captain takes these seats, and return its id. The event's seats are locked.

    Raises AlreadyInTeam or TeamNameTaken.
    """
    kind = items[0].type
    refuse_member(connection, kind.event_id, person_id)
    key = name_key(name)
    refuse_name(connection, kind.event_id, key)
    try:
        team_id: int = connection.value(
            _insert,
            event_id=kind.event_id,
            type_id=kind.id,
            captain_id=person_id,
            name=name,
            name_key=key,
            token=new_token(),
            size=sum(item.count for item in items),
            invited=0,
            created_at=connection.now,
        )
    except UniqueViolation:
        raise TryAgain from None  # another process has just taken the name
    return team_id


def refuse_name(connection: Connection, event_id: int, key: str, team_id: int | None = None) -> None:
    """Raise TeamNameTaken if another live team of the event has the name."""
    if connection.value(_name_in_use, event=event_id, key=key) not in (None, team_id):
        raise TeamNameTaken


def is_member(connection: Connection, event_id: int, person_id: int) -> bool:
    """Return whether the person is in a live team at the event."""
    return connection.first(_member_at, event=event_id, person=person_id) is not None


def refuse_member(connection: Connection, event_id: int, person_id: int) -> None:
    """Raise AlreadyInTeam if the person is in a team at the event."""
    if is_member(connection, event_id, person_id):
        raise AlreadyInTeam


def fill_team(connection: Connection, team_id: int, seat_ids: Sequence[int], captain_id: int) -> None:
    """Make new seats those of the team; its captain occupies the first."""
    try:
        for place, seat_id in enumerate(seat_ids):
            connection.run(_fill, seat=seat_id, team=team_id, member=None if place else captain_id)
    except UniqueViolation:
        raise TryAgain from None  # the captain has just joined a team in another process


def shrink_teams(connection: Connection, ended: Mapping[int, int]) -> None:
    """Count seats that have ended, by team id. A team without seats has ended, and its name is free."""
    for team_id, count in sorted(ended.items()):
        connection.run(_shrink, team=team_id, count=count)


def can_live_again(connection: Connection, lapsed: Sequence[queries.Seat], used_slots: set[int]) -> bool:
    """Return whether the captain of these ended seats has not got into another team at the event since."""
    teams_of = {seat.team_id for seat in lapsed if seat.team_id is not None}
    if not teams_of:
        return True
    if any(slot >= TEAM_SLOT for slot in used_slots):
        return False
    return all(
        connection.first(_member_at, event=seat.event_id, person=seat.member_id) is None
        for seat in lapsed
        if seat.member_id is not None
    )


def grow_teams(connection: Connection, again: Sequence[queries.Seat]) -> None:
    """Count seats of teams that were taken again. A name that another team has taken since gets a number."""
    for team_id, count in sorted(Counter(seat.team_id for seat in again if seat.team_id is not None).items()):
        event_id, _, name, size = connection.all(_team, team=team_id)[0]
        fresh = _free_name(connection, event_id, name, team_id) if size == 0 else name
        try:
            connection.run(_grow, team=team_id, count=count, new_name=fresh, new_key=name_key(fresh))
        except UniqueViolation:
            raise TryAgain from None


def move_team(connection: Connection, team_id: int, event_id: int, type_id: int, places: int) -> None:
    """Move a team with so many places to another event or type; its link stays.

    A name that another team of the event has gets a number.
    """
    _, _, name, _ = connection.all(_team, team=team_id)[0]
    fresh = _free_name(connection, event_id, name, team_id)
    try:
        is_moved = connection.run(
            _move,
            team=team_id,
            places=places,
            event=event_id,
            type=type_id,
            new_name=fresh,
            new_key=name_key(fresh),
        )
    except UniqueViolation:
        raise TryAgain from None  # another process has just taken the name
    if not is_moved:
        raise TryAgain  # a seat of it has just ended in another process


def fill_place(connection: Connection, seat_id: int, old: queries.Seat) -> None:
    """Give a new seat the team, the member and the attendee of the old one."""
    try:
        connection.run(
            _fill_again,
            seat=seat_id,
            team=old.team_id,
            member=old.member_id,
            new_name=old.attendee_name,
            new_email=old.attendee_email,
            new_search=search_text(old.attendee_name, old.attendee_email),
        )
    except UniqueViolation:
        raise TryAgain from None  # the member has just joined a team there in another process


def _free_name(connection: Connection, event_id: int, name: str, team_id: int) -> str:
    """Return the name, with a number where another live team of the event has it."""
    fresh, number = name, 2
    while connection.value(_name_in_use, event=event_id, key=name_key(fresh)) not in (None, team_id):
        fresh, number = f"{name} {number}", number + 1
    return fresh


def shown_attendee(connection: Connection, person_id: int) -> tuple[str, str]:
    """Return the name and the email address that a member's seat gets."""
    person = accounts.person_by_id(connection, person_id)
    return person.shown_name, person.email
