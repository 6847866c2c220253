"""The form of the questions to one person about their tickets for an event, with values and errors."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from festgate.kit.translation import gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.answers import AnswerField, AnswerSheet, Key, field_name
from festgate.portal.registrations.queries import Seat

INPUT_TYPES: Mapping[catalogue.QuestionKind, str] = {"date": "date", "phone": "tel", "text": "text"}


@dataclass(frozen=True, slots=True)
class FormField:
    """A question on the page, with its value and error."""

    place: AnswerField
    name: str
    label: str
    value: str
    error: str
    is_open: bool
    """Whether the answer can be changed."""

    @property
    def details(self) -> catalogue.QuestionDetails:
        """The question."""
        return self.place.question.details

    @property
    def input_type(self) -> str:
        """The type of its input."""
        return INPUT_TYPES.get(self.details.kind, "text")

    @property
    def ticked(self) -> list[str]:
        """The ticked choices."""
        return self.value.split("\n")

    @property
    def options(self) -> list[tuple[str, str]]:
        """The (value, text) of the choices, with a first one that stands for no answer."""
        return [("", gettext("Choose")), *((choice, choice) for choice in self.details.choices)]


@dataclass(frozen=True, slots=True)
class FormGroup:
    """The questions about one ticket, or about all of them."""

    heading: str
    """Empty where the person has one ticket."""
    fields: tuple[FormField, ...]


def form_groups(
    sheet: AnswerSheet, fields: Mapping[str, str] | None, errors: Mapping[str, str]
) -> tuple[FormGroup, ...]:
    """Return the questions by ticket, those about all tickets first, with the `fields` that were entered."""
    is_open = {place.key for place in sheet.open_fields}
    entered = None if fields is None else entered_answers(sheet, fields)
    groups = []
    for seat in (None, *sheet.seats):
        own = tuple(
            FormField(
                place,
                field_name(place.key),
                place.question.details.label,
                _value(place, entered),
                errors.get(field_name(place.key), ""),
                place.key in is_open,
            )
            for place in sheet.fields
            if (place.seat.id if place.seat else None) == (seat.id if seat else None)
        )
        if own:
            groups.append(FormGroup(_heading(seat, sheet.seats), own))
    if len(groups) == 1 and len(sheet.seats) == 1:
        groups = [replace(groups[0], heading="")]
    return tuple(groups)


def entered_answers(sheet: AnswerSheet, fields: Mapping[str, str]) -> dict[Key, str | Sequence[str]]:
    """Return the answers of a form to the questions that the person can answer now."""
    entered: dict[Key, str | Sequence[str]] = {}
    for place in sheet.open_fields:
        name = field_name(place.key)
        if place.question.details.kind == "choices":
            entered[place.key] = [text for field, text in fields.items() if field.startswith(f"{name}.")]
        elif place.question.details.kind != "file":
            entered[place.key] = fields.get(name, "")
    return entered


def _value(place: AnswerField, entered: Mapping[Key, str | Sequence[str]] | None) -> str:
    if entered is None:
        return place.value or place.suggestion
    value = entered.get(place.key, "")
    return value if isinstance(value, str) else "\n".join(value)


def _heading(seat: Seat | None, seats: Sequence[Seat]) -> str:
    if seat is None:
        return gettext("Your order")
    totals = Counter(place.label for place in seats)
    label = seat.type_name or gettext("Ticket")
    if totals[seat.label] > 1:
        same = [place.id for place in seats if place.label == seat.label]
        label = gettext("{ticket} {number}").format(ticket=label, number=same.index(seat.id) + 1)
    return f"{label}: {seat.attendee_name}" if seat.attendee_name else label
