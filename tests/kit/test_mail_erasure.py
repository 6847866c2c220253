"""Emails are erased a week after they were sent or failed; queued ones are kept, and so are the times of all."""

import os
from pathlib import Path

from sqlalchemy import select

from festgate.kit.clock import DAY, HOUR, SECOND
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail import MailState
from festgate.kit.messaging.mail_erasure import (
    ERASED_AT_ONCE,
    KEPT,
    delete_files,
    erase_emails_to,
    erase_files,
    erase_sent,
    find_emails_to,
)
from tests.kit.mailing import emails, over_smtp, post, postman, send, state, to_folder
from tests.rig.database import OpenDatabase
from tests.rig.smtp import Mailbox

_rows = Statement(select(mail.messages).order_by(mail.messages.c.id))


def stored_rows(database: OpenDatabase) -> list[str]:
    return [repr(row) for row in database.read(lambda connection: connection.all(_rows))]


def test_a_sent_email_is_erased_after_a_week_except_for_the_time_it_was_sent(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    post(database, "order:1")
    sent_at = database.clock.now
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port)))
    database.clock.move(KEPT - 1)
    assert database.write(erase_sent) == 0
    assert "asha@example.org" in stored_rows(database)[0]
    database.clock.move(1)
    assert database.write(erase_sent) == 1
    (row,) = stored_rows(database)
    for personal in ("asha", "Subject of", "Good day", "robo-race"):
        assert personal not in row
    assert state(database, "order:1") == MailState("sent", sent_at, "", None)
    post(database, "order:1")  # it is still the same email
    assert len(stored_rows(database)) == 1
    assert database.write(erase_sent) == 0


def test_a_failed_email_is_erased_with_its_error_and_a_queued_one_is_kept(
    database: OpenDatabase,
) -> None:
    for topic in ("given up", "waits", "given up later"):
        post(database, topic)

    def give_up(connection: Connection) -> None:
        mail.note_dropped(connection, 1, "550 asha@example.org is unknown")
        mail.note_dropped(connection, 3, "550 asha@example.org is unknown")

    database.write(give_up)
    database.clock.move(KEPT)
    assert database.write(erase_sent) == 1
    first, second, _ = stored_rows(database)
    assert "asha" not in first
    assert state(database, "given up") == MailState("failed", state(database, "given up").at, "", None)
    assert "asha" in second
    database.write(mail.note_sent, 2)
    database.clock.move(KEPT)
    assert database.write(erase_sent) == 2
    assert not any("asha" in row for row in stored_rows(database))


def test_a_long_queue_is_erased_in_batches_and_each_email_once(database: OpenDatabase) -> None:
    count = ERASED_AT_ONCE + 20

    def fill(connection: Connection) -> None:
        for number in range(count):
            mail.post(connection, f"order:{number}", "asha@example.org", "Subject", "Text")
            mail.note_sent(connection, number + 1)

    database.write(fill)
    database.clock.move(KEPT)
    assert [database.write(erase_sent) for _ in range(3)] == [ERASED_AT_ONCE, 20, 0]
    assert not any("asha" in row for row in stored_rows(database))


def test_only_email_files_are_deleted_after_a_week(tmp_path: Path) -> None:
    now = 1_800_000_000 * SECOND
    for name, age in (
        ("festgate-1-1.eml", KEPT + HOUR),
        ("festgate-2-1.eml", KEPT - HOUR),
        ("notes.eml", 90 * DAY),
        ("festgate-3-1.txt", 90 * DAY),
    ):
        (tmp_path / name).write_text("An email.")
        os.utime(tmp_path / name, times=2 * ((now - age) / SECOND,))
    assert erase_files(tmp_path, now) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "festgate-2-1.eml",
        "festgate-3-1.txt",
        "notes.eml",
    ]
    assert erase_files(tmp_path / "not there", now) == 0


def test_the_emails_to_one_address_are_erased_at_once_and_the_queued_ones_are_not_sent(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    post(database, "sent")
    sender = postman(database, over_smtp(mailbox.host, mailbox.port))
    send(database, sender)
    post(database, "queued")
    post(database, "other", "ravi@example.org")
    stored = database.report(find_emails_to, "asha@example.org")
    assert [email.subject for email in stored.emails] == ["Subject of sent", "Subject of queued"]
    post(database, "late")
    ids = database.write(erase_emails_to, "asha@example.org", stored)
    assert len(ids) == 3
    assert database.report(find_emails_to, "asha@example.org").emails == ()
    assert [row for row in stored_rows(database) if "asha" in row] == []
    send(database, sender)
    assert [email.recipients[0] for email in mailbox.emails] == ["asha@example.org", "ravi@example.org"]


def test_an_email_that_was_erased_while_it_was_being_sent_is_not_tried_again(database: OpenDatabase) -> None:
    post(database, "under way")
    stored = database.report(find_emails_to, "asha@example.org")
    (number,) = database.write(erase_emails_to, "asha@example.org", stored)
    database.write(mail.note_failed, number, 1, "451 asha@example.org: try again")
    database.clock.move(KEPT)
    assert database.read(mail.find_due) == []
    assert "asha" not in stored_rows(database)[0]


def test_an_email_without_a_recipient_is_not_queued(database: OpenDatabase) -> None:
    post(database, "to nobody", "")
    assert stored_rows(database) == []


def test_the_files_of_erased_emails_are_deleted(database: OpenDatabase, tmp_path: Path) -> None:
    for topic, recipient in (("first", "asha@example.org"), ("second", "ravi@example.org")):
        post(database, topic, recipient)
    send(database, postman(database, to_folder(tmp_path)))
    stored = database.report(find_emails_to, "asha@example.org")
    delete_files(tmp_path / "mail", database.write(erase_emails_to, "asha@example.org", stored))
    assert [email["To"] for email in emails(tmp_path)] == ["ravi@example.org"]
    delete_files(tmp_path / "missing", [1])
