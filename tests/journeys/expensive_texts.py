"""Texts that are expensive to process, and the fields, parameters and headers that they are sent in."""

from collections.abc import Sequence

from festgate.drills.hostile_text import falling_marks

OTHER_FIELDS = ("code", "next", "then", "token", "q", "ref", "in", "out", "done", "tried", "returned")
"""Fields and parameters that no model has."""


PARAMETERS = (
    *OTHER_FIELDS,
    "category",
    "day",
    "page",
    "saved",
    "published",
    "cancelled",
    "seat",
    "event",
    "changed",
)
"""Query parameters of all pages and API calls."""


HEADERS = (
    "cookie",
    "authorization",
    "referer",
    "idempotency-key",
    "accept-encoding",
    "stripe-signature",
    "if-none-match",
    "if-modified-since",
    "range",
    "x-forwarded-for",
    "origin",
    "content-type",
    "host",
)


MAX_HEADER = 8_000
"""Bytes of a header's value in these tests."""


def longest_texts(max_bytes: int) -> Sequence[str]:
    """Return the most expensive texts: of `max_bytes` bytes, of a title's length, and the one that grows most."""
    return (
        falling_marks(max_bytes // 2 - 1),
        falling_marks(115),
        "\ufdfa" * 115,
    )


def expensive_texts(max_bytes: int) -> Sequence[str]:
    """Return texts of at most `max_bytes` bytes, each expensive for some code that processes it."""
    return (
        falling_marks(max_bytes // 2 - 1),
        "\ufdfa" * (max_bytes // 3),  # 18 characters each after normalising
        "\uff41" * (max_bytes // 3),  # full width
        "\u1100\u1161\u11a8" * (max_bytes // 9),  # Hangul that is composed
        "a" * max_bytes,
        "\u0130" * (max_bytes // 2),  # longer in lower case
        "%" * max_bytes,
        "&=;" * (max_bytes // 3),
    )
