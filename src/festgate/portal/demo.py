"""The demo fest: what `festgate serve --demo` fills an empty database with, and which data it leaves alone."""

import secrets
from collections.abc import Mapping

from sqlalchemy import func, select

from festgate.kit.db.database import Database
from festgate.kit.db.notes import find_note, set_note
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import StartupError
from festgate.portal.accounts.facade import find_person
from festgate.portal.accounts.passwords import hash_password
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.tables import people
from festgate.portal.catalogue.assignments import assign_events
from festgate.portal.catalogue.demo import PROGRAMME, plant_demo
from festgate.portal.catalogue.demo_tickets import FULL_EVENT, PROMO_CODE, PROMO_EVENT, plant_tickets
from festgate.portal.catalogue.queries import event_by_slug
from festgate.portal.catalogue.tables import events
from festgate.portal.checkout.tables import orders
from festgate.portal.registrations.holds import hold_seats
from festgate.portal.registrations.waiting_list import join
from festgate.settings import Settings

CREW = (
    Newcomer("organiser", "organiser@localhost", "owner"),
    Newcomer("lead", "lead@localhost", "lead"),
    Newcomer("treasurer", "treasurer@localhost", "treasurer"),
    Newcomer("box-office", "box-office@localhost", "box-office"),
    Newcomer("staff", "staff@localhost", "staff"),
)
"""One account of each role; the organiser is the owner."""
GUESTS = tuple(
    Newcomer(f"{given}-example", f"{given}@example.org", name=f"{given.title()} Example")
    for given in ("ada", "ben", "cora", "dan", "eve", "finn", "gus", "hana", "ivo")
)
"""Invented people. The first ones fill the event that is full, and the others are on its waiting list."""
INTRODUCTION = f"The promo code {PROMO_CODE} makes the {PROMO_EVENT} cheaper."
"""A sentence to print when the demo starts."""


HOLD_MINUTES = 15
NOTE = "demo"
NOTES_FROM = "0005"
"""The migration that made the table of notes: an older database has none."""
# Columns that every schema has had, since an older one is looked at before it is changed.
_titles = Statement(select(events.c.title))
_names = Statement(select(people.c.username, people.c.email))
_count_orders = Statement(select(func.count()).select_from(orders))


def refuse_foreign(connection: Connection, revision: str) -> None:
    """Raise StartupError where the data are somebody's own fest, and not the demo's.

    Once marked they are the demo's, whatever visitors add. Unmarked ones, of an earlier program, are the demo's if
    there is nothing that it did not make itself: whether its accounts and orders were only tests is not recorded.
    """
    if revision >= NOTES_FROM and find_note(connection, NOTE) is not None:
        return
    programme = {planned.title for planned in PROGRAMME}
    crew = {(newcomer.username, newcomer.email) for newcomer in (*CREW, *GUESTS)}
    counts = {
        "events": sum(title not in programme for (title,) in connection.all(_titles)),
        "accounts": sum((name, email) not in crew for name, email in connection.all(_names)),
        "orders": connection.value(_count_orders),
    }
    foreign = [f"{count} {kind}" for kind, count in counts.items() if count]
    if foreign:
        msg = (
            f"The data have {', '.join(foreign)} that the demo did not make. Start without --demo to serve them, or "
            "set FESTGATE_DATA_DIR to another folder (and FESTGATE_DATABASE_URL to another database) for the demo."
        )
        raise StartupError(msg)


async def look(database: Database, revision: str) -> None:
    """Refuse data that are not the demo's, before anything is written."""
    await database.read(refuse_foreign, revision)


def adopt(connection: Connection) -> None:
    """Mark the data as the demo's; StartupError where they are not."""
    refuse_foreign(connection, NOTES_FROM)
    set_note(connection, NOTE, "1")


async def plant(database: Database, settings: Settings) -> Mapping[str, str]:
    """Create the events and an account of each role; return the passwords of new accounts, by username."""
    await database.write(adopt)
    await database.write(plant_fest, settings)
    made = {}
    for newcomer in CREW:
        if await database.read(find_person, newcomer.username) is None:
            made[newcomer.username] = secrets.token_urlsafe(9)
            await database.write(add_member, newcomer, hash_password(made[newcomer.username]))
    return made


def add_member(connection: Connection, newcomer: Newcomer, password_hash: str) -> None:
    """Add an account of the demo's team; the lead gets the event that is full."""
    person = add_person(connection, newcomer, password_hash, confirmed=True)
    if newcomer.role == "lead":
        assign_events(connection, person.id, [event_by_slug(connection, FULL_EVENT).id])


def plant_fest(connection: Connection, settings: Settings) -> None:
    """Create the programme with its tickets and guests, unless there is an event already."""
    if plant_demo(connection, settings.zone, settings.currency):
        plant_tickets(connection, settings.currency)
        plant_guests(connection, hash_password(secrets.token_urlsafe()))


def plant_guests(connection: Connection, password_hash: str) -> None:
    """Fill the event that is full, and put people on its waiting list; nobody knows their password."""
    event = event_by_slug(connection, FULL_EVENT)
    for position, newcomer in enumerate(GUESTS):
        guest = add_person(connection, newcomer, password_hash, confirmed=True).id
        if position < event.capacity:
            hold_seats(connection, guest, event.slug, HOLD_MINUTES)
        else:
            join(connection, guest, event.slug)
