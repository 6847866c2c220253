"""What a username, an email address and a password may be, and when two names are the same."""

import re
import unicodedata

from festgate.kit.text import DECOMPOSED, caseless, check_length, is_unseen, normalized
from festgate.portal.accounts.scripts import mixes_scripts

MIN_NAME_LENGTH, MAX_NAME_LENGTH = 3, 32
MAX_EMAIL_LENGTH = 254
"""What a mail server must take (RFC 5321, section 4.5.3.1.3, less the angle brackets)."""
MAX_LOCAL_PART_LENGTH = 64
MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 8, 200

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def key_of(name: str) -> str:
    """What is compared: case, width and composition folded away (Unicode's compatibility caseless match, D146).

    A name that nobody can have (too long, too many marks) stays as it is, and so is equal to no one's.
    """
    try:
        return caseless(name, DECOMPOSED * MAX_EMAIL_LENGTH)
    except ValueError:
        return name


def read_username(text: str) -> str:
    """The username as it will be shown; `ValueError` says what is wrong with it.

    Letters and digits of every script are letters and digits, and so are the vowel signs that many scripts of India
    write as marks. There is no @, so a username is never mistaken for an email address.
    """
    # Length before work: normalising a name of 20,000 marks held the event loop for 1.8 s.
    check_length(text, DECOMPOSED * MAX_NAME_LENGTH, MAX_NAME_LENGTH)
    name = normalized("NFKC", text, DECOMPOSED * MAX_NAME_LENGTH).strip()
    if not MIN_NAME_LENGTH <= len(name) <= MAX_NAME_LENGTH:
        msg = f"{MIN_NAME_LENGTH} to {MAX_NAME_LENGTH} characters."
        raise ValueError(msg)
    kinds = [unicodedata.category(sign) for sign in name]
    if not all(
        sign in "._-" or kind[0] in "LM" or kind == "Nd" for sign, kind in zip(name, kinds, strict=True)
    ):
        msg = "Use only letters, digits, dots, dashes and underscores."
        raise ValueError(msg)
    if any(is_unseen(sign) for sign in name):
        msg = "It contains an invisible character. Type the name instead of copying it."
        raise ValueError(msg)
    if mixes_scripts(name):
        msg = "Use letters of one alphabet only."
        raise ValueError(msg)
    if kinds[0][0] != "L" and kinds[0] != "Nd":
        msg = "It must begin with a letter or a digit."
        raise ValueError(msg)
    return name


def read_email(text: str) -> str:
    """The address as it was written; `ValueError` says what is wrong with it.

    Only the shape is looked at: whether mail arrives, only mail can tell. Plain ASCII, since an address of another kind
    needs every mail server on the way to know SMTPUTF8.
    """
    check_length(text, 2 * MAX_EMAIL_LENGTH, MAX_EMAIL_LENGTH)  # with room for spaces around it
    address = text.strip()
    local_part, _, domain = address.rpartition("@")
    labels = domain.split(".")
    if (
        len(address) > MAX_EMAIL_LENGTH
        or len(local_part) > MAX_LOCAL_PART_LENGTH
        or _LOCAL_PART.fullmatch(local_part) is None
        or not all(_LABEL.fullmatch(label) for label in labels)
        or (len(labels) == 1 and domain.lower() != "localhost")
    ):
        msg = "This is not an email address. Enter one like name@example.org."
        raise ValueError(msg)
    return address


def read_name(text: str) -> str:
    """The username or email address that somebody signs in with; `ValueError` when it can be neither.

    Its shape is left alone: a name that fits nobody is answered like any other that does.
    """
    check_length(text, MAX_EMAIL_LENGTH)
    name = text.strip()
    if not name:
        msg = "This field is required."
        raise ValueError(msg)
    _refuse_control(name)
    return name


def read_password(text: str) -> str:
    """The password as it is hashed; `ValueError` when it holds what no keyboard writes.

    Composed (NFC), because keyboards differ in how they send an é. Spaces count, at the ends too.
    """
    check_length(text, MAX_PASSWORD_LENGTH)
    _refuse_control(text)
    return normalized("NFC", text, MAX_PASSWORD_LENGTH)


def _refuse_control(text: str) -> None:
    # Cc: control; Cs: half a character, which no database takes.
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        msg = "Control characters are not allowed."
        raise ValueError(msg)
