"""The email library's policy for our emails, with headers that are read once.

The library makes a class for each header of each email, and parses headers that are the same in all emails. That took
half of the time of an email.
"""

from email import policy
from email.headerregistry import BaseHeader, HeaderRegistry
from functools import lru_cache

MAX_HEADERS = 256
"""Headers in memory: those that all emails share, and a few recipients and subjects."""


class _Headers(HeaderRegistry):
    """The library's headers, each class made once, and each of the last headers parsed once."""

    def __init__(self) -> None:
        super().__init__()
        self._classes: dict[str, type[BaseHeader]] = {}
        self._parsed = lru_cache(MAX_HEADERS)(super().__call__)

    def __getitem__(self, name: str) -> type[BaseHeader]:
        made = self._classes.get(name)
        if made is None:
            made = self._classes[name] = super().__getitem__(name)
        return made

    def __call__(self, name: str, value: object) -> BaseHeader:
        return self._parsed(name, value)


# 7 bits: other characters are encoded as base 64 or quoted-printable, which every mail server accepts.
POLICY = policy.SMTP.clone(cte_type="7bit", header_factory=_Headers())
