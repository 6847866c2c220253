"""The fest under test: its data folder, filled by the portal's operations and not over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.programme import ROOM_FOR_ALL, programme
from festgate.kit.cli import opened
from festgate.kit.clock import HOUR
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.sessions import open_session
from festgate.portal.catalogue.facade import (
    CodeTerms,
    Event,
    QuestionDetails,
    add_question,
    create_code,
    create_event,
    edit_ticket_type,
    limit_per_person,
    publish_event,
    types_of,
)
from festgate.portal.checkout.methods import Paid
from festgate.portal.checkout.orders import mark_paid
from festgate.portal.checkout.placements import place_order
from festgate.portal.checkout.sandbox import charge
from festgate.portal.registrations.facade import count_of_type
from festgate.portal.registrations.holds import hold_seat
from festgate.settings import Settings

VISITORS = 32
"""People who request pages during the measurement, each with five seats."""
GROUP_EVENTS = 20
GROUP = 4
"""Tickets of one order for a group."""
GROUP_CODE = "GROUP"
"""The promo code of these orders."""
BATCH = 500
"""People created in one operation."""
KEPT_MINUTES = 120
"""Minutes that unpaid seats are held: longer than a run, so that the page stays the same."""
NO_PASSWORD = "*"
"""Stands in place of a password hash, because these accounts are never signed in to."""


@dataclass(frozen=True)
class Fest:
    """The prepared fest: session tokens of people, slugs of events."""

    visitors: Sequence[str]
    """Visitors with two unpaid seats, two paid ones and a free one each."""
    crowd: Sequence[str]
    """People without a seat."""
    wide: Sequence[str]
    """Events with a fee that are on sale and have seats for everyone."""
    groups: Sequence[tuple[str, int]]
    """Such events that sell four tickets to one person and ask two questions of each: slug and ticket type."""


async def prepare(settings: Settings, people: int) -> Fest:
    """Fill the empty data folder of `settings` with events, visitors, and a number of other people."""
    async with opened(settings) as database:
        events = await database.write(publish_programme)
        visitors = await _sign_up(database, "visitor", VISITORS)
        crowd = await _sign_up(database, "guest", people)
        paid = [event for event in events if event.capacity == ROOM_FOR_ALL and event.fee.minor]
        free = next(event for event in events if event.capacity == ROOM_FOR_ALL and not event.fee.minor)
        # The latest events, so that the first page of the list looks as it does before the rush.
        own = [event.slug for event in sorted(paid, key=lambda event: event.starts_at)[-4:]]
        for person, _ in visitors:
            await database.write(give_five_seats, person, own, free.slug)
        wide = [event.slug for event in paid if event.slug not in own]
        groups = await database.write(sell_to_groups, wide[-GROUP_EVENTS:])
        return Fest(
            [token for _, token in visitors],
            [token for _, token in crowd],
            wide[:-GROUP_EVENTS],
            groups,
        )


def publish_programme(connection: Connection) -> list[Event]:
    """Create and publish all events."""
    return [
        publish_event(connection, create_event(connection, details).slug)
        for details in programme(connection.now)
    ]


def sell_to_groups(connection: Connection, slugs: Sequence[str]) -> list[tuple[str, int]]:
    """Sell several tickets to one person at these events, with a promo code and two questions; return their types."""
    create_code(connection, GROUP_CODE, CodeTerms("percentage", 1_000))
    groups = []
    for slug in slugs:
        event = limit_per_person(connection, slug, GROUP)
        (kind,) = types_of(connection, event.id)
        details = replace(kind.details, max_per_order=GROUP)
        edit_ticket_type(connection, slug, kind.id, details, count_of_type)
        add_question(connection, slug, QuestionDetails("text", "Roll number", is_required=True))
        sizes = ("S", "M", "L")
        add_question(connection, slug, QuestionDetails("choice", "T-shirt", choices=sizes, is_required=True))
        groups.append((slug, kind.id))
    return groups


def sign_up(connection: Connection, usernames: Sequence[str]) -> list[tuple[int, str]]:
    """Create people and sign them in; return the id and the session token of each."""
    people = [
        add_person(connection, Newcomer(name, f"{name}@example.org"), NO_PASSWORD).id for name in usernames
    ]
    return [(person, open_session(connection, person, "cookie").token) for person in people]


def give_five_seats(connection: Connection, person: int, paid: Sequence[str], free: str) -> None:
    """Give a person two seats of a paid order, a free seat, and two held seats."""
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
        last = min(number, len(people) + BATCH)
        names = [f"{kind}-{index:06}" for index in range(len(people), last)]
        people += await database.write(sign_up, names)
    return people
