"""Sentences about wrong settings, for people in a browser: those of settings.py are for a terminal, and in English."""

from collections.abc import Mapping
from typing import Final

from festgate.kit.translation import N_, gettext
from festgate.portal.fest.fields import limits_of
from festgate.settings import Problem

_WRONG: Final[Mapping[str, str]] = {
    "fest_starts": N_("Enter a day such as 2027-03-05."),
    "fest_ends": N_("Enter a day such as 2027-03-05, which is not before the first day."),
    "currency": N_("Enter the code of a currency (ISO 4217), such as INR."),
    "timezone": N_("Enter the name of a time zone, such as Asia/Kolkata."),
    "locale": N_("Enter a language, or a language and a country, such as de or en_IN."),
    "transfer_account": N_("Enter the number of an account, or an IBAN; check every character."),
    "transfer_ifsc": N_("Enter an IFSC of 11 characters, such as SBIN0001234."),
    "transfer_upi_id": N_("Enter a UPI id such as fest@examplebank."),
    "smtp_host": N_("Enter the name or the address of a mail server, such as smtp.example.org."),
    "mail_from": N_('Enter an address, or a name with an address: "Spring Fest" <fest@example.org>.'),
}
"""By setting: what is to be entered, where the value has not the right form."""
_KINDS: Final[Mapping[str, str]] = {
    "literal_error": N_("Choose one of the values that are listed."),
    "too_short": N_("Choose at least one."),
    "string_too_short": N_("This field is required."),
    "string_too_long": N_("At most {count} characters."),
}
_BEGINNINGS: Final[Mapping[str, str]] = {
    "bool": N_("This is neither true nor false."),
    "int": N_("Enter a whole number from {least} to {greatest}."),
    "greater": N_("Enter a whole number from {least} to {greatest}."),
    "less": N_("Enter a whole number from {least} to {greatest}."),
    "tuple": N_("This is not a list."),
}
"""By the beginning of pydantic's kind of error."""


def sentence_of(name: str, problem: Problem) -> str:
    """Return what is to be done about a wrong setting."""
    sentence = _WRONG.get(name) if problem.kind == "value_error" else _KINDS.get(problem.kind)
    if sentence is None:
        beginnings = (text for start, text in _BEGINNINGS.items() if problem.kind.startswith(start))
        sentence = next(beginnings, N_("This is not text."))
    least, greatest = limits_of(name)
    return gettext(sentence).format(count=problem.max_length, least=least, greatest=greatest)
