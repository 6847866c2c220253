"""The actions of the audit log, by their names in the data, which never change."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Action: TypeAlias = Literal[
    "role.changed",
    "order.refunded",
    "event.published",
    "event.unpublished",
    "event.cancelled",
    "event.copied",
    "event.moved",
    "event.resized",
    "sales.opened",
    "sales.closed",
    "events.imported",
    "email.retried",
    "backup.made",
]

TITLES: Final[Mapping[Action, str]] = {
    "role.changed": N_("Role changed"),
    "order.refunded": N_("Order refunded"),
    "event.published": N_("Event published"),
    "event.unpublished": N_("Event withdrawn"),
    "event.cancelled": N_("Event cancelled"),
    "event.copied": N_("Event copied"),
    "event.moved": N_("Event moved"),
    "event.resized": N_("Number of seats changed"),
    "sales.opened": N_("Sales opened"),
    "sales.closed": N_("Sales closed"),
    "events.imported": N_("Events imported"),
    "email.retried": N_("Email sent again"),
    "backup.made": N_("Backup made"),
}
