"""The actions of the audit log, by their names in the data, which never change."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Action: TypeAlias = Literal["role.changed", "team.invited", "team.joined", "invitation.sent-again", "invitation.withdrawn", "order.refunded", "event.published", "event.unpublished", "event.cancelled", "event.copied", "event.moved", "event.resized", "sales.opened", "sales.closed", "events.imported", "email.retried", "backup.made", "guests.exported", "ticket.resent", "registration.cancelled", "sale.made", "sale.undone", "shift.closed", "transfer.confirmed", "transfer.rejected", "statement.imported", "line.assigned", "line.ignored", "order.cancelled", "order.emailed", "ticket.exchanged", "ticket.transferred", "ticket.emailed", "ticket.given", "difference.settled", "note.written", "holder.corrected", "sign-in.done", "sign-in.refused", "second-factor.on", "second-factor.off", "second-factor.codes-renewed", "second-factor.required", "second-factor.optional", "event.deleted", "order.marked-paid", "order.marked-refunded", "check-in.undone", "email-address.corrected", "account.deleted", "answers.exported", "programme.exported", "types.exported", "events.exported", "settings.changed", "fest.set-up"]

TITLES: Final[Mapping[str, str]] = {
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
    "transfer.confirmed": N_("Transfer confirmed"),
    "transfer.rejected": N_("Number of a transfer rejected"),
    "statement.imported": N_("Bank statement imported"),
    "line.assigned": N_("Payment assigned to an order"),
    "line.ignored": N_("Payment on a statement ignored"),
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
    "sign-in.done": N_("Signed in"),
    "sign-in.refused": N_("Sign-in refused"),
    "second-factor.on": N_("Second factor switched on"),
    "second-factor.off": N_("Second factor switched off"),
    "second-factor.codes-renewed": N_("Recovery codes renewed"),
    "second-factor.required": N_("Second factor required of the team"),
    "second-factor.optional": N_("Second factor no longer required"),
    "event.deleted": N_("Draft deleted"),
    "order.marked-paid": N_("Order marked paid"),
    "order.marked-refunded": N_("Order marked refunded"),
    "check-in.undone": N_("Check-in undone"),
    "email-address.corrected": N_("Email address corrected"),
    "account.deleted": N_("Personal data deleted"),
    "answers.exported": N_("Answers downloaded"),
    "programme.exported": N_("Programme exported"),
    "types.exported": N_("Ticket types exported"),
    "events.exported": N_("Events exported"),
    "settings.changed": N_("Settings changed"),
    "fest.set-up": N_("Fest set up"),
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
