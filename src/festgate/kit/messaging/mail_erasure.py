"""Erasure of emails a week after they were sent or given up: recipient, subject, text and attachments.

The emails to one address are erased at once when its account is deleted. The row keeps its topic and its times: pages
show when an email was sent, and a topic is never used twice.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import bindparam, func, select, update

from festgate.kit.clock import DAY, HOUR, NEVER, SECOND, Clock, Milliseconds
from festgate.kit.db.notes import find_note, set_note
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging.mail import messages

log = structlog.get_logger()

KEPT = 7 * DAY
"""How long an email can be looked up after it was sent; questions of attendees usually come within days."""
ERASED_AT_ONCE = 500
"""Emails that one operation erases, so that it does not block the writer for long."""
NOTE = "emails erased"
"""Name of the note with the id of the last erased email; without it each round would read the whole queue."""
PAUSE = HOUR

_next = Statement(
    select(messages.c.id, messages.c.sent_at, messages.c.queued_at, messages.c.due_at)
    .where(messages.c.id > bindparam("erased"))
    .order_by(messages.c.id)
    .limit(bindparam("limit"))
)
_erase = Statement(
    update(messages)
    .where(messages.c.id > bindparam("erased"), messages.c.id <= bindparam("last"))
    .values(recipient="", subject="", body="", attachments="[]", error=None)
)
_to_recipient = Statement(
    select(messages.c.id, *messages.c["subject", "body", "queued_at", "sent_at"])
    .where(messages.c.id > bindparam("after"), messages.c.recipient == bindparam("address"))
    .order_by(messages.c.id)
)
_last = Statement(select(func.max(messages.c.id)))
_erase_one = Statement(
    update(messages)
    .where(messages.c.id == bindparam("message"))
    .values(recipient="", subject="", body="", attachments="[]", error=None, due_at=NEVER)
)


@dataclass(frozen=True, slots=True)
class StoredEmail:
    """An email that is still stored with its text."""

    id: int
    subject: str
    body: str
    queued_at: Milliseconds
    sent_at: Milliseconds | None


@dataclass(frozen=True, slots=True)
class StoredEmails:
    """The stored emails to one address, and the last email of the queue when they were looked for."""

    emails: tuple[StoredEmail, ...]
    last: int


def find_emails_to(connection: Connection, recipient: str) -> StoredEmails:
    """Return the stored emails to the address. This reads every email of a week, so it is for `Database.report`."""
    after = int(find_note(connection, NOTE) or 0)
    last = connection.value(_last) or 0
    return StoredEmails(_emails_after(connection, recipient, after), last)


def erase_emails_to(connection: Connection, recipient: str, stored: StoredEmails) -> tuple[int, ...]:
    """Erase the stored emails to the address, and those that were queued since they were read; return their ids.

    Those that wait in the queue are not sent.
    """
    newer = _emails_after(connection, recipient, stored.last)
    ids = tuple(email.id for email in (*stored.emails, *newer))
    for number in ids:
        connection.run(_erase_one, message=number)
    return ids


def _emails_after(connection: Connection, recipient: str, after: int) -> tuple[StoredEmail, ...]:
    rows = connection.all(_to_recipient, after=after, address=recipient)
    return tuple(StoredEmail(*row) for row in rows)


def delete_files(folder: Path, ids: Iterable[int]) -> None:
    """Delete the files of these emails, which there are without a mail server."""
    for number in ids:
        for path in folder.glob(f"festgate-{number}-*.eml"):
            with suppress(FileNotFoundError):  # another process has deleted it
                path.unlink()


def erase_sent(connection: Connection) -> int:
    """Erase emails that were sent, or given up, more than `KEPT` ago, oldest first; return how many.

    Stop at the first email that is newer or still waits, so that each email is examined once.
    """
    erased = int(find_note(connection, NOTE) or 0)
    if not _ids_to_erase(connection, connection.all(_next, erased=erased, limit=1)):
        return 0
    over = _ids_to_erase(connection, connection.all(_next, erased=erased, limit=ERASED_AT_ONCE))
    connection.run(_erase, erased=erased, last=over[-1])
    set_note(connection, NOTE, str(over[-1]))
    return len(over)


def _ids_to_erase(
    connection: Connection, rows: list[tuple[int, Milliseconds | None, Milliseconds, Milliseconds]]
) -> list[int]:
    """Return the ids up to the first email that must be kept."""
    ids = []
    for number, sent_at, queued_at, due_at in rows:
        if due_at != NEVER or (sent_at or queued_at) > connection.now - KEPT:
            break
        ids.append(number)
    return ids


def erase_files(folder: Path, now: Milliseconds) -> int:
    """Delete the emails in the folder that were written more than `KEPT` before `now`; return how many."""
    count = 0
    for path in folder.glob("festgate-*.eml"):
        try:
            if path.stat().st_mtime * SECOND < now - KEPT:
                path.unlink()
                count += 1
        except FileNotFoundError:  # another process has deleted it
            continue
    return count


async def keep_erasing(folder: Path, clock: Clock) -> None:
    """Delete old files of emails now and every hour, on a thread, until cancelled."""
    while True:
        try:
            await asyncio.to_thread(erase_files, folder, clock())
        except OSError:
            log.exception("old emails could not be deleted; trying again", folder=str(folder))
        await asyncio.sleep(PAUSE / SECOND)
