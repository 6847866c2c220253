"""Erasure of emails a week after they were sent or given up: recipient, subject, text and attachments.

The row keeps its topic and its times: pages show when an email was sent, and a topic is never used twice.
"""

import asyncio
from pathlib import Path

import structlog
from sqlalchemy import bindparam, select, update

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
