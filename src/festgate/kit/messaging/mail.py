"""The email queue: messages are stored in the transaction that causes them, sent after COMMIT, and retried.

Without a mail server every message becomes an `.eml` file, which any email program opens.
"""

import asyncio
import contextlib
import json
import smtplib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any, Literal, TypeAlias

import structlog
from sqlalchemy import BigInteger, Column, Integer, Table, Text, bindparam, func, select, update

from festgate.kit.clock import DAY, HOUR, MINUTE, NEVER, Milliseconds, moment
from festgate.kit.db.database import Database
from festgate.kit.db.statements import (
    Connection,
    Statement,
    TryAgain,
    UniqueViolation,
    inserting,
    metadata,
    partial_index,
)
from festgate.kit.messaging.mail_links import Link, LinkMaker, LinkOver, fill
from festgate.kit.messaging.mail_parts import Attachment, set_content
from festgate.kit.messaging.mail_policy import POLICY
from festgate.kit.messaging.outbox import backoff
from festgate.kit.messaging.transports import Transport
from festgate.kit.resilience import faults
from festgate.settings import Settings

log = structlog.get_logger()

MAX_ATTEMPTS = 22
"""They take about a day and a half. Permanent errors (5xx) are retried too, since they often come from a wrong
configuration of the mail server, which is then corrected."""
LEASE = 5 * MINUTE
"""How long one process may take to send a message: longer than the dozen steps of SMTP at TIMEOUT each, so that two
processes never send the same message at once."""
MAX_WAIT = 4 * HOUR
MAX_GIVEN_UP = 100
"""Emails that were given up that a page lists."""
BUSY_SHARE = 0.05
"""Share of a core for emails while the process is busy: twenty or thirty emails a second."""
IDLE_SHARE = 0.5
"""Share of a core for emails otherwise."""
BUSY = 0.5
"""Share of a core for other work above which the process counts as busy."""
AT_ONCE = 4
"""Messages, and so connections to the mail server, in progress at a time; sending mostly waits for the network."""
Priority: TypeAlias = Literal["access", "ticket", "other"]
"""Of emails: to sign in or confirm an address; with a ticket; all others, of which an organiser can cause thousands."""
_AHEAD: Mapping[Priority, Milliseconds] = {"access": 6 * DAY, "ticket": 3 * DAY, "other": 0}
"""How much later a message of a lower priority counts as due: longer than any backlog lasts."""
GRACE = 5
"""Seconds for messages in progress when the portal stops."""

messages = Table(
    "kit_mail",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("topic", Text, nullable=False, unique=True),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("attachments", Text, nullable=False),
    Column("queued_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", BigInteger),
    Column("error", Text),
)
partial_index("ix_kit_mail_due", messages.c.due_at, where=messages.c.due_at < NEVER)
# Emails that were given up: few, so that the organisers' dashboard counts them at once.
_GIVEN_UP = messages.c.sent_at.is_(None) & (messages.c.due_at == NEVER)
partial_index("ix_kit_mail_given_up", messages.c.id, where=_GIVEN_UP)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """An email that was not sent, and is not tried any more."""

    id: int
    recipient: str
    subject: str
    queued_at: Milliseconds
    error: str


@dataclass(frozen=True)
class Message:
    """A message in the queue."""

    id: int
    topic: str
    recipient: str
    subject: str
    body: str
    attachments: tuple[Attachment, ...]
    queued_at: Milliseconds
    attempts: int
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class MailState:
    """The state of a message: `sent` at `at`; `queued` until its next attempt at `at`; or `failed`, queued at `at`."""

    state: Literal["queued", "sent", "failed"]
    at: Milliseconds
    recipient: str
    """Empty once the email was erased (see mail_erasure.py)."""
    error: str | None


_insert = inserting(messages)
_columns = messages.c["id", "topic", "recipient", "subject", "body", "attachments", "queued_at", "attempts"]
_by_topic = Statement(
    select(*messages.c["sent_at", "due_at", "queued_at", "recipient", "error"]).where(
        messages.c.topic == bindparam("topic")
    )
)
_TOPICS = ("topic_0", "topic_1", "topic_2")
_latest = Statement(
    select(*messages.c["sent_at", "due_at", "queued_at", "recipient", "error"])
    .where(messages.c.topic.in_([bindparam(name) for name in _TOPICS]))
    .order_by(messages.c.id.desc())
    .limit(1)
)
_due = Statement(
    select(*_columns)
    .where(messages.c.due_at <= bindparam("now"), messages.c.due_at < NEVER)
    .order_by(messages.c.due_at)
    .limit(AT_ONCE)
)
_count_waiting = Statement(select(func.count()).where(messages.c.due_at < NEVER))
_claim = Statement(
    update(messages)
    .where(messages.c.id == bindparam("message"), messages.c.due_at <= bindparam("now"))
    .values(due_at=bindparam("until"), attempts=messages.c.attempts + 1)
    .returning(messages.c.attempts)
)
_sent = Statement(
    update(messages)
    .where(messages.c.id == bindparam("message"))
    .values(sent_at=bindparam("now"), due_at=NEVER, error=None)
)
# An email that was erased while it was being sent is not sent again.
_failed = Statement(
    update(messages)
    .where(messages.c.id == bindparam("message"), messages.c.recipient != "")
    .values(due_at=bindparam("later"), error=bindparam("reason"))
)

