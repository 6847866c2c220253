"""Mail: queued with the deed that causes it, sent after COMMIT, tried again; nothing lost, nothing twice."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from festgate.kit import mail
from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.database import Database
from festgate.kit.mail import (
    AT_ONCE,
    LEASE,
    MOST_ATTEMPTS,
    Attachment,
    FolderTransport,
    MailState,
    Message,
    Postman,
    compose,
    transport_for,
)
from festgate.kit.statements import Connection, Statement
from festgate.settings import Settings, load_settings
from tests.rig.database import OpenDatabase
from tests.rig.ports import free_port
from tests.rig.smtp import Mailbox

CALENDAR = Attachment(
    "robo-race.ics", "text/calendar", "BEGIN:VCALENDAR\r\nSUMMARY:Röbo\r\nEND:VCALENDAR\r\n"
)

_count = Statement(select(func.count()).select_from(mail.messages))


def over_smtp(host: str, port: int, **more: object) -> Settings:
    usual = {"smtp_host": host, "smtp_port": port, "smtp_security": "none", "mail_from": "fest@example.org"}
    return Settings.model_validate(usual | more)


def to_folder(folder: Path) -> Settings:
    return load_settings({}, data_dir=folder, mail_from="fest@example.org")


def postman(database: OpenDatabase, fest: Settings) -> Postman:
    return Postman(database.real, transport_for(fest), fest)


def post(database: OpenDatabase, topic: str, recipient: str = "asha@example.org") -> None:
    database.write(mail.post, topic, recipient, f"Subject of {topic}", "Good day.\n", [CALENDAR])


def send(database: OpenDatabase, sender: Postman) -> None:
    """Until nothing is due."""
    while database.run(sender.send_due()):
        pass


def state(database: OpenDatabase, topic: str) -> MailState:
    found = database.read(mail.find_state, topic)
    assert found is not None
    return found


def letters(folder: Path) -> list[EmailMessage]:
    return [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in sorted((folder / "mail").iterdir())
    ]


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content


def test_a_letter_arrives_as_it_was_posted_and_its_state_says_so(
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
    (letter,) = mailbox.wait_for(1)
    assert (letter.sender, letter.recipients) == ("fest@example.org", ("asha@example.org",))
    message = letter.message
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


def test_a_second_letter_of_one_topic_is_the_same_letter(database: OpenDatabase, mailbox: Mailbox) -> None:
    sender = postman(database, over_smtp(mailbox.host, mailbox.port))
    post(database, "order:1")
    post(database, "order:1")
    send(database, sender)
    post(database, "order:1")
    send(database, sender)
    assert len(mailbox.letters) == 1


def test_two_processes_that_post_one_topic_at_once_post_one_letter(database: OpenDatabase) -> None:
    elsewhere = Database(database.url, clock=database.clock)

    async def post_both() -> None:
        await elsewhere.open()
        writes = [
            each.write(mail.post, f"topic:{number}", "asha@example.org", "Subject", "Body")
            for number in range(40)
            for each in (database.real, elsewhere)
        ]
        await asyncio.gather(*writes)
        await elsewhere.close()

    database.run(post_both())
    assert database.read(lambda connection: connection.value(_count)) == 40


def test_a_deed_that_is_undone_sends_nothing(database: OpenDatabase, tmp_path: Path) -> None:
    def fail(connection: Connection) -> None:
        mail.post(connection, "order:1", "asha@example.org", "Subject", "Body")
        raise LookupError

    with pytest.raises(LookupError):
        database.write(fail)
    send(database, postman(database, to_folder(tmp_path)))
    assert database.read(mail.find_state, "order:1") is None
    assert not (tmp_path / "mail").exists()


def test_a_server_that_refuses_for_a_while_gets_the_letter_once_when_it_accepts(
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
    assert mailbox.attempts == 1, "it is left alone until its time has come"
    database.clock.move(waiting.at - database.clock())
    send(database, sender)
    assert mailbox.attempts == 2
    assert state(database, "order:1").at - database.clock() > first_wait, "the second wait is longer"

    mailbox.accept()
    database.clock.move(HOUR)
    send(database, sender)
    send(database, sender)
    assert len(mailbox.letters) == 1
    assert state(database, "order:1") == MailState("sent", database.clock(), "asha@example.org", None)


def test_a_letter_is_given_up_after_a_day_and_a_half_and_its_state_says_why(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    sender = postman(database, over_smtp(mailbox.host, mailbox.port))
    mailbox.refuse("550 5.1.1 No such user")
    post(database, "order:1")
    began = database.clock()
    while state(database, "order:1").state == "queued":
        database.clock.move(state(database, "order:1").at - database.clock())
        send(database, sender)
    assert mailbox.attempts == MOST_ATTEMPTS
    assert 1.4 * DAY < database.clock() - began < 1.6 * DAY
    assert state(database, "order:1").state == "failed"
    assert state(database, "order:1").error == "550 5.1.1 No such user"
    assert database.read(mail.count_waiting) == 0
    database.clock.move(10 * DAY)
    send(database, sender)
    assert mailbox.attempts == MOST_ATTEMPTS


def test_without_the_mail_server_letters_wait_and_go_out_when_it_is_there(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    away = over_smtp("127.0.0.1", free_port())
    for number in range(3):
        post(database, f"order:{number}")
    send(database, postman(database, away))
    assert [state(database, f"order:{number}").state for number in range(3)] == ["queued"] * 3
    assert "ConnectionRefusedError" in (state(database, "order:0").error or "")
    database.clock.move(MINUTE)
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port)))
    assert sorted(letter.message["Subject"] for letter in mailbox.letters) == [
        f"Subject of order:{number}" for number in range(3)
    ]


def test_a_letter_that_cannot_be_written_holds_up_no_other(database: OpenDatabase, mailbox: Mailbox) -> None:
    post(database, "bad:1", "asha@example.org, everyone@example.org")
    post(database, "bad:2", "nobody at all")
    post(database, "bad:3", "asha@example.org\r\nBcc: everyone@example.org")
    for number in range(2 * AT_ONCE):
        post(database, f"order:{number}")
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port)))
    assert len(mailbox.letters) == 2 * AT_ONCE
    assert {letter.recipients for letter in mailbox.letters} == {("asha@example.org",)}
    for number in (1, 2, 3):
        assert state(database, f"bad:{number}").state == "queued"
        assert state(database, f"bad:{number}").error


def test_two_processes_send_each_letter_once_between_them(database: OpenDatabase, mailbox: Mailbox) -> None:
    fest = over_smtp(mailbox.host, mailbox.port)
    elsewhere = Database(database.url, clock=database.clock)

    async def send_both() -> None:
        await elsewhere.open()
        senders = [Postman(each, transport_for(fest), fest) for each in (database.real, elsewhere)]
        while await database.real.read(mail.count_waiting):
            await asyncio.gather(*(sender.send_due() for sender in senders))
        await elsewhere.close()

    for number in range(20):
        post(database, f"order:{number}")
    database.run(send_both())
    assert sorted(letter.message["Subject"] for letter in mailbox.letters) == sorted(
        f"Subject of order:{number}" for number in range(20)
    )


def test_what_a_killed_process_had_in_hand_is_sent_by_another_after_its_lease(
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
    assert len(letters(tmp_path)) == 1


class SlowFolder(FolderTransport):
    """A folder on a disk that takes its time."""

    def __init__(self, folder: Path) -> None:
        """Stands still until `go_on` is set."""
        super().__init__(folder)
        self.reached, self.go_on = threading.Event(), threading.Event()

    def send(self, message: EmailMessage) -> None:
        self.reached.set()
        assert self.go_on.wait(20)
        super().send(message)


def test_a_letter_under_way_when_the_portal_stops_is_finished_and_noted(
    database: OpenDatabase, tmp_path: Path
) -> None:
    slow = SlowFolder(tmp_path / "mail")
    sender = Postman(database.real, slow, to_folder(tmp_path))

    async def stop_amid() -> None:
        running = asyncio.create_task(sender.run())
        await database.real.write(mail.post, "order:1", "asha@example.org", "Subject", "Body")
        assert await asyncio.to_thread(slow.reached.wait, 20)
        running.cancel()
        slow.go_on.set()
        with suppress(asyncio.CancelledError):
            await running

    database.run(stop_amid())
    assert state(database, "order:1").state == "sent"
    assert len(letters(tmp_path)) == 1


def test_a_running_postman_sends_what_a_commit_queues(database: OpenDatabase, mailbox: Mailbox) -> None:
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
    assert len(mailbox.letters) == 2 * AT_ONCE + 1


def test_without_a_mail_server_each_letter_is_a_file_that_only_this_user_can_read(
    database: OpenDatabase, tmp_path: Path
) -> None:
    sender = postman(database, to_folder(tmp_path))
    post(database, "order:1")
    post(database, "order:2", "ben@example.org")
    send(database, sender)
    assert sorted((message["To"], message["Subject"]) for message in letters(tmp_path)) == [
        ("asha@example.org", "Subject of order:1"),
        ("ben@example.org", "Subject of order:2"),
    ]
    assert {file.suffix for file in (tmp_path / "mail").iterdir()} == {".eml"}
    if sys.platform != "win32":
        assert (tmp_path / "mail").stat().st_mode & 0o077 == 0


def test_a_letter_written_twice_is_one_file(tmp_path: Path) -> None:
    fest = to_folder(tmp_path)
    message = Message(7, "order:1", "asha@example.org", "Subject", "Body\n", (), 1_790_000_000_000, 0)
    for _ in range(2):
        transport_for(fest).send(compose(message, fest))
    (letter,) = letters(tmp_path)
    assert letter["Message-ID"] == "<festgate-7-1790000000000@example.org>"


def test_nothing_goes_out_in_the_clear_where_tls_is_asked_for(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    post(database, "order:1")
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port, smtp_security="starttls")))
    assert mailbox.attempts == 0
    assert state(database, "order:1").state == "queued"
    assert "STARTTLS" in (state(database, "order:1").error or "")


class Members:
    """Takes mail only from one user."""

    def __init__(self) -> None:
        """Nothing has arrived."""
        self.received = 0
        self.greeted_by: str | None = None

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, data: object
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"fest", b"let me in")
        return AuthResult(success=good, handled=False)

    async def handle_DATA(self, _server: SMTP, session: Session, _envelope: Envelope) -> str:  # noqa: N802
        if not session.authenticated:
            return "530 5.7.0 Sign in first"
        self.greeted_by = session.host_name
        self.received += 1
        return "250 OK"


@contextmanager
def members_only() -> Iterator[tuple[Members, Settings]]:
    """A mail server that asks for a password, and the settings that have the right one."""
    members, port = Members(), free_port()
    controller = Controller(
        members,
        "127.0.0.1",
        port,
        authenticator=members.authenticate,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield members, over_smtp("127.0.0.1", port, smtp_username="fest", smtp_password="let me in")
    finally:
        controller.stop()


def test_the_postman_signs_in_where_the_server_asks_and_a_wrong_password_shows(
    database: OpenDatabase,
) -> None:
    with members_only() as (members, fest):
        post(database, "order:1")
        send(database, postman(database, fest.model_copy(update={"smtp_password": "wrong"})))
        assert members.received == 0
        assert (state(database, "order:1").error or "").startswith("535 ")
        assert "wrong" not in (state(database, "order:1").error or "")
        database.clock.move(MINUTE)
        send(database, postman(database, fest))
        assert members.received == 1
        assert state(database, "order:1").state == "sent"


@pytest.mark.parametrize(
    "base_url, name",
    [
        ("https://fest.example", "fest.example"),
        ("http://10.0.0.7:8000", "[10.0.0.7]"),
        ("http://[2001:db8::1]:8000", "[IPv6:2001:db8::1]"),
    ],
)
def test_the_postman_greets_with_the_name_of_the_portal(
    database: OpenDatabase, base_url: str, name: str
) -> None:
    with members_only() as (members, fest):
        post(database, "order:1")
        send(database, postman(database, fest.model_copy(update={"base_url": base_url})))
        assert members.greeted_by == name


plain = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), max_size=200)


@settings(max_examples=50)
@given(subject=plain, name=plain.filter(str.strip), lines=st.lists(plain, min_size=1, max_size=5))
@example(subject="Re: two\r\nBcc: everyone@example.org", name="A,B <c@d.e>", lines=["."])
def test_any_words_arrive_as_they_were_written_and_none_becomes_a_header(
    subject: str, name: str, lines: list[str]
) -> None:
    fest = load_settings({}, fest_name=name[:80], mail_from="fest@example.org")
    body = "".join(f"{line}\n" for line in lines)
    posted = Message(1, "order:1", "asha@example.org", subject, body, (CALENDAR,), 1_790_000_000_000, 0)
    arrived = message_from_bytes(compose(posted, fest).as_bytes(), policy=policy.default)
    assert text_of(arrived).replace("\r\n", "\n") == body
    assert set(arrived.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"
    }  # fmt: skip
    assert [address.addr_spec for address in arrived["To"].addresses] == ["asha@example.org"]
    assert [address.addr_spec for address in arrived["From"].addresses] == ["fest@example.org"]
    assert " ".join(arrived["Subject"].split()) == " ".join(subject.split())


def test_a_sender_with_a_name_of_its_own_keeps_it() -> None:
    fest = load_settings({}, mail_from="The Fest Desk <desk@example.org>", fest_name="Fest")
    message = Message(1, "order:1", "asha@example.org", "Subject", "Body\n", (), 1_790_000_000_000, 0)
    sender = compose(message, fest)["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == ("The Fest Desk", "desk@example.org")
