"""The demo fest: what `festgate serve --demo` fills an empty database with."""

import secrets
from collections.abc import Mapping

from festgate.accounts.facade import find_person
from festgate.accounts.passwords import hash_password
from festgate.accounts.people import Newcomer, add_person
from festgate.catalogue.demo import plant_demo
from festgate.kit.database import Database
from festgate.settings import Settings

DEMO_SETTINGS: Mapping[str, object] = {
    "fest_name": "Aurora Fest",
    "fest_tagline": "Three days of building, racing, dancing and staying up late.",
    "currency": "INR",
    "timezone": "Asia/Kolkata",
    "locale": "en_IN",
    "payment_methods": ("sandbox", "desk"),
}
"""Weaker than any setting of the user's own."""
ORGANISER = Newcomer("organiser", "organiser@localhost", "organiser")


async def plant(database: Database, settings: Settings) -> str | None:
    """The events, and an organiser whose password is returned; None when they are there already."""
    await database.write(plant_demo, settings.zone, settings.currency)
    if await database.read(find_person, ORGANISER.username) is not None:
        return None
    password = secrets.token_urlsafe(9)
    await database.write(add_person, ORGANISER, hash_password(password))
    return password
