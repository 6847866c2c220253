"""The functions of tickets that other modules may call."""

from festgate.portal.tickets.copies import (
    PostCopy,
    TicketOver,
    count_copies,
    is_useful,
    latest_mail,
    send_copy,
)
from festgate.portal.tickets.issue import admit_holder, replace_code, undo_admission
from festgate.portal.tickets.personal_data import PERSONAL_RECORDS
from festgate.portal.tickets.qr import ForgedCode, draw, in_fours, read_picture, read_qr
from festgate.portal.tickets.queries import (
    Ticket,
    TicketState,
    codes_by_seat,
    is_replaced,
    is_used,
    ticket_of_seat,
    tickets_of,
)
from festgate.portal.tickets.scans import MAX_SCAN_LENGTH, NotACode, OtherKeyboard, Scan, read_scan

__all__ = [
    "MAX_SCAN_LENGTH",
    "PERSONAL_RECORDS",
    "ForgedCode",
    "NotACode",
    "OtherKeyboard",
    "PostCopy",
    "Scan",
    "Ticket",
    "TicketOver",
    "TicketState",
    "admit_holder",
    "codes_by_seat",
    "count_copies",
    "draw",
    "in_fours",
    "is_replaced",
    "is_used",
    "is_useful",
    "latest_mail",
    "read_picture",
    "read_qr",
    "read_scan",
    "replace_code",
    "send_copy",
    "ticket_of_seat",
    "tickets_of",
    "undo_admission",
]
