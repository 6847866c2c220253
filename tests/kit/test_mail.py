"""Emails are queued with the operation that causes them, sent after COMMIT, and retried; none is lost or sent twice."""

import asyncio
import threading
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import func, select

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail import (
    AT_ONCE,
    LEASE,
    MAX_ATTEMPTS,
    MailState,
    Postman,
)
from festgate.kit.messaging.transports import FolderTransport, transport_for
from festgate.ports import free_port
from tests.kit.mailing import CALENDAR, emails, over_smtp, post, postman, send, state, text_of, to_folder
from tests.rig.database import OpenDatabase
from tests.rig.smtp import Mailbox

_count = Statement(select(func.count()).select_from(mail.messages))


def test_an_email_arrives_as_it_was_posted_and_its_state_becomes_sent(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    sender = postman(database, over_smtp(mailbox.host, mailbox.port, fest_name='Fest "26", Pune'))
    database.write(
        mail.post,
        "order:1",
        "asha@example.org",
        "Your ticket: Röbo Race",
        "Grüße aus Pune.\nBye.\n",
        [CALENDAR],
    )
    posted_at = database.clock()
    assert state(database, "order:1") == MailState("queued", posted_at, "asha@example.org", None)
    assert database.read(mail.count_waiting) == 1
    database.clock.move(MINUTE)
    send(database, sender)
    assert state(database, "order:1") == MailState("sent", posted_at + MINUTE, "asha@example.org", None)
    assert database.read(mail.count_waiting) == 0
    (email,) = mailbox.wait_for(1)
    assert (email.sender, email.recipients) == ("fest@example.org", ("asha@example.org",))
    message = email.message
    assert message["From"].addresses[0].display_name == 'Fest "26", Pune'
    assert message["From"].addresses[0].addr_spec == "fest@example.org"
    assert message["Subject"] == "Your ticket: Röbo Race"
    assert message["Date"].datetime.timestamp() == posted_at // 1000
    assert message["Auto-Submitted"] == "auto-generated"
    assert text_of(message) == "Grüße aus Pune.\nBye.\n"
    (file,) = message.iter_attachments()
    assert (file.get_content_type(), file.get_filename()) == ("text/calendar", "robo-race.ics")
    assert file.get_param("charset") == "utf-8"
    assert file.get_payload(decode=True) == CALENDAR.text.encode()


def test_a_second_email_with_the_same_topic_is_not_sent(database: OpenDatabase, mailbox: Mailbox) -> None:
    sender = postman(database, over_smtp(mailbox.host, mailbox.port))
    post(database, "order:1")
    post(database, "order:1")
    send(database, sender)
    post(database, "order:1")
    send(database, sender)
    assert len(mailbox.emails) == 1


def test_two_processes_that_post_the_same_topic_at_once_queue_one_email(database: OpenDatabase) -> None:
    other_database = Database(database.url, clock=database.clock)

    async def post_both() -> None:
        await other_database.open()
        writes = [
            process.write(mail.post, f"topic:{number}", "asha@example.org", "Subject", "Body")
            for number in range(40)
            for process in (database.real, other_database)
        ]
        await asyncio.gather(*writes)
        await other_database.close()

    database.run(post_both())
    assert database.read(lambda connection: connection.value(_count)) == 40


def test_emails_about_access_and_tickets_overtake_thousands_of_others(database: OpenDatabase) -> None:
    def post_all(connection: Connection) -> None:
        for number in range(50):
            mail.post(connection, f"changed:{number}", f"guest{number}@guest.example", "It moved", "Later.")

    def post_one(connection: Connection, topic: str, priority: mail.Priority) -> None:
        mail.post(connection, topic, "asha@guest.example", "Yours", "Here.", priority=priority)

    database.write(post_all)
    database.clock.move(2 * HOUR)
    database.write(post_one, "confirmed:1", "ticket")
    database.write(post_one, "reset:1", "access")
    due = [message.topic for message in database.read(mail.find_due)]
    assert due[:2] == ["reset:1", "confirmed:1"]


def test_an_operation_that_is_rolled_back_sends_no_email(database: OpenDatabase, tmp_path: Path) -> None:
    def fail(connection: Connection) -> None:
        mail.post(connection, "order:1", "asha@example.org", "Subject", "Body")
        raise LookupError

    with pytest.raises(LookupError):
        database.write(fail)
    send(database, postman(database, to_folder(tmp_path)))
    assert database.read(mail.find_state, "order:1") is None
    assert not (tmp_path / "mail").exists()


def test_an_email_is_sent_once_after_a_server_that_refused_it_accepts_again(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    sender = postman(database, over_smtp(mailbox.host, mailbox.port))
    mailbox.refuse("451 4.3.0 Try again later")
    post(database, "order:1")
    send(database, sender)
    waiting = state(database, "order:1")
    assert (waiting.state, waiting.error) == ("queued", "451 4.3.0 Try again later")
    first_wait = waiting.at - database.clock()
    assert first_wait > 0

    send(database, sender)
    assert mailbox.attempts == 1, "it is not retried before its time"
    database.clock.move(waiting.at - database.clock())
    send(database, sender)
    assert mailbox.attempts == 2
    assert state(database, "order:1").at - database.clock() > first_wait, "the second wait is longer"

    mailbox.accept()
    database.clock.move(HOUR)
    send(database, sender)
    send(database, sender)
    assert len(mailbox.emails) == 1
    assert state(database, "order:1") == MailState("sent", database.clock(), "asha@example.org", None)


def test_an_email_fails_after_a_day_and_a_half_of_retries_with_the_last_error(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    sender = postman(database, over_smtp(mailbox.host, mailbox.port))
    mailbox.refuse("550 5.1.1 No such user")
    post(database, "order:1")
    posted_at = database.clock()
    while state(database, "order:1").state == "queued":
        database.clock.move(state(database, "order:1").at - database.clock())
        send(database, sender)
    assert mailbox.attempts == MAX_ATTEMPTS
    assert 1.4 * DAY < database.clock() - posted_at < 1.6 * DAY
    # Pages show the time of every email, so that of a failed one has to be a real one.
    failed = MailState("failed", posted_at, "asha@example.org", "550 5.1.1 No such user")
    assert state(database, "order:1") == failed
    assert database.read(mail.count_waiting) == 0
    database.clock.move(10 * DAY)
    send(database, sender)
    assert mailbox.attempts == MAX_ATTEMPTS


def test_emails_wait_while_the_mail_server_is_unreachable_and_are_sent_afterwards(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    without_server = over_smtp("127.0.0.1", free_port())
    for number in range(3):
        post(database, f"order:{number}")
    send(database, postman(database, without_server))
    assert [state(database, f"order:{number}").state for number in range(3)] == ["queued"] * 3
    assert "ConnectionRefusedError" in (state(database, "order:0").error or "")
    database.clock.move(MINUTE)
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port)))
    assert sorted(email.message["Subject"] for email in mailbox.emails) == [
        f"Subject of order:{number}" for number in range(3)
    ]


def test_an_email_with_an_invalid_recipient_does_not_delay_others(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    post(database, "bad:1", "asha@example.org, everyone@example.org")
    post(database, "bad:2", "nobody at all")
    post(database, "bad:3", "asha@example.org\r\nBcc: everyone@example.org")
    for number in range(2 * AT_ONCE):
        post(database, f"order:{number}")
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port)))
    assert len(mailbox.emails) == 2 * AT_ONCE
    assert {email.recipients for email in mailbox.emails} == {("asha@example.org",)}
    for number in (1, 2, 3):
        assert state(database, f"bad:{number}").state == "queued"
        assert state(database, f"bad:{number}").error


