"""The fields for the names of attendees on the checkout page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.registrations import facade as registrations

FIELDS_PER_SEAT = 2


@dataclass(frozen=True)
class HolderField:
    """The fields of one seat: their values and errors."""

    seat_id: int
    label: str
    """The event, and the number of the ticket if there are several for it."""
    is_required: bool
    name: str
    email: str
    name_error: str = ""
    email_error: str = ""
    max_name: int = accounts.MAX_PERSON_NAME_LENGTH
    max_email: int = accounts.MAX_EMAIL_LENGTH


def holder_fields(
    seats: Sequence[registrations.Seat],
    own_name: str,
    entered: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> tuple[HolderField, ...]:
    """Return the fields of the seats whose events want names; none for plain events.

    `own_name` is the buyer's, which the first ticket for each event begins with; `entered` are the values of a form.
    """
    named = [seat for seat in seats if seat.ticket_names != "off"]
    if not named:
        return ()
    totals = Counter(seat.label for seat in named)
    numbers: Counter[str] = Counter()
    fields = []
    for seat in named:
        numbers[seat.label] += 1
        name, email = f"name-{seat.id}", f"email-{seat.id}"
        values = entered or {}
        first = own_name if numbers[seat.label] == 1 and not _has_name(named, seat.event_id) else ""
        label = seat.label
        if totals[seat.label] > 1:
            label = gettext("{event}, ticket {number}").format(event=seat.label, number=numbers[seat.label])
        fields.append(
            HolderField(
                seat.id,
                label,
                seat.ticket_names == "required",
                values.get(name, seat.attendee_name or first),
                values.get(email, seat.attendee_email),
                (errors or {}).get(name, ""),
                (errors or {}).get(email, ""),
            )
        )
    return tuple(fields)


def _has_name(seats: Sequence[registrations.Seat], event_id: int) -> bool:
    return any(seat.attendee_name for seat in seats if seat.event_id == event_id)
