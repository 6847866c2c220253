"""The form of an event, and changes that were saved between opening it and sending it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from festgate.kit import shown
from festgate.kit.translation import N_, gettext
from festgate.portal.catalogue.facade import Details, Event

LABELS: Mapping[str, str] = {
    "title": N_("Name"),
    "summary": N_("Summary"),
    "description": N_("Description"),
    "category": N_("Category"),
    "room": N_("Room"),
    "place": N_("Place"),
    "starts_at": N_("Starts"),
    "ends_at": N_("Ends"),
    "sales_open_at": N_("Sales open"),
    "sales_close_at": N_("Sales close"),
    "fee": N_("Fee"),
    "capacity": N_("Seats"),
}
"""The labels of the form's fields."""
MAX_DIGITS = 19
"""Of a version: milliseconds of any year have fewer."""
MAX_QUOTED = 120
"""Characters of a new value that the notice repeats; the form itself has all of it."""


@dataclass(frozen=True, slots=True)
class EventForm:
    """The sentences and buttons of an event's form; `event` is None for a new one."""

    event: Event | None
    notice: str

    @property
    def is_published(self) -> bool:
        """Whether visitors see the event, so that no required field may be empty."""
        return self.event is not None and self.event.state == "published"

    @property
    def heading(self) -> str:
        """The heading of the page."""
        if self.event is None:
            return gettext("New event")
        return gettext("Edit {event}").format(event=self.event.title)

    @property
    def save(self) -> str:
        """The button that saves."""
        return gettext("Save") if self.is_published else gettext("Save the draft")

    @property
    def end_heading(self) -> str:
        """The heading of the section that cancels or deletes."""
        return gettext("Cancel event") if self.is_published else gettext("Delete the draft")

    @property
    def end_sentence(self) -> str:
        """The sentence about the consequence."""
        if self.is_published:
            return gettext(
                "Cancelling ends every registration, refunds what was paid, and cannot be undone. "
                "The next page shows how many people it concerns."
            )
        return gettext("Nobody has seen the draft yet.")

    @property
    def end_button(self) -> str:
        """The button that leads to cancelling or deleting."""
        return gettext("Cancel event…") if self.is_published else gettext("Delete the draft…")


@dataclass(frozen=True, slots=True)
class Move:
    """The question whether a sold event really moves that far. Its tick is for these times alone."""

    question: str
    before: Details
    after: Details

    @property
    def answer(self) -> str:
        """The value of the box to tick."""
        return answer_to(self.after)


@dataclass(frozen=True, slots=True)
class Merged:
    """The form again, after somebody else has saved the event."""

    values: Mapping[str, str]
    """The entered values; a field that was not edited has its new value."""
    changed: str
    """A sentence with the fields that were changed meanwhile, and their new values."""
    errors: Mapping[str, str]
    """For each field that both have changed: the value that the other organiser saved."""


def answer_to(details: Details) -> str:
    """Return the value with which the form confirms a move to the times of `details`."""
    return shown.facts(details.starts_at, details.ends_at)


def shown_form(version: int, written: Mapping[str, str]) -> str:
    """Write the hidden field of the form: the event's version, and a fingerprint of each field."""
    prints = ",".join(f"{name}={_fingerprint(written[name])}" for name in LABELS)
    return shown.facts(version, prints)


def shown_version(text: str) -> int:
    """Return the version that a hidden field names; -1, which no event has, where it names none."""
    number, _, _ = text.partition(";")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < MAX_DIGITS else -1


def merge(seen: str, entered: Mapping[str, str], now: Mapping[str, str]) -> Merged:
    """Return the form again, from its hidden field `seen`, the values `entered`, and those that are stored `now`."""
    before = dict(part.split("=", 1) for part in seen.partition(";")[2].split(",") if "=" in part)
    values, changes, errors = dict(entered), [], {}
    for name, label in LABELS.items():
        mine, theirs = _fingerprint(entered.get(name, "")), _fingerprint(now[name])
        if mine == theirs or theirs == before.get(name):
            continue
        new = now[name].strip() or gettext("(empty)")
        quoted = new if len(new) <= MAX_QUOTED and "\n" not in new else gettext("a new text")
        changes.append(f"{gettext(label)}: {quoted}")
        if mine == before.get(name):
            values[name] = now[name]
        else:
            errors[name] = gettext("Saved meanwhile: {value}.").format(value=quoted)
    sentence = gettext(" Changed meanwhile: {changes}.").format(changes="; ".join(changes))
    return Merged(values, sentence if changes else "", errors)


def _fingerprint(text: str) -> str:
    # Browsers send line breaks as CRLF.
    plain = text.replace("\r\n", "\n").strip()
    return hashlib.sha256(plain.encode()).hexdigest()[:12]
