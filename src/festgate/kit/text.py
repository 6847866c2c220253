"""Text that people type, made fit to keep and to show.

Normalising sorts the combining marks that follow one character, and that takes the square of their number: 20,000 marks
held the event loop for 1.8 s. So this is the only module that calls `unicodedata.normalize`, and it looks first at how
long the text is and how many marks follow each other. After that every normalisation is linear.
"""

import unicodedata
from typing import Final, Literal

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties, as far as it is not in category Cf; and the blank of
# Braille, which is no space to any program and nothing to any eye.
_UNSEEN_RANGES = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2065, 0x2065),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0xE0000, 0xE0FFF),
)
JOINERS = "\u200c\u200d"
"""Invisible, but Malayalam, Bengali and Persian are not spelled right without them."""
MAX_LINE: Final = 1_000
"""Characters of a line that has no closer limit of its own."""
MAX_TEXT: Final = 10_000
"""Characters of the longest text that anybody may enter: an event's description."""
DECOMPOSED: Final = 4
"""Characters that one character is spelled with at most before it is composed (Unicode Standard Annex 15, section 9). A
text of the allowed length is never refused for the way in which a keyboard or a file system spells it."""
MAX_MARKS: Final = 30
"""Combining marks after one character, as in the Stream-Safe Text Format (Unicode Standard Annex 15, section 13). No
script needs more than a handful."""
HIDDEN_MARKS: Final = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")
"""Marks only once they are decomposed: Unicode gives these characters themselves no combining class."""


def is_unseen(sign: str) -> bool:
    """Whether the character shows nothing: an invisible mark, a filler, a variation selector, a tag, a blank."""
    point = ord(sign)
    return unicodedata.category(sign) == "Cf" or any(first <= point <= last for first, last in _UNSEEN_RANGES)


def normalized(form: Form, text: str, max_length: int) -> str:
    """The text in a normal form. `ValueError`, before any work, where it is too long or has too many marks in a row.

    `max_length`: characters of the text as it is given.
    """
    check_length(text, max_length)
    if text.isascii():
        return text
    check_marks(text)
    return unicodedata.normalize(form, text)


def check_length(text: str, max_length: int, shown: int | None = None) -> None:
    """`ValueError` where the text is longer; the sentence says `shown` characters where that is another number."""
    if len(text) > max_length:
        msg = f"At most {shown or max_length} characters."
        raise ValueError(msg)


def check_marks(text: str) -> None:
    """`ValueError` where more than 30 combining marks follow each other."""
    run = 0
    for sign in text:
        run = run + 1 if sign >= "\u0300" and (unicodedata.combining(sign) or sign in HIDDEN_MARKS) else 0
        if run > MAX_MARKS:
            msg = f"At most {MAX_MARKS} accents or other marks can stand on one character."
            raise ValueError(msg)


def caseless(text: str, max_length: int) -> str:
    """The text as names are compared (Unicode's compatibility caseless match, D146). `ValueError` as `normalized`."""
    once = unicodedata.normalize("NFKC", normalized("NFD", text, max_length).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def searchable(text: str) -> str:
    """The text as searching compares it: without case, and with one spelling of each character."""
    return normalized("NFKC", text.casefold(), DECOMPOSED * MAX_LINE)


def tidy(text: str, *, lines: bool = False, max_length: int | None = None) -> str:
    """The text normalised (NFC) and trimmed. `ValueError` where it is too long or holds what nobody can see or type.

    Cc are control characters, Cf invisible marks that can hide or reverse a name, Cs halves of characters. With
    `lines`, line breaks (of any kind, kept as one) and tabs may be in it.
    """
    longest = max_length or (MAX_TEXT if lines else MAX_LINE)
    check_length(text, DECOMPOSED * longest, longest)
    also = f"{JOINERS}\n\t" if lines else JOINERS
    # Unicode's own separators are line breaks for readers of calendar files, and spaces for people.
    for separator in ("\u2028", "\u2029"):
        text = text.replace(separator, "\n" if lines else " ")
    if lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = normalized("NFC", text, DECOMPOSED * longest)
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign not in also for sign in text):
        msg = "Control characters and invisible marks cannot be part of this."
        raise ValueError(msg)
    text = text.strip()
    if text and all(is_unseen(sign) or sign.isspace() for sign in text):
        msg = "This shows nothing: write something that can be read."
        raise ValueError(msg)
    check_length(text, longest)
    return text


def tidy_lines(text: str) -> str:
    """As `tidy`, with line breaks."""
    return tidy(text, lines=True)
