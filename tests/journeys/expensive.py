"""The most expensive texts, and how the work that they cause is counted."""

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
"""What any page or call may be asked for in its address."""


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


def texts(most: int) -> Sequence[str]:
    """The most expensive text, in `most` bytes of UTF-8 and in what a title may have; and what grows most."""
    return (
        falling_marks(most // 2 - 1),
        falling_marks(115),
        "\ufdfa" * 115,
    )


def expensive(most: int) -> Sequence[str]:
    """Texts of at most so many bytes, each of a kind that costs some reader more than its length."""
    return (
        falling_marks(most // 2 - 1),
        "\ufdfa" * (most // 3),  # 18 characters each, once it is normalised
        "\uff41" * (most // 3),  # full width
        "\u1100\u1161\u11a8" * (most // 9),  # Hangul that is composed
        "a" * most,
        "\u0130" * (most // 2),  # longer in lower case
        "%" * most,
        "&=;" * (most // 3),
    )
