"""Rules for names of people, usernames, email addresses and passwords, and the comparison of names."""

import re
import unicodedata
from collections.abc import Set as AbstractSet

from festgate.kit.text import DECOMPOSED, JOINERS, caseless, check_length, is_unseen, normalized, searchable
from festgate.kit.translation import gettext
from festgate.portal.accounts.email_addresses import MAX_EMAIL_LENGTH, clean_address

MIN_NAME_LENGTH, MAX_NAME_LENGTH = 3, 32
MAX_LOCAL_PART_LENGTH = 64
MAX_PERSON_NAME_LENGTH = 100
MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 8, 200

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")

_MARKS_IN_NAMES = frozenset(" .,-&()'\u2018\u2019\u2010\u2011\u2013\u00b7\u30fb\u05f3\u05f4")
"""Characters of names beside letters, digits and their marks: those of "D'Arcy-García", "Abd al-Rahman (Abu)"."""
_STRAY_JOINER = re.compile("(?<![\u0600-\u18ff])[\u200c\u200d]")
"""An invisible joiner elsewhere than in Arabic, Persian and the scripts of India, which need it for spelling."""
_SHORT_SLASH = re.compile(r"(?<!\w)[^\W\d_]/[^\W\d_](?!\w)")
"""The slash of "Ravi s/o Kumar", between two single letters."""
_CROWDED_DOT = re.compile(r"\.(?=\w\w)")

# Python's Unicode data has no scripts, but a letter's name begins with its script, and Unicode never changes a name.
# For the letters, marks and digits of 30 scripts the results agree with those of `regex` 2026.11.
_SHARED = frozenset({"COMBINING", "MODIFIER", "VEDIC", "DIGIT", "CARON", "MASU"})
"""First words of the names of characters that belong to more than one script."""
_SAME = {"IDEOGRAPHIC": "CJK", "VIETNAMESE": "CJK", "HENTAIGANA": "HIRAGANA", "EXTENDED": "ARABIC"}
_TOGETHER: tuple[AbstractSet[str], ...] = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
"""Scripts that are written together: UTS #39, "highly restrictive"."""


def key_of(name: str) -> str:
    """Return the name as it is compared, without case, width and composition (Unicode's caseless match, D146).

    A name that no account can have (too long, too many marks) is returned unchanged, and so matches none.
    """
    try:
        return caseless(name, DECOMPOSED * MAX_EMAIL_LENGTH)
    except ValueError:
        return name


def search_text(name: str, username: str, email: str) -> str:
    """Return the text in which searches look for a person."""
    return searchable(f"{name} {username} {email}")


def read_person_name(text: str) -> str:
    """Return the person's name without invisible characters and repeated spaces. Raises ValueError with a sentence.

    Letters of every script are accepted, one word is enough. Emails greet an address that nobody has confirmed by this
    name, so it can hold no link: no colon or slash, and after a dot a longer word begins with a space.
    """
    check_length(text, DECOMPOSED * MAX_PERSON_NAME_LENGTH, MAX_PERSON_NAME_LENGTH)
    visible = "".join(
        sign
        for sign in _STRAY_JOINER.sub("", " ".join(text.split()))
        if sign in JOINERS or not (is_unseen(sign) or unicodedata.category(sign) in ("Cc", "Cs"))
    )
    composed = normalized("NFC", visible, DECOMPOSED * MAX_PERSON_NAME_LENGTH)
    name = " ".join(_CROWDED_DOT.sub(". ", composed).split())
    if not name:
        msg = gettext("Enter your name.")
        raise ValueError(msg)
    check_length(name, MAX_PERSON_NAME_LENGTH)
    kinds = [unicodedata.category(sign)[0] for sign in name]
    if (
        "L" not in kinds
        or kinds[0] == "M"
        or not all(
            kind in "LMN" or sign in _MARKS_IN_NAMES or sign in JOINERS
            for sign, kind in zip(_SHORT_SLASH.sub("s.o", name), kinds, strict=True)
        )
    ):
        msg = gettext("Use letters, spaces, hyphens, apostrophes and dots.")
        raise ValueError(msg)
    return name


