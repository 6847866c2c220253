"""What the modules above may ask of tickets."""

from festgate.portal.tickets.qr import ForgedCode, read_qr
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
    "ForgedCode",
    "Ticket",
    "TicketState",
    "codes_by_seat",
    "is_used",
    "mail_of",
    "read_qr",
    "ticket_of_seat",
    "tickets_of",
]
