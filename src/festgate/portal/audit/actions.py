"""The actions of the audit log, by their names in the data, which never change."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Action: TypeAlias = Literal[
    "role.changed",
    "team.invited",
    "team.joined",
    "invitation.sent-again",
    "invitation.withdrawn",
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
    "guests.exported",
    "ticket.resent",
    "registration.cancelled",
    "sale.made",
    "sale.undone",
    "shift.closed",
]

TITLES: Final[Mapping[Action, str]] = {
    "role.changed": N_("Role or events changed"),
    "team.invited": N_("Invited to the team"),
    "team.joined": N_("Joined the team"),
    "invitation.sent-again": N_("Invitation sent again"),
    "invitation.withdrawn": N_("Invitation withdrawn"),
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
    "guests.exported": N_("List of guests exported"),
    "ticket.resent": N_("Ticket sent again"),
    "registration.cancelled": N_("Registration cancelled"),
    "sale.made": N_("Sold at the box office"),
    "sale.undone": N_("Sale taken back"),
    "shift.closed": N_("Shift closed"),
}
