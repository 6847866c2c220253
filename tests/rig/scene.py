"""People and events for tests."""

from itertools import count

from festgate.kit.clock import DAY, HOUR
from festgate.kit.money import Money
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.catalogue import facade as catalogue
from tests.rig.database import OpenDatabase

_numbers = count(1)


def add_someone(database: OpenDatabase, username: str | None = None) -> int:
    """Add a person without a password; return their id."""
    name = username or f"person-{next(_numbers)}"
    return database.write(add_person, Newcomer(name, f"{name}@example.org"), "no password").id


def add_event(
    database: OpenDatabase,
    *,
    fee: int = 50_000,
    capacity: int = 10,
    title: str | None = None,
    days: int = 1,
) -> catalogue.Event:
    """Publish an event that is open for registration and begins in `days` days; `fee` is in paise."""
    now = database.clock.now
    details = catalogue.Details(
        title=title or f"Event {next(_numbers)}",
        summary="A summary.",
        description="A description.",
        category="Technology",
        place="Main Hall",
        starts_at=now + days * DAY,
        ends_at=now + days * DAY + 2 * HOUR,
        sales_open_at=now - DAY,
        sales_close_at=now + days * DAY,
        fee=Money(fee, "INR"),
        capacity=capacity,
    )
    slug = database.write(catalogue.create_event, details).slug
    return database.write(catalogue.publish_event, slug)
