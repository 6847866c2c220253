"""The actions of the audit log, by their names in the data, which never change."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Action: TypeAlias = Literal[
    "role.changed",
    "order.refunded",
    "order.cancelled",
    "order.emailed",
    "registration.cancelled",
    "ticket.exchanged",
    "ticket.transferred",
    "ticket.emailed",
    "ticket.given",
    "difference.settled",
    "note.written",
    "holder.corrected",
]

TITLES: Final[Mapping[Action, str]] = {
    "role.changed": N_("Role changed"),
    "order.refunded": N_("Refunded in part"),
    "order.cancelled": N_("Cancelled"),
    "registration.cancelled": N_("Registration cancelled"),
    "order.emailed": N_("Emailed again"),
    "ticket.exchanged": N_("Ticket exchanged"),
    "ticket.transferred": N_("Ticket transferred"),
    "ticket.emailed": N_("Ticket emailed again"),
    "ticket.given": N_("Complimentary ticket given"),
    "difference.settled": N_("Difference settled"),
    "note.written": N_("Note written"),
    "holder.corrected": N_("Name on a ticket corrected"),
}
