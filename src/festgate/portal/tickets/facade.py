"""The functions of tickets that other modules may call."""

from festgate.portal.tickets.copies import (
    PostCopy,
    PostOrder,
    TicketOver,
    count_copies,
    count_order_copies,
    emails_of,
    is_useful,
    latest_mail,
    send_copy,
    send_order,
)
from festgate.portal.tickets.history import Step, history_of
from festgate.portal.tickets.holder_corrections import (
    HolderNow,
    correct_holder,
    plan_holder,
    transfer_for_holder,
)
from festgate.portal.tickets.holder_emails import HolderEmails
from festgate.portal.tickets.issue import (
    admit_holder,
    issue_places,
    issue_ticket,
    replace_code,
    undo_admission,
)
from festgate.portal.tickets.personal_data import PERSONAL_RECORDS
from festgate.portal.tickets.qr import ForgedCode, in_fours, qr_text, read_picture, read_qr
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
from festgate.portal.tickets.transfers import HolderIn

__all__ = [
    "MAX_SCAN_LENGTH",
    "PERSONAL_RECORDS",
    "ForgedCode",
    "HolderEmails",
    "HolderIn",
    "HolderNow",
    "NotACode",
    "OtherKeyboard",
    "PostCopy",
    "PostOrder",
    "Scan",
    "Step",
    "Ticket",
    "TicketOver",
    "TicketState",
    "admit_holder",
    "codes_by_seat",
    "correct_holder",
    "count_copies",
    "count_order_copies",
    "emails_of",
    "history_of",
    "in_fours",
    "is_replaced",
    "is_used",
    "is_useful",
    "issue_places",
    "issue_ticket",
    "latest_mail",
    "plan_holder",
    "qr_text",
    "read_picture",
    "read_qr",
    "read_scan",
    "replace_code",
    "send_copy",
    "send_order",
    "ticket_of_seat",
    "tickets_of",
    "transfer_for_holder",
    "undo_admission",
]
