"""Which new passwords are refused because a guesser tries them first. No rules on what a password is made of.

As NIST SP 800-63B asks: common passwords and words, repetitions, sequences, and what is known of the account. The words
are zxcvbn's lists; its estimate itself is not used: it takes 0.5 s for 24 characters and 8 s for 64 of the most
expensive text, while this takes some microseconds.
"""

from collections.abc import Iterable
from functools import cache
from itertools import pairwise

MAX_READ = 100
"""Characters that are looked at."""
MAX_ADDED = 4
"""Characters before or after a common word that make it no better: `Password2026`."""
MIN_UNIT = 4
"""A shorter unit is repeated for nothing: `abcabcabc`."""
MIN_WORD = 4
"""A shorter part of a name is part of many other words."""
MIN_OTHER = 6
"""Characters that a password needs besides the account's own names."""

COMMON = (
    "Guessers try this password first. Choose another: three or four words that do not belong together, "
    "or one made by a password manager."
)
OWN = (
    "This is mostly your name, your email address or the fest's name, which guessers try first. Choose a password "
    "without them: three or four words that do not belong together, or one made by a password manager."
)

_LOOK_ALIKES = str.maketrans("@4310$57!", "aaeiossti")


def find_weakness(password: str, known: Iterable[str]) -> str:
    """Return what is wrong with a new password and what to do, in a sentence; empty where nothing is.

    `known` are the username, the email address and the fest's name.
    """
    text = password[:MAX_READ].casefold()
    if any(_is_mostly(text, word) for name in known for word in _words_of(name.casefold())):
        return OWN
    unit = _unit(text)
    plain = (unit, unit.translate(_LOOK_ALIKES))
    if len(unit) < MIN_UNIT <= len(text) or _is_sequence(unit):
        return COMMON
    return COMMON if any(word in _words() for each in plain for word in (each, _core(each))) else ""


def _is_mostly(text: str, word: str) -> bool:
    return word in text and len(text.replace(word, "")) < MIN_OTHER


def _words_of(name: str) -> list[str]:
    """The name whole, without its spaces, and in its parts: of an address also what stands before the @."""
    parts = [name, "".join(name.split()), *name.split(), *name.split("@")]
    return [part for part in parts if len(part) >= MIN_WORD or part == name]


def _unit(text: str) -> str:
    """What the text repeats, or the text itself."""
    period = (text + text).find(text, 1)
    return text[:period]


def _is_sequence(text: str) -> bool:
    """Whether each character follows the one before it, up or down: `23456789`."""
    steps = {ord(second) - ord(first) for first, second in pairwise(text)}
    return steps <= {1} or steps <= {-1}


def _core(text: str) -> str:
    """The text without a few digits and signs around it; itself where there are more of them."""
    core = text.strip("0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    return core if core and len(text) - len(core) <= MAX_ADDED else text


@cache
def _words() -> frozenset[str]:
    """Read when the first new password comes: 50 ms, which a worker that only serves pages need not spend."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415

    return frozenset(word for words in FREQUENCY_LISTS.values() for word in words)
