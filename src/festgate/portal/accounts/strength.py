"""Refusal of new passwords that guessers try first; there are no rules about kinds of characters.

NIST SP 800-63B asks for this: common passwords and words, repetitions, sequences, and names of the account. The words
are zxcvbn's lists. Its estimate is not used: it takes 0.5 s for 24 characters and 8 s for 64 of the most expensive
text, while this check takes some microseconds.
"""

from collections.abc import Iterable
from functools import cache
from itertools import pairwise

from festgate.kit.translation import N_, gettext

MAX_READ = 100
"""Characters that are checked."""
MAX_ADDED = 4
"""Characters around a common word that do not make it stronger: `Password2026`."""
MIN_UNIT = 4
"""Characters of a unit whose repetition is accepted: `abcabcabc` repeats a shorter one."""
MIN_WORD = 4
"""Characters of a part of a name that is looked for; a shorter part is in many other words."""
MIN_OTHER = 6
"""Characters that a password needs besides the account's own names."""

COMMON = N_(
    "Guessers try this password first. Choose another: three or four words that do not belong together, "
    "or one made by a password manager."
)
OWN = N_(
    "This is mostly your name, your email address or the fest's name, which guessers try first. Choose a password "
    "without them: three or four words that do not belong together, or one made by a password manager."
)

_LOOK_ALIKES = str.maketrans("@4310$57!", "aaeiossti")


def find_weakness(password: str, known: Iterable[str]) -> str:
    """Return a sentence about what is wrong with a new password and what to do; empty if it is accepted.

    `known` are the username, the email address and the fest's name.
    """
    text = password[:MAX_READ].casefold()
    if any(_is_mostly(text, word) for name in known for word in _words_of(name.casefold())):
        return gettext(OWN)
    unit = _unit(text)
    plain = (unit, unit.translate(_LOOK_ALIKES))
    is_common = (
        len(unit) < MIN_UNIT <= len(text)
        or _is_sequence(unit)
        or any(word in _words() for spelling in plain for word in (spelling, _core(spelling)))
    )
    return gettext(COMMON) if is_common else ""


def _is_mostly(text: str, word: str) -> bool:
    return word in text and len(text.replace(word, "")) < MIN_OTHER


def _words_of(name: str) -> list[str]:
    """Return the name as a whole, without its spaces, and its parts: an email address is split at the @."""
    parts = [name, "".join(name.split()), *name.split(), *name.split("@")]
    return [part for part in parts if len(part) >= MIN_WORD or part == name]


def _unit(text: str) -> str:
    """Return the unit that the text repeats, or the text itself."""
    period = (text + text).find(text, 1)
    return text[:period]


def _is_sequence(text: str) -> bool:
    """Return whether each character follows the one before it, up or down: `23456789`."""
    steps = {ord(second) - ord(first) for first, second in pairwise(text)}
    return steps <= {1} or steps <= {-1}


def _core(text: str) -> str:
    """Return the text without a few digits and signs around it; unchanged if there are more of them."""
    core = text.strip("0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    return core if core and len(text) - len(core) <= MAX_ADDED else text


@cache
def _words() -> frozenset[str]:
    """Return the lists of words, read for the first new password: 50 ms that most workers never have to spend."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415

    return frozenset(word for words in FREQUENCY_LISTS.values() for word in words)
