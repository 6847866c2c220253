"""Normalisation and limits of text that visitors enter.

Unicode normalisation sorts the combining marks after a character in quadratic time: 20,000 marks blocked the event loop
for 1.8 s. So only this module calls `unicodedata.normalize`, after it has checked the length of the text and the number
of successive marks. Then every normalisation takes linear time.
"""

import re
import unicodedata
from typing import Final, Literal

from festgate.kit.translation import gettext

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties, except category Cf; and the blank of Braille, which
# is invisible but not a space.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164"
    "\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
JOINERS = "\u200c\u200d"
"""Invisible characters that Malayalam, Bengali and Persian need for correct spelling."""
REGION_FLAG: Final = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""The flag of a region such as Scotland: a black flag, invisible tags with the region's code, and their end (Unicode
Technical Standard 51, annex C)."""
MAX_LINE: Final = 1_000
"""Characters of a line without a lower limit of its own."""
MAX_TEXT: Final = 10_000
"""Characters of the longest text that can be entered, such as a description."""
DECOMPOSED: Final = 4
"""Characters into which one character decomposes at most (Unicode Standard Annex 15, section 9). So a text of the
allowed length is accepted in any spelling of a keyboard or file system."""
MAX_MARKS: Final = 30
"""Combining marks after one character, as in the Stream-Safe Text Format (Unicode Standard Annex 15, section 13). No
script needs more than a handful."""
HIDDEN_MARKS: Final = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")
"""Characters without a combining class that decompose into combining marks."""
# Accents of Latin, Greek and Cyrillic letters, and vowel points of Hebrew and Arabic. The marks of other scripts spell
# vowels or voiced consonants, so words would change without them.
_ACCENTS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670]"
)
_APOSTROPHES = "'\u2018\u2019\u201b\u02b9\u02bb\u02bc\u2032\uff07`\u00b4"
_PLAIN = str.maketrans("øđðħ\u0131łŧ", "oddhilt", _APOSTROPHES) | str.maketrans(
    {"æ": "ae", "œ": "oe", "þ": "th"}
)
"""Letters that do not decompose into a letter and an accent, and apostrophes, which are written in many ways."""


def is_unseen(sign: str) -> bool:
    """Return whether the character is invisible: a format character, filler, variation selector, tag or blank."""
    return unicodedata.category(sign) == "Cf" or _UNSEEN.fullmatch(sign) is not None


def is_noncharacter(sign: str) -> bool:
    """Return whether the code point is reserved for programs and never a character, such as U+FFFE."""
    point = ord(sign)
    return point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF  # noqa: PLR2004  (Unicode Standard, section 23.7)


def normalized(form: Form, text: str, max_length: int) -> str:
    """Return the text in a normal form. Raise ValueError first if it is too long or has too many marks in a row.

    `max_length` is the limit on the characters before normalisation.
    """
    check_length(text, max_length)
    if text.isascii():
        return text
    check_marks(text)
    return unicodedata.normalize(form, text)


def check_length(text: str, max_length: int, shown: int | None = None) -> None:
    """Raise ValueError if the text is longer; the sentence gives `shown` as the limit if it is set."""
    if len(text) > max_length:
        msg = gettext("At most {count} characters.").format(count=shown or max_length)
        raise ValueError(msg)


def check_marks(text: str) -> None:
    """Raise ValueError if more than 30 combining marks follow each other."""
    run = 0
    for sign in text:
        run = run + 1 if sign >= "\u0300" and (unicodedata.combining(sign) or sign in HIDDEN_MARKS) else 0
        if run > MAX_MARKS:
            sentence = gettext("At most {count} accents or other marks can stand on one character.")
            raise ValueError(sentence.format(count=MAX_MARKS))


def caseless(text: str, max_length: int) -> str:
    """Return the text for comparing names (Unicode's compatibility caseless match, D146). Raise ValueError."""
    once = unicodedata.normalize("NFKC", normalized("NFD", text, max_length).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def searchable(text: str) -> str:
    """Return the words of the text for searching, separated by spaces: `cafe gomezs c++` of "Café: Gómez's C++".

    Case, accents, apostrophes and invisible characters are left out, other punctuation separates words, and symbols and
    `#` stay. Databases store the result, so a change of this function needs a migration. Raises ValueError if the text
    is too long or has too many marks in a row.
    """
    decomposed = normalized("NFKD", text.translate(_PLAIN), DECOMPOSED * MAX_LINE).casefold()
    letters = _ACCENTS.sub("", unicodedata.normalize("NFKD", decomposed)).translate(_PLAIN)
    kinds = ((sign, unicodedata.category(sign)) for sign in letters)
    words = "".join(" " if kind[0] == "P" and sign != "#" else sign for sign, kind in kinds if kind != "Cf")
    return unicodedata.normalize("NFC", " ".join(words.split()))


def search_words(text: str) -> list[str]:
    """Return the folded words of a search; a text that cannot be searched for as it is, since no other contains it."""
    try:
        return searchable(text).split()
    except ValueError:
        return [text]


def tidy(text: str, *, lines: bool = False, max_length: int | None = None) -> str:
    """Return the text normalised (NFC) and trimmed. Raise ValueError if it is too long or has invalid characters.

    Invalid are control characters (Cc), format characters (Cf), which can hide or reverse a name, surrogates (Cs) and
    non-characters; the tags in the flag of a region are valid. With `lines`, tabs and line breaks are allowed; all
    kinds of line breaks become one.
    """
    limit = max_length or (MAX_TEXT if lines else MAX_LINE)
    check_length(text, DECOMPOSED * limit, limit)
    allowed = f"{JOINERS}\n\t" if lines else JOINERS
    # Unicode's separators are line breaks to programs that read calendar files, and spaces to people.
    for separator in ("\u2028", "\u2029"):
        text = text.replace(separator, "\n" if lines else " ")
    if lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = normalized("NFC", text, DECOMPOSED * limit)
    # Most fields are plain words. Checking each character of them took a hundredth of the time of an order.
    is_plain = text.isascii() and text.isprintable()
    if not is_plain and any(
        sign not in allowed and (unicodedata.category(sign) in ("Cc", "Cf", "Cs") or is_noncharacter(sign))
        for sign in REGION_FLAG.sub("", text)
    ):
        msg = gettext("Control characters and invisible characters are not allowed here.")
        raise ValueError(msg)
    text = text.strip()
    if text and all(is_unseen(sign) or sign.isspace() for sign in text):
        msg = gettext("This text is invisible: enter visible characters.")
        raise ValueError(msg)
    check_length(text, limit)
    return text


def tidy_lines(text: str) -> str:
    """Return the text as `tidy` does, with its line breaks."""
    return tidy(text, lines=True)
