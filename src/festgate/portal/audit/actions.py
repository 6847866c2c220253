"""The actions of the audit log, by their names in the data, which never change."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Action: TypeAlias = Literal[
    "role.changed", "order.refunded", "guests.exported", "ticket.resent", "registration.cancelled"
]

TITLES: Final[Mapping[Action, str]] = {
    "role.changed": N_("Role changed"),
    "order.refunded": N_("Order refunded"),
    "guests.exported": N_("List of guests exported"),
    "ticket.resent": N_("Ticket sent again"),
    "registration.cancelled": N_("Registration cancelled"),
}