def test_two_processes_send_each_email_once(database: OpenDatabase, mailbox: Mailbox) -> None:
    fest = over_smtp(mailbox.host, mailbox.port)
    other_database = Database(database.url, clock=database.clock)

    async def send_both() -> None:
        await other_database.open()
        senders = [Postman(process, transport_for(fest), fest) for process in (database.real, other_database)]
        while await database.real.read(mail.count_waiting):
            await asyncio.gather(*(sender.send_due() for sender in senders))
        await other_database.close()

    for number in range(20):
        post(database, f"order:{number}")
    database.run(send_both())
    assert sorted(email.message["Subject"] for email in mailbox.emails) == sorted(
        f"Subject of order:{number}" for number in range(20)
    )


def test_an_email_claimed_by_a_killed_process_is_sent_after_its_lease(
    database: OpenDatabase, tmp_path: Path
) -> None:
    post(database, "order:1")
    (message,) = database.read(mail.find_due)
    assert database.write(mail.claim, message.id) == 1
    assert database.write(mail.claim, message.id) is None
    sender = postman(database, to_folder(tmp_path))
    database.clock.move(LEASE - 1)
    send(database, sender)
    assert state(database, "order:1").state == "queued"
    database.clock.move(1)
    send(database, sender)
    assert state(database, "order:1").state == "sent"
    assert len(emails(tmp_path)) == 1


class SlowFolder(FolderTransport):
    """A folder on a slow disk."""

    def __init__(self, folder: Path) -> None:
        """Create a transport that waits until `may_continue` is set."""
        super().__init__(folder)
        self.has_started, self.may_continue = threading.Event(), threading.Event()

    def send(self, message: EmailMessage) -> None:
        self.has_started.set()
        assert self.may_continue.wait(20)
        super().send(message)


def test_an_email_being_sent_when_the_portal_stops_is_finished_and_recorded(
    database: OpenDatabase, tmp_path: Path
) -> None:
    slow_transport = SlowFolder(tmp_path / "mail")
    sender = Postman(database.real, slow_transport, to_folder(tmp_path))

    async def stop_while_sending() -> None:
        running = asyncio.create_task(sender.run())
        await database.real.write(mail.post, "order:1", "asha@example.org", "Subject", "Body")
        assert await asyncio.to_thread(slow_transport.has_started.wait, 20)
        running.cancel()
        slow_transport.may_continue.set()
        with suppress(asyncio.CancelledError):
            await running

    database.run(stop_while_sending())
    assert state(database, "order:1").state == "sent"
    assert len(emails(tmp_path)) == 1


def test_a_running_postman_sends_emails_as_they_are_committed(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    sender = postman(database, over_smtp(mailbox.host, mailbox.port))

    async def post_and_wait() -> None:
        running = asyncio.create_task(sender.run())
        for number in range(2 * AT_ONCE + 1):
            await database.real.write(mail.post, f"order:{number}", "asha@example.org", "Subject", "Body")
        await asyncio.to_thread(mailbox.wait_for, 2 * AT_ONCE + 1)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    database.run(post_and_wait())
    assert len(mailbox.emails) == 2 * AT_ONCE + 1
