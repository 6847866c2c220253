"""Events with a ticket type for teams, for tests."""

from dataclasses import replace
from typing import Any

from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries
from festgate.portal.registrations.checks import CHECKS
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.holds import hold_seats
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event

HOLD_MINUTES = 15


def add_team_event(
    database: OpenDatabase,
    *,
    capacity: int = 10,
    **details: Any,  # noqa: ANN401
) -> tuple[catalogue.Event, catalogue.TicketType]:
    """Publish an event whose only ticket type is for teams of 2 to 4; `details` are those of the type."""
    event = add_event(database, fee=details.pop("price", 0), capacity=capacity)
    kind = database.read(catalogue.types_of, event.id)[0]
    changed = replace(kind.details, **{"team_min": 2, "team_max": 4, **details})
    database.write(catalogue.edit_ticket_type, event.slug, kind.id, changed, queries.count_of_type)
    return event, catalogue.type_of(database.read(catalogue.types_of, event.id), kind.id)


def register_team(
    database: OpenDatabase, captain: int, kind: catalogue.TicketType, name: str, size: int
) -> int:
    """Take the seats of a team, and return its id."""
    slug = database.read(catalogue.event_by_id, kind.event_id).slug
    seats = database.write(hold_seats, captain, slug, HOLD_MINUTES, choice=Choice({kind.id: size}, team=name))
    team_id = database.read(queries.seat, seats[0]).team_id
    assert team_id is not None
    return team_id


def check(database: OpenDatabase) -> None:
    """Check the invariants of registrations."""
    assert database.violations(CHECKS) == []
