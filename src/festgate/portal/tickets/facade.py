"""The functions of tickets that other modules may call."""

from festgate.portal.tickets.admissions import admit_holder, undo_admission
from festgate.portal.tickets.qr import CODE, ForgedCode, in_fours, read_picture, read_qr
from festgate.portal.tickets.queries import (
    Ticket,
    TicketState,
    codes_by_seat,
    is_used,
    mail_of,
    ticket_of_seat,
    tickets_of,
)

__all__ = [
    "CODE",
    "ForgedCode",
    "Ticket",
    "TicketState",
    "admit_holder",
    "codes_by_seat",
    "in_fours",
    "is_used",
    "mail_of",
    "read_picture",
    "read_qr",
    "ticket_of_seat",
    "tickets_of",
    "undo_admission",
]
