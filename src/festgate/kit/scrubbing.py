"""The log's last line of defence: masks text that looks like a code, a token or an address.

Log lines contain none by design. The mask is for text that others quote: the answer of a mail server, a row that
violates a constraint, an input that fails validation.
"""

import re
from functools import lru_cache
from typing import Final

from structlog.typing import EventDict, WrappedLogger

MASK: Final = "***"
KEPT: Final = frozenset({"level", "timestamp", "request_id", "route", "method", "file", "folder"})
"""Keys with harmless texts: a request id looks like a ticket code, and a folder may look like a token."""

_NAMED = re.compile(
    # `token=...`, `"password": "..."`, `festgate_session=...`; no space before the sign, as code in a traceback has.
    r"((?:token|password|session|device|secret|card_number)['\"]?(?:=|: )['\"]?)[^\s'\"&;,)}\]]+"
    r"|(\b(?:[Bb]earer|[Bb]asic) )[^\s'\",]+"
    # How psycopg, pydantic and SQLAlchemy quote values.
    r"|(\bKey \([^)\n]{1,200}\)=\()[^\n]*|(\bFailing row contains \()[^\n]*"
    r"|(\binput_value=)[^\n]*|(\[parameters: )[^\n]*"
)
_LOOKS_SECRET = re.compile(
    # A ticket code, stored or typed: groups of four with dashes or spaces, or lower case with a digit.
    r"(?<![A-Za-z0-9])(?:[0-9A-Z]{16}|[0-9A-Z]{4}(?:[- ][0-9A-Z]{4}){3}"
    r"|(?=[a-zA-Z -]{0,18}[0-9])[0-9A-Za-z]{4}(?:[- ]?[0-9A-Za-z]{4}){3})(?![A-Za-z0-9])"
    # A signature in hexadecimal, with the numbers before it in a link.
    r"|(?<![A-Za-z0-9])(?:[0-9]{1,18}-){0,2}(?:[0-9a-f]{16}-)?[0-9a-fA-F]{32,}"
    # A random token: both cases and a digit in a long run outside a path. Our tokens have 43 characters,
    # and one in a thousand has no digit.
    r"|(?<![A-Za-z0-9_/.-])(?=[a-z0-9_-]{0,99}[A-Z])(?=[A-Z0-9_-]{0,99}[a-z])"
    r"(?:(?=[A-Za-z_-]{0,99}[0-9])[A-Za-z0-9_-]{20,}|[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-]))"
    # A card number; a time in milliseconds has 13 digits.
    r"|(?<![0-9A-Za-z.])[0-9](?:[ -]?[0-9]){13,18}(?![0-9A-Za-z])"
    # An email address, or the name and password before a host.
    r"|(?<![^\s<>\"'()\[\]/@,;=])[^\s<>\"'()\[\]/@,;=]{1,200}@[A-Za-z0-9.-]{1,255}"
)


# Log lines repeat their sentences and paths; the cache halves the time for a line.
@lru_cache(maxsize=1024)
def scrub(text: str) -> str:
    """Return the text with everything that looks secret masked."""
    return _LOOKS_SECRET.sub(MASK, _NAMED.sub(_keep_name, text))


def scrub_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask everything that looks secret in a log line, including its traceback."""
    for name, value in event.items():
        if value is None or isinstance(value, bool | int | float) or name in KEPT or name.startswith("_"):
            continue
        text = value if isinstance(value, str) else repr(value)
        scrubbed = scrub(text)
        if scrubbed != text:
            event[name] = scrubbed
    return event


def _keep_name(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None) + MASK
