"""The demo fest: what `festgate serve --demo` fills an empty database with."""

import secrets
from collections.abc import Mapping

from festgate.accounts.facade import find_person
from festgate.accounts.passwords import hash_password
from festgate.accounts.people import Newcomer, add_person
from festgate.catalogue.demo import plant_demo
from festgate.kit.database import Database
from festgate.settings import Settings

CREW = (
    Newcomer("organiser", "organiser@localhost", "organiser"),
    Newcomer("staff", "staff@localhost", "staff"),
)


async def plant(database: Database, settings: Settings) -> Mapping[str, str]:
    """The events, an organiser and somebody for the door; the passwords of those who were not there, by username."""
    await database.write(plant_demo, settings.zone, settings.currency)
    made = {}
    for newcomer in CREW:
        if await database.read(find_person, newcomer.username) is None:
            made[newcomer.username] = secrets.token_urlsafe(9)
            await database.write(add_person, newcomer, hash_password(made[newcomer.username]), confirmed=True)
    return made