def read_username(text: str) -> str:
    """Return the username as it will be shown. Raises ValueError with a sentence for the visitor.

    Letters and digits of every script are accepted, and so are the vowel signs that many scripts of India write as
    marks. An @ is not, so a username is never mistaken for an email address.
    """
    # The length first: normalising a name of 20,000 marks blocked the event loop for 1.8 s.
    check_length(text, DECOMPOSED * MAX_NAME_LENGTH, MAX_NAME_LENGTH)
    name = normalized("NFKC", text, DECOMPOSED * MAX_NAME_LENGTH).strip()
    if not MIN_NAME_LENGTH <= len(name) <= MAX_NAME_LENGTH:
        msg = gettext("{min} to {max} characters.").format(min=MIN_NAME_LENGTH, max=MAX_NAME_LENGTH)
        raise ValueError(msg)
    kinds = [unicodedata.category(sign) for sign in name]
    if not all(
        sign in "._-" or kind[0] in "LM" or kind == "Nd" for sign, kind in zip(name, kinds, strict=True)
    ):
        msg = gettext("Use only letters, digits, dots, dashes and underscores.")
        raise ValueError(msg)
    if any(is_unseen(sign) for sign in name):
        msg = gettext("It contains an invisible character. Type the name instead of copying it.")
        raise ValueError(msg)
    if mixes_scripts(name):
        msg = gettext("Use letters of one alphabet only.")
        raise ValueError(msg)
    if kinds[0][0] != "L" and kinds[0] != "Nd":
        msg = gettext("It must begin with a letter or a digit.")
        raise ValueError(msg)
    return name


def read_email(text: str) -> str:
    """Return the email address, cleaned, with its domain in ASCII. Raises ValueError with a sentence for the visitor.

    Only the form is checked; the confirmation email shows whether mail arrives. The part before the @ has to be
    ASCII, because any other needs SMTPUTF8 on every mail server on the way.
    """
    check_length(text, 2 * MAX_EMAIL_LENGTH, MAX_EMAIL_LENGTH)  # with room for what surrounds it
    address = clean_address(text)
    local_part, _, domain = address.rpartition("@")
    labels = domain.split(".")
    if (
        len(address) > MAX_EMAIL_LENGTH
        or len(local_part) > MAX_LOCAL_PART_LENGTH
        or _LOCAL_PART.fullmatch(local_part) is None
        or not all(_LABEL.fullmatch(label) for label in labels)
        or (len(labels) == 1 and domain.lower() != "localhost")
    ):
        msg = gettext("This is not an email address. Enter one like name@example.org.")
        if local_part.isprintable() and not local_part.isascii() and domain.isascii():
            letters = gettext("Before the @ only the letters a to z, digits and signs can be used.")
            msg = f"{msg} {letters}"
        raise ValueError(msg)
    return address


def plain_name(text: str) -> str:
    """Return a username or email address as it is looked up, without what is copied along with it.

    Format characters were never part of a username. A text that is too long for a name is returned unchanged.
    """
    try:
        if "@" in text or "\uff20" in text:
            return clean_address(text)
    except ValueError:
        return text
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf").strip()


def read_name(text: str) -> str:
    """Return the username or email address that a visitor signs in with. Raises ValueError if it can be neither.

    Its form is not checked further: a name of no account gets the same answer as a wrong password.
    """
    check_length(text, MAX_EMAIL_LENGTH)
    name = plain_name(text)
    if not name:
        msg = gettext("This field is required.")
        raise ValueError(msg)
    _refuse_control(name)
    return name


def read_password(text: str) -> str:
    """Return the password as it is hashed. Raises ValueError if it has control characters.

    It is composed (NFC), because keyboards differ in how they send an é. Spaces count, also at the ends.
    """
    check_length(text, MAX_PASSWORD_LENGTH)
    _refuse_control(text)
    return normalized("NFC", text, MAX_PASSWORD_LENGTH)


def _refuse_control(text: str) -> None:
    # Cc: control characters; Cs: half a character, which no database stores.
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        msg = gettext("Control characters are not allowed.")
        raise ValueError(msg)


def mixes_scripts(name: str) -> bool:
    """Return whether the name mixes scripts that are not written together, as `asha` with a Cyrillic first letter."""
    scripts = {_script_of(sign) for sign in name if unicodedata.category(sign)[0] in "LMN"} - {""}
    return len(scripts) > 1 and not any(scripts <= allowed for allowed in _TOGETHER)


def _script_of(sign: str) -> str:
    """Return the script of a character; empty for one that belongs to several."""
    first = unicodedata.name(sign, "").partition(" ")[0].partition("-")[0]
    return "" if first in _SHARED else _SAME.get(first, first)
