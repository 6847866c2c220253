"""The promo code of a registration, whose wrong guesses are limited."""

from festgate.kit.web.portal import Portal
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.choices import Choice


async def check_code(
    portal: Portal, person_id: int | None, host: str, slug: str, choice: Choice | None
) -> None:
    """Check the promo code of the choice, if it has one. `host` is the client address.

    Raises CodeUnknown, which is counted as a guess, CodeNotValid, or TooMany.
    """
    if choice is None or not choice.code:
        return
    limits = catalogue.code_limits(portal.secret, host, person_id)
    if await portal.database.write(catalogue.try_code, slug, choice.code, person_id, limits) is None:
        raise catalogue.CodeUnknown
