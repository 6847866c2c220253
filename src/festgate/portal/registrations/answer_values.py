"""The text of an answer as it is stored, read from a form or a call, by the kind of its question.

The choices of `choices` are stored one on each line; a given consent is `yes`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from festgate.kit.text import tidy
from festgate.kit.translation import gettext
from festgate.portal.catalogue import facade as catalogue

MAX_ANSWER = 500
"""Characters of a text."""
MAX_NUMBER = 20
MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 6, 15
"""Digits of a phone number (ITU-T E.164)."""
YES = "yes"

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_PHONE = re.compile(r"\+?[0-9 ()./-]+")


def read_answer(question: catalogue.QuestionDetails, entered: str | Sequence[str]) -> str:
    """Return the stored text of an answer; empty without one. Raises ValueError with a sentence for the person.

    Several texts are the ticked choices; a file is read in files.py.
    """
    if question.kind == "choices":
        ticked = [entered] if isinstance(entered, str) else entered
        known = {choice.strip() for choice in ticked if choice.strip()}
        if not known <= set(question.choices):
            raise ValueError(gettext("Choose one of these."))
        return "\n".join(choice for choice in question.choices if choice in known)
    if not isinstance(entered, str):
        raise ValueError(gettext("Enter one answer."))  # noqa: TRY004  (about what the person sent)
    text = tidy(entered, max_length=MAX_ANSWER)
    return _READERS[question.kind](text, question) if text else ""


def shown_answer(kind: catalogue.QuestionKind, value: str) -> str:
    """Return a stored answer as people read it."""
    if kind == "choices":
        return ", ".join(value.split("\n"))
    return gettext("Yes") if kind == "consent" and value == YES else value


def _text(text: str, _question: catalogue.QuestionDetails) -> str:
    return text


def _number(text: str, _question: catalogue.QuestionDetails) -> str:
    if len(text) > MAX_NUMBER or not _NUMBER.fullmatch(text):
        raise ValueError(gettext("Enter a number."))
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise ValueError(gettext("Enter a number.")) from None
    written = f"{number:f}"
    written = written.rstrip("0").rstrip(".") if "." in written else written
    return "0" if written in ("-0", "0") else written


def _choice(text: str, question: catalogue.QuestionDetails) -> str:
    if text not in question.choices:
        raise ValueError(gettext("Choose one of these."))
    return text


def _date(text: str, _question: catalogue.QuestionDetails) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(gettext("Enter a date such as 2004-12-31.")) from None


def _phone(text: str, _question: catalogue.QuestionDetails) -> str:
    digits = sum(sign.isdecimal() for sign in text)
    if not _PHONE.fullmatch(text) or not MIN_PHONE_DIGITS <= digits <= MAX_PHONE_DIGITS:
        raise ValueError(gettext("Enter a phone number such as +91 98765 43210."))
    return " ".join(text.split())


def _consent(text: str, _question: catalogue.QuestionDetails) -> str:
    if text != YES:
        raise ValueError(gettext("Tick the box, or leave it empty."))
    return text


def _file(_text: str, _question: catalogue.QuestionDetails) -> str:
    raise ValueError(gettext("Upload the file on the page of your answers."))


_READERS: Mapping[catalogue.QuestionKind, Callable[[str, catalogue.QuestionDetails], str]] = {
    "text": _text,
    "number": _number,
    "choice": _choice,
    "date": _date,
    "phone": _phone,
    "consent": _consent,
    "file": _file,
}
