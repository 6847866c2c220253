"""The fest under measurement: its data folder, filled by the portal's own operations instead of over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.programme import ROOM_FOR_ALL, programme
from festgate.kit.cli import opened
from festgate.kit.clock import HOUR
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.sessions import open_session
from festgate.portal.catalogue.facade import Event, create_event, publish_event
from festgate.portal.checkout.methods import Paid
from festgate.portal.checkout.orders import mark_paid
from festgate.portal.checkout.placements import place_order
from festgate.portal.checkout.sandbox import charge
from festgate.portal.registrations.holds import hold_seat
from festgate.settings import Settings

VISITORS = 32
"""Visitors who request pages during the measurement, each with five seats."""
AT_ONCE = 500
"""Accounts that one operation adds."""
KEPT_MINUTES = 120
"""Their unpaid seats are held longer than the run lasts, so their page does not change."""
NO_PASSWORD = "*"
"""Placeholder for a password hash: these accounts cannot sign in with a password."""


@dataclass(frozen=True)
class Fest:
    """The content of the fest: session tokens of users and slugs of events."""

    visitors: Sequence[str]
    """Session tokens of users who each have two unpaid seats, two paid ones and a free one."""
    crowd: Sequence[str]
    """Session tokens of users without a seat."""
    wide: Sequence[str]
    """Slugs of paid events that are on sale and have room for all users."""


async def prepare(settings: Settings, people: int) -> Fest:
    """Fill the empty data folder of `settings` with the programme, the visitors, and `people` users without a seat."""
    async with opened(settings) as database:
        events = await database.write(publish_programme)
        visitors = await _sign_up(database, "visitor", VISITORS)
        crowd = await _sign_up(database, "guest", people)
        paid = [event for event in events if event.capacity == ROOM_FOR_ALL and event.fee.minor]
        free = next(event for event in events if event.capacity == ROOM_FOR_ALL and not event.fee.minor)
        # The latest events: so the first page of the list shows events that nobody has a seat at.
        own = [event.slug for event in sorted(paid, key=lambda event: event.starts_at)[-4:]]
        for person, _ in visitors:
            await database.write(give_five_seats, person, own, free.slug)
        wide = [event.slug for event in paid if event.slug not in own]
        return Fest([token for _, token in visitors], [token for _, token in crowd], wide)


def publish_programme(connection: Connection) -> list[Event]:
    """Create and publish all events."""
    return [
        publish_event(connection, create_event(connection, details).slug)
        for details in programme(connection.now)
    ]


def sign_up(connection: Connection, usernames: Sequence[str]) -> list[tuple[int, str]]:
    """Add accounts that are signed in; return the id and session token of each."""
    people = [
        add_person(connection, Newcomer(name, f"{name}@example.org"), NO_PASSWORD).id for name in usernames
    ]
    return [(person, open_session(connection, person, "cookie").token) for person in people]


def give_five_seats(connection: Connection, person: int, paid: Sequence[str], free: str) -> None:
    """Give a user two paid seats, a free one, and two that are held."""
    for slug in paid[:2]:
        hold_seat(connection, person, slug, KEPT_MINUTES)
    order, _ = place_order(connection, person, "sandbox", HOUR, f"bench-{person}", asks=False)
    outcome = charge(connection, order, order.total, approved=True)
    if not isinstance(outcome, Paid):
        raise TypeError(outcome)
    mark_paid(connection, order.id, outcome.charge, outcome.amount)
    for slug in (free, *paid[2:]):
        hold_seat(connection, person, slug, KEPT_MINUTES)


async def _sign_up(database: Database, kind: str, number: int) -> list[tuple[int, str]]:
    people: list[tuple[int, str]] = []
    while len(people) < number:
        last = min(number, len(people) + AT_ONCE)
        names = [f"{kind}-{position:06}" for position in range(len(people), last)]
        people += await database.write(sign_up, names)
    return people
