"""Trying a promo code: guesses are limited, for each client address and for each person.

An attempt is counted before the code is looked up, and uncounted when there is such a code, in one transaction.
"""

from collections.abc import Sequence

from festgate.kit.db.statements import Connection
from festgate.kit.ids import keyed_hash
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue.errors import CodeUnknown
from festgate.portal.catalogue.promo_codes import PromoCode, usable_code
from festgate.portal.catalogue.queries import event_by_slug

MAX_OF_PERSON = 10
"""Wrong codes of one person in a quarter of an hour."""
MAX_OF_ADDRESS = 100
"""Wrong codes from one client address: a campus has one for thousands of people."""


def code_limits(secret: bytes, host: str, person_id: int | None) -> list[accounts.Limit]:
    """Return the limits on wrong promo codes of a visitor; `person_id` is None without an account."""
    network = keyed_hash(secret, "promo codes from an address", accounts.network_of(host))
    limits = [
        accounts.Limit(network, MAX_OF_ADDRESS, gettext("Too many wrong promo codes from your network."))
    ]
    if person_id is not None:
        person = keyed_hash(secret, "promo codes of a person", str(person_id))
        limits.append(accounts.Limit(person, MAX_OF_PERSON, gettext("Too many wrong promo codes.")))
    return limits


def try_code(
    connection: Connection, slug: str, text: str, person_id: int | None, limits: Sequence[accounts.Limit]
) -> PromoCode | None:
    """Return the code if it can be used for the event now; None, with a guess counted, if there is no such code.

    Raises TooMany if a limit is reached, CodeNotValid, or NotFound without such an event.
    """
    event = event_by_slug(connection, slug)
    for limit in limits:
        accounts.count_attempt(connection, limit)
    try:
        code = usable_code(connection, text, event.id, person_id)
    except CodeUnknown:
        return None
    for limit in limits:
        accounts.uncount_attempt(connection, limit)
    return code
