"""The actions of the audit log, by their names in the data, which never change."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Action: TypeAlias = Literal[
    "sign-in.done",
    "sign-in.refused",
    "role.changed",
    "second-factor.on",
    "second-factor.off",
    "second-factor.codes-renewed",
    "second-factor.required",
    "second-factor.optional",
    "event.published",
    "event.cancelled",
    "event.deleted",
    "order.marked-paid",
    "order.marked-refunded",
    "order.refunded",
    "order.cancelled",
    "registration.cancelled",
    "check-in.undone",
    "email-address.corrected",
    "account.deleted",
    "answers.exported",
    "programme.exported",
    "types.exported",
    "events.exported",
]

TITLES: Final[Mapping[str, str]] = {
    "sign-in.done": N_("Signed in"),
    "sign-in.refused": N_("Sign-in refused"),
    "role.changed": N_("Role changed"),
    "second-factor.on": N_("Second factor switched on"),
    "second-factor.off": N_("Second factor switched off"),
    "second-factor.codes-renewed": N_("Recovery codes renewed"),
    "second-factor.required": N_("Second factor required of the team"),
    "second-factor.optional": N_("Second factor no longer required"),
    "event.published": N_("Event published"),
    "event.cancelled": N_("Event cancelled"),
    "event.deleted": N_("Draft deleted"),
    "order.marked-paid": N_("Order marked paid"),
    "order.marked-refunded": N_("Order marked refunded"),
    "order.refunded": N_("Order refunded"),
    "order.cancelled": N_("Order cancelled"),
    "registration.cancelled": N_("Registration cancelled"),
    "check-in.undone": N_("Check-in undone"),
    "email-address.corrected": N_("Email address corrected"),
    "account.deleted": N_("Personal data deleted"),
    "answers.exported": N_("Answers downloaded"),
    "programme.exported": N_("Programme exported"),
    "types.exported": N_("Ticket types exported"),
    "events.exported": N_("Events exported"),
}

DETAILS: Final[Mapping[str, str]] = {
    "amount": N_("Amount"),
    "by": N_("Decided by"),
    "from": N_("Before"),
    "to": N_("Now"),
    "reason": N_("Reason"),
    "registrations": N_("Registrations"),
    "rows": N_("Rows"),
    "event": N_("Event"),
}
"""Labels of details, by their keys; a key without one is shown as it is."""
DECIDED_BY: Final = "by"
"""The key of the detail with the number of the organiser that decided what a command did."""
PERSON: Final = "person"
"""The key of the detail with the number of the person concerned. Pages show it as a link, and no detail has a name
or an address of an attendee: entries stay when the account is deleted."""
