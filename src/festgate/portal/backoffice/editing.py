"""An event's form, and what became of the event between opening the form and sending it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from festgate.kit import shown

LABELS: Mapping[str, str] = {
    "title": "Name",
    "summary": "Summary",
    "description": "Description",
    "category": "Category",
    "place": "Place",
    "starts_at": "Starts",
    "ends_at": "Ends",
    "sales_open_at": "Sales open",
    "sales_close_at": "Sales close",
    "fee": "Fee",
    "capacity": "Seats",
}
"""As the form names its fields."""
MAX_DIGITS = 19
"""Of a version: milliseconds of any year have fewer."""
MAX_QUOTED = 120
"""Characters of a new value that the notice repeats; the form itself has all of it."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The form again, after somebody else has saved the event."""

    values: Mapping[str, str]
    """What was entered; a field that was left alone has its new value."""
    changed: str
    """Names the fields that were changed meanwhile, with their new values."""
    errors: Mapping[str, str]
    """By field that both have changed: what the other one saved."""


def shown_form(version: int, written: Mapping[str, str]) -> str:
    """Write the hidden field of the form: the event's version, and a fingerprint of each field."""
    prints = ",".join(f"{name}={_fingerprint(written[name])}" for name in LABELS)
    return shown.facts(version, prints)


def shown_version(text: str) -> int:
    """Return the version that a hidden field names; -1, which no event has, where it names none."""
    number, _, _ = text.partition(";")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < MAX_DIGITS else -1


def merge(seen: str, entered: Mapping[str, str], now: Mapping[str, str]) -> Merged:
    """Return the form again: `seen` is its hidden field, `entered` what was sent, `now` what is stored by now."""
    before = dict(part.split("=", 1) for part in seen.partition(";")[2].split(",") if "=" in part)
    values, changes, errors = dict(entered), [], {}
    for name, label in LABELS.items():
        mine, theirs = _fingerprint(entered.get(name, "")), _fingerprint(now[name])
        if mine == theirs or theirs == before.get(name):
            continue
        new = now[name].strip() or "nothing"
        quoted = new if len(new) <= MAX_QUOTED and "\n" not in new else "a new text"
        changes.append(f"{label}: {quoted}")
        if mine == before.get(name):
            values[name] = now[name]
        else:
            errors[name] = f"Saved meanwhile: {quoted}."
    what = f" Changed meanwhile: {'; '.join(changes)}." if changes else ""
    return Merged(values, what, errors)


def _fingerprint(text: str) -> str:
    # Browsers send line breaks as CRLF.
    plain = text.replace("\r\n", "\n").strip()
    return hashlib.sha256(plain.encode()).hexdigest()[:12]