# An email that was erased has no recipient.
_IS_LOST = _GIVEN_UP & (messages.c.recipient != "")
_count_given_up = Statement(select(func.count()).select_from(messages).where(_IS_LOST))
_given_up = Statement(
    select(*messages.c["id", "recipient", "subject", "queued_at", "error"])
    .where(_IS_LOST)
    .order_by(messages.c.id.desc())
    .limit(MAX_GIVEN_UP)
)
_again = Statement(
    update(messages)
    .where(messages.c.id == bindparam("message"), _IS_LOST)
    .values(due_at=bindparam("now"), attempts=0, error=None)
    .returning(messages.c.subject)
)


def post(
    connection: Connection,
    topic: str,
    recipient: str,
    subject: str,
    body: str,
    attachments: Sequence[Attachment] = (),
    *,
    priority: Priority = "other",
    links: Sequence[Link] = (),
) -> None:
    """Queue a message in this transaction. A second message with the same `topic` is dropped as a duplicate.

    It is sent before waiting messages of a lower priority. `links` are the links whose placeholders
    the body contains. Nothing is queued without a recipient: a deleted account has no address.
    """
    if not recipient:
        return
    if connection.first(_by_topic, topic=topic) is not None:
        return
    try:
        connection.run(
            _insert,
            topic=topic,
            recipient=recipient,
            subject=subject,
            body=body,
            attachments=json.dumps([*map(vars, attachments), *map(vars, links)]),
            queued_at=connection.now,
            due_at=connection.now - _AHEAD[priority],
            attempts=0,
            sent_at=None,
            error=None,
        )
    except UniqueViolation as error:  # another process has just queued it
        raise TryAgain from error
    connection.announce("mail")


def find_state(connection: Connection, topic: str) -> MailState | None:
    """Return the state of the message with that topic; None if there is none."""
    return _read_state(connection.first(_by_topic, topic=topic))


def find_latest(connection: Connection, *topics: str) -> MailState | None:
    """Return the state of the message that was queued last, of those with one of at most three topics."""
    values = dict(zip(_TOPICS, [*topics, *topics[:1] * len(_TOPICS)], strict=False))
    return _read_state(connection.first(_latest, **values))


def _read_state(row: tuple[Any, ...] | None) -> MailState | None:
    if row is None:
        return None
    sent_at, due_at, queued_at, recipient, error = row
    if sent_at is not None:
        return MailState("sent", sent_at, recipient, None)
    if due_at == NEVER:
        return MailState("failed", queued_at, recipient, error)
    return MailState("queued", due_at, recipient, error)


def count_waiting(connection: Connection) -> int:
    """Return how many messages wait to be sent."""
    count: int = connection.value(_count_waiting)
    return count


def count_given_up(connection: Connection) -> int:
    """Return how many messages of the last week were not sent and are not tried any more."""
    count: int = connection.value(_count_given_up)
    return count


def given_up(connection: Connection) -> list[GivenUp]:
    """Return the last MAX_GIVEN_UP messages that were not sent and are not tried any more, the latest first."""
    rows = connection.all(_given_up)
    return [
        GivenUp(number, recipient, subject, queued_at, error or "")
        for number, recipient, subject, queued_at, error in rows
    ]


def try_again(connection: Connection, message: int) -> str | None:
    """Send a message that was given up, with all its attempts. Return its subject; None if it is none of those."""
    subject: str | None = connection.value(_again, message=message, now=connection.now)
    if subject is not None:
        connection.announce("mail")
    return subject


def find_due(connection: Connection) -> list[Message]:
    """Return messages to be sent now, the longest due first."""
    due = []
    for number, topic, recipient, subject, body, attachments, queued_at, attempts in connection.all(
        _due, now=connection.now
    ):
        parts = json.loads(attachments)
        # Attachments and links share one list; a link has a placeholder.
        files = tuple(Attachment(**part) for part in parts if "placeholder" not in part)
        links = tuple(
            Link(part["kind"], tuple(part["arguments"]), part["placeholder"])
            for part in parts
            if "placeholder" in part
        )
        due.append(Message(number, topic, recipient, subject, body, files, queued_at, attempts, links))
    return due


def fill_links(connection: Connection, message: Message, makers: Mapping[str, LinkMaker]) -> Message:
    """Return the message with its links in place of their placeholders, for sending only. Raise LinkOver."""
    return replace(message, body=fill(connection, message.body, message.links, makers))


def claim(connection: Connection, message: int) -> int | None:
    """Lease the message. Return the number of this attempt, or None if another process has the lease."""
    attempt: int | None = connection.value(
        _claim, message=message, now=connection.now, until=connection.now + LEASE
    )
    return attempt


def note_sent(connection: Connection, message: int) -> None:
    """Store that the message was sent."""
    connection.run(_sent, message=message, now=connection.now)


