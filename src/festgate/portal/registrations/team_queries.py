"""Reads of teams with their members."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.money import Money, total
from festgate.portal.registrations.queries import seat as read_seat
from festgate.portal.registrations.tables import LIVE, seats, teams

TeamState = Literal["open", "unpaid", "fixed", "over"]


@dataclass(frozen=True, slots=True)
class Place:
    """A live seat of a team, and the member that occupies it."""

    seat_id: int
    state: str
    member_id: int | None
    name: str
    """The member's name; empty for a free place."""
    email: str
    fee: Money
    order_id: int | None

    @property
    def is_free(self) -> bool:
        """Return whether a member can join on this place."""
        return self.member_id is None


@dataclass(frozen=True, slots=True)
class Team:
    """A team with its event and its places. One that has ended has none."""

    id: int
    event_id: int
    captain_id: int
    name: str
    token: str
    size: int
    invited: int
    type_id: int
    type_name: str
    changes_until: Milliseconds
    """The time from which its members cannot change."""
    title: str
    slug: str
    place: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    event_state: str
    places: tuple[Place, ...]

    @property
    def label(self) -> str:
        """The title of the event, with the ticket type if it has a name."""
        return f"{self.title}: {self.type_name}" if self.type_name else self.title

    @property
    def free(self) -> int:
        """The number of places without a member."""
        return sum(place.is_free for place in self.places)

    @property
    def is_confirmed(self) -> bool:
        """Return whether the seats are paid or free of charge."""
        return bool(self.places) and all(place.state == "confirmed" for place in self.places)

    @property
    def fee(self) -> Money:
        """The fee of all its live seats."""
        return total([place.fee for place in self.places], self.places[0].fee.currency)

    def state_at(self, now: Milliseconds) -> TeamState:
        """Return whether its members can change now: only in the state `open`."""
        if not self.places or self.event_state != "published":
            return "over"
        if not self.is_confirmed:
            return "unpaid"
        return "open" if now < self.changes_until else "fixed"

    def place_of(self, person_id: int) -> Place | None:
        """Return the place that the person occupies; None without one."""
        return next((place for place in self.places if place.member_id == person_id), None)


# Tables of lower modules, by name (decision 0012): one join answers for a whole page.
_events = table(
    "catalogue_events",
    *map(column, ("id", "title", "slug", "place", "starts_at", "ends_at", "state")),
)
_types = table("catalogue_ticket_types", *map(column, ("id", "event_id", "name", "team_changes_until")))
_people = table("accounts_people", *map(column, ("id", "username", "name", "email")))
_team = (
    select(
        *teams.c["id", "event_id", "captain_id", "name", "token", "size", "invited"],
        *_types.c["id", "name", "team_changes_until"],
        *_events.c["title", "slug", "place", "starts_at", "ends_at", "state"],
    )
    .join_from(teams, _events, _events.c.id == teams.c.event_id)
    .join(_types, _types.c.id == teams.c.type_id)
)
_by_id = Statement(_team.where(teams.c.id == bindparam("team")))
_by_token = Statement(_team.where(teams.c.token == bindparam("token")))
_of_event = Statement(
    _team.where(teams.c.event_id == bindparam("event"), teams.c.size > 0).order_by(teams.c.name_key)
)
_of_captain = Statement(_team.where(teams.c.captain_id == bindparam("person")).order_by(teams.c.id))
_place = select(
    *seats.c["team_id", "id", "state", "member_id"],
    *_people.c["name", "username", "email"],
    *seats.c["fee_minor", "currency", "order_id"],
).join_from(seats, _people, _people.c.id == seats.c.member_id, isouter=True)
_places = Statement(_place.where(LIVE, seats.c.team_id == bindparam("team")).order_by(seats.c.id))
_places_at = Statement(
    _place.where(LIVE, seats.c.event_id == bindparam("event"), seats.c.team_id.is_not(None)).order_by(
        seats.c.id
    )
)
_all_places = Statement(
    select(*seats.c["team_id", "event_id", "type_id", "person_id"]).where(LIVE, seats.c.team_id.is_not(None))
)
_all = Statement(select(*teams.c["id", "event_id", "type_id", "captain_id", "size"]).order_by(teams.c.id))
_captains = Statement(
    select(teams.c.id)
    .join_from(
        teams,
        seats,
        (seats.c.team_id == teams.c.id) & (seats.c.member_id == teams.c.captain_id),
        isouter=True,
    )
    .where(seats.c.id.is_(None))
)


def team_by_id(connection: Connection, team_id: int) -> Team:
    """Return the team. Raises NotFound."""
    return _whole(connection, connection.first(_by_id, team=team_id))


def team_by_token(connection: Connection, token: str) -> Team:
    """Return the team whose link has that key. Raises NotFound."""
    return _whole(connection, connection.first(_by_token, token=token))


def teams_of_captain(connection: Connection, person_id: int) -> list[Team]:
    """Return every team that the person registered, also those that have ended."""
    return [_whole(connection, row) for row in connection.all(_of_captain, person=person_id)]


def teams_at(connection: Connection, event_id: int) -> list[Team]:
    """Return the live teams of an event, by name. It is for `Database.report`."""
    places: dict[int, list[Place]] = {}
    for row in connection.all(_places_at, event=event_id):
        places.setdefault(row[0], []).append(_read_place(row))
    return [_read(row, tuple(places.get(row[0], ()))) for row in connection.all(_of_event, event=event_id)]


def all_teams(connection: Connection) -> list[tuple[int, int, int, int, int]]:
    """Return the id, event, type, captain and size of every team, to check them."""
    return [(team, event, kind, captain, size) for team, event, kind, captain, size in connection.all(_all)]


def all_places(connection: Connection) -> list[tuple[int, int, int, int]]:
    """Return the team, event, type and buyer of every live seat of a team, to check them."""
    return [(team, event, kind, person) for team, event, kind, person in connection.all(_all_places)]


def teams_without_captain(connection: Connection) -> set[int]:
    """Return the ids of the teams of which no seat has ever been the captain's."""
    return {team for (team,) in connection.all(_captains)}


def _whole(connection: Connection, row: tuple[Any, ...] | None) -> Team:
    if row is None:
        raise NotFound
    places = tuple(_read_place(place) for place in connection.all(_places, team=row[0]))
    # A hold that has ended is over before it is swept.
    if any(
        read_seat(connection, place.seat_id).state == "lapsed" for place in places if place.state == "held"
    ):
        places = ()
    return _read(row, places)


def _read(row: tuple[Any, ...], places: tuple[Place, ...]) -> Team:
    number, event, captain, name, token, size, invited, kind, type_name, until, *timed = row
    title, slug, place, starts_at, ends_at, state = timed
    return Team(
        number,
        event,
        captain,
        name,
        token,
        size,
        invited,
        kind,
        type_name,
        until or starts_at,
        title,
        slug,
        place,
        starts_at,
        ends_at,
        state,
        places,
    )


def _read_place(row: tuple[Any, ...]) -> Place:
    _, seat_id, state, member, name, username, email, fee, currency, order = row
    return Place(seat_id, state, member, name or username or "", email or "", Money(fee, currency), order)
