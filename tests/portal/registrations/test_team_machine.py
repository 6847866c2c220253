"""Teams in any order of steps: whatever happens, counts, members and seats agree, on SQLite and on PostgreSQL."""

from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Refused
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries, team_queries
from festgate.portal.registrations.claims import claim_seats, confirm_seats
from festgate.portal.registrations.exchanges import exchange_seats, seats_to_exchange
from festgate.portal.registrations.teams import cancel_team, join_team, leave_team, remove_member
from festgate.portal.tickets.facade import is_used, replace_code
from tests.portal.registrations.team_fest import HOLD_MINUTES, add_team_event, check, register_team
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_someone

PEOPLE = st.integers(0, 4)


class Teams(RuleBasedStateMachine):
    """Captains and members of two events, with all steps on teams."""

    database: ClassVar[OpenDatabase]
    teams: Bundle[int] = Bundle("teams")
    orders = iter(range(1, 10**9))

    def __init__(self) -> None:
        """Begin with two events without teams, and five people."""
        super().__init__()
        sold = (add_team_event(self.database, price=1_000, capacity=capacity) for capacity in (7, 4))
        self.events, self.kinds = zip(*sold, strict=True)
        self.people = [add_someone(self.database) for _ in range(5)]

    @rule(
        target=teams,
        captain=PEOPLE,
        size=st.integers(2, 4),
        name=st.sampled_from(["Bolts", "Nuts"]),
        kind=st.integers(0, 1),
    )
    def register(self, captain: int, size: int, name: str, kind: int) -> int:
        try:
            return register_team(self.database, self.people[captain], self.kinds[kind], name, size)
        except Refused:
            return 0

    @rule(captain=PEOPLE)
    def pay(self, captain: int) -> None:
        seats = self.database.read(queries.payable_seats, self.people[captain])
        if seats:
            order = int(f"{self.events[0].id}{next(self.orders)}")
            self.database.write(claim_seats, seats, order, self.database.clock.now + MINUTE)
            assert self.database.write(confirm_seats, order)

    @rule(team=teams, person=PEOPLE)
    def join(self, team: int, person: int) -> None:
        self.attempt(join_team, self.people[person], self.read(team).token if team else "-", replace_code)

    @rule(team=teams, person=PEOPLE)
    def leave(self, team: int, person: int) -> None:
        self.attempt(leave_team, self.people[person], team, replace_code)

    @rule(team=teams, place=st.integers(0, 3))
    def remove(self, team: int, place: int) -> None:
        places = self.read(team).places if team else ()
        if place < len(places):
            captain = self.read(team).captain_id
            self.attempt(remove_member, captain, team, places[place].seat_id, replace_code)

    @rule(team=teams)
    def cancel(self, team: int) -> None:
        if team:
            self.attempt(cancel_team, self.read(team).captain_id, team, is_used)

    @rule(team=teams, place=st.integers(0, 3), kind=st.integers(0, 1))
    def exchange(self, team: int, place: int, kind: int) -> None:
        places = self.read(team).places if team else ()
        if place < len(places):
            self.attempt(self.exchange_together, places[place].seat_id, kind)

    def exchange_together(self, connection: Connection, seat: int, kind: int) -> None:
        own = seats_to_exchange(connection, seat, locks=True)
        new = exchange_seats(connection, own, self.kinds[kind], [part.fee for part in own])
        assert [queries.seat(connection, part).member_id for part in new] == [part.member_id for part in own]

    @rule()
    def wait(self) -> None:
        self.database.clock.move(HOLD_MINUTES * MINUTE // 2)

    @invariant()
    def all_agree(self) -> None:
        check(self.database)
        for event, capacity in zip(self.events, (7, 4), strict=True):
            taken = self.database.read(catalogue.event_by_id, event.id).taken
            live = self.database.report(team_queries.teams_at, event.id)
            assert taken == sum(len(team.places) for team in live) <= capacity
            for team in live:
                members = [place.member_id for place in team.places if place.member_id is not None]
                assert len(members) == len(set(members))
                assert team.captain_id in members

    def read(self, team: int) -> team_queries.Team:
        return self.database.read(team_queries.team_by_id, team)

    def attempt(self, operation: Any, *arguments: Any) -> None:  # noqa: ANN401  (any operation on a team)
        try:
            self.database.write(operation, *arguments)
        except Refused:
            return


def test_teams_always_agree_with_their_seats(database: OpenDatabase) -> None:
    run_state_machine_as_test(
        type("TeamsOnOneDatabase", (Teams,), {"database": database}),
        settings=settings(
            max_examples=6,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
