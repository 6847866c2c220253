"""Lists that a browser offers for time zones, currencies and locales."""

from collections.abc import Mapping, Sequence
from functools import cache
from zoneinfo import available_timezones

from babel.core import get_global
from babel.localedata import locale_identifiers


@cache
def suggestions() -> Mapping[str, Sequence[str]]:
    """Return the values by list, most of them once: zones with a region, currencies in use, locales with a country."""
    zones = sorted(
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/"))
    )
    in_use = {
        code
        for periods in get_global("territory_currencies").values()
        for code, _, end, is_tender in periods
        if end is None and is_tender
    }
    locales = sorted(name for name in locale_identifiers() if len(name.partition("_")[0]) == 2)  # noqa: PLR2004
    return {"zones": ["UTC", *zones], "currencies": sorted(in_use), "locales": locales}
