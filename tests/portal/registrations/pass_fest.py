"""Events with a pass, for tests."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries
from festgate.portal.registrations.checks import CHECKS
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.holds import hold_seats
from tests.rig.database import OpenDatabase

HOLD_MINUTES = 15
UTC = ZoneInfo("UTC")


def add_pass(
    database: OpenDatabase,
    home: catalogue.Event,
    others: Sequence[catalogue.Event],
    *,
    fee: int = 0,
    quota: int | None = None,
    max_per_order: int = 1,
    name: str = "Pass",
) -> catalogue.TicketType:
    """Sell a pass at `home`, besides single tickets, that also admits to `others`."""
    first = database.read(catalogue.types_of, home.id)[0]
    if not first.name:
        fields = {**catalogue.written_type(first.details, UTC), "name": "Single"}
        details = catalogue.read_type(fields, UTC, "INR")
        database.write(catalogue.edit_ticket_type, home.slug, first.id, details, queries.count_of_type)
    details = catalogue.TypeDetails(name, Money(fee, "INR"), own_quota=quota, max_per_order=max_per_order)
    return database.write(catalogue.add_ticket_type, home.slug, details, (), [event.id for event in others])


def take(database: OpenDatabase, person: int, kind: catalogue.TicketType, count: int = 1) -> list[int]:
    """Take tickets of a type for the person; return the ids of their seats."""
    slug = database.read(catalogue.event_by_id, kind.event_id).slug
    return database.write(hold_seats, person, slug, HOLD_MINUTES, choice=Choice({kind.id: count}))


def single(database: OpenDatabase, event: catalogue.Event) -> catalogue.TicketType:
    """Return the first ticket type of the event."""
    return database.read(catalogue.types_of, event.id)[0]


def taken(database: OpenDatabase, *events: catalogue.Event) -> list[int]:
    """Return the number of taken seats of each event."""
    return [database.read(catalogue.event_by_id, event.id).taken for event in events]


def check(database: OpenDatabase) -> None:
    """Check the invariants of registrations."""
    assert database.violations(CHECKS) == []