def note_failed(connection: Connection, message: int, attempt: int, reason: str) -> None:
    """Store why the message was not sent, and when to retry; after MAX_ATTEMPTS, give it up."""
    later = NEVER if attempt >= MAX_ATTEMPTS else connection.now + backoff(attempt, MAX_WAIT)
    connection.run(_failed, message=message, later=later, reason=reason[:500])


def note_dropped(connection: Connection, message: int, reason: str) -> None:
    """Give the message up, because it is of no use any more."""
    connection.run(_failed, message=message, later=NEVER, reason=reason[:500])


def compose(message: Message, settings: Settings) -> EmailMessage:
    """Return the message as it is sent. Raise ValueError if its recipient is not one address."""
    name, sender = parseaddr(settings.mail_from)
    mail = EmailMessage(POLICY)
    mail["From"] = str(Address(_one_line(name or settings.fest_name), addr_spec=sender))
    mail["To"] = message.recipient
    addresses = mail["To"].addresses
    if len(addresses) != 1 or not addresses[0].domain or addresses[0].addr_spec != message.recipient:
        msg = f"{message.recipient!r} is not one address"
        raise ValueError(msg)
    mail["Subject"] = _one_line(message.subject)
    mail["Date"] = format_datetime(moment(message.queued_at, settings.zone))
    # The same at every attempt, so that an email program shows a message once even if it arrives twice.
    mail["Message-ID"] = (
        f"<festgate-{message.id}-{message.queued_at}@{sender.rpartition('@')[2] or 'localhost'}>"
    )
    mail["Auto-Submitted"] = "auto-generated"
    set_content(mail, message.body, message.attachments)
    return mail


def _one_line(text: str) -> str:
    return " ".join(text.split())


def failure_reason(error: Exception) -> str:
    """Describe the failure for organisers: with the mail server's own answer if there is one."""
    answer: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, answer = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, answer = error.smtp_code, error.smtp_error
    else:
        return f"{type(error).__name__}: {error}"
    return f"{code} {answer.decode('utf-8', 'replace') if isinstance(answer, bytes) else answer}"


class Postman:
    """Sends queued messages until cancelled."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        settings: Settings,
        links: Mapping[str, LinkMaker] | None = None,
    ) -> None:
        """Take, besides the database and the transport, the functions that make the links of emails, by kind."""
        self._database = database
        self._links = links or {}
        self._transport = transport
        self._settings = settings
        # A separate pool: a mail server that hangs must not block the threads of other tasks.
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="mail")
        self._wake = asyncio.Event()
        self._spent = 0.0
        """Seconds of processor time spent on emails since the last pause."""
        self._since = (time.monotonic(), time.process_time())
        database.on_commit("mail", self._wake.set)

    async def run(self) -> None:
        """Send messages after each commit that queues some, and at least every two seconds."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=2)
            self._wake.clear()
            try:
                while await self.send_due() == AT_ONCE:
                    pause = self._pause()
                    await asyncio.sleep(pause)
            except Exception:
                log.exception("the email queue could not be read; trying again")
                await asyncio.sleep(1)

    def _pause(self) -> float:
        """Return the seconds to wait before the next emails of a backlog, because pages come first.

        Emails get a limited share of a core, which is small while the process is busy. Waiting for the mail server
        does not count.
        """
        before, used_before = self._since
        now, used = self._since = (time.monotonic(), time.process_time())
        spent, self._spent = self._spent, 0.0
        busy = (used - used_before - spent) > BUSY * (now - before)
        return spent / (BUSY_SHARE if busy else IDLE_SHARE)

    async def send_due(self) -> int:
        """Send due messages, a few at a time; return how many.

        When cancelled, messages in progress get GRACE seconds to finish: a message that the mail server has accepted
        but that is not noted as sent would be sent again.
        """
        due = await self._database.read(find_due)
        if not due:
            return 0
        sending = [asyncio.ensure_future(self._send(message)) for message in due]
        try:
            outcomes = await asyncio.shield(asyncio.gather(*sending, return_exceptions=True))
        except asyncio.CancelledError:
            _, unfinished = await asyncio.wait(sending, timeout=GRACE)
            for task in unfinished:
                task.cancel()
            raise
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return len(due)

    async def _send(self, message: Message) -> None:
        attempt = await self._database.write(claim, message.id)
        if attempt is None:
            return
        try:
            # The link goes only to the mail server; the queue keeps the placeholder.
            filled = message
            if message.links:
                filled = await self._database.read(fill_links, message, self._links)
            await asyncio.get_running_loop().run_in_executor(self._threads, self._hand_over, filled)
        except LinkOver as error:
            await self._database.write(note_dropped, message.id, str(error))
        except Exception as error:  # noqa: BLE001  (the failure of one message must not stop the others)
            reason = failure_reason(error)
            log.warning("an email could not be sent", topic=message.topic, attempt=attempt, reason=reason)
            await self._database.write(note_failed, message.id, attempt, reason)
        else:
            await self._database.write(note_sent, message.id)

    def _hand_over(self, message: Message) -> None:
        faults.inject("mail.send")
        began = time.thread_time()
        self._transport.send(compose(message, self._settings))
        self._spent += time.thread_time() - began
