"""Transports to a folder of files and to several kinds of mail servers, and the format of a sent email."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from hypothesis import example, given, settings
from hypothesis import strategies as st

from festgate.kit.clock import MINUTE
from festgate.kit.messaging.mail import Message, compose
from festgate.kit.messaging.transports import transport_for
from festgate.ports import free_port
from festgate.settings import Settings, load_settings
from tests.kit.mailing import CALENDAR, emails, over_smtp, post, postman, send, state, text_of, to_folder
from tests.rig.database import OpenDatabase
from tests.rig.smtp import Mailbox


def test_without_a_mail_server_each_email_becomes_a_file_readable_only_by_this_account(
    database: OpenDatabase, tmp_path: Path
) -> None:
    sender = postman(database, to_folder(tmp_path))
    post(database, "order:1")
    post(database, "order:2", "ben@example.org")
    send(database, sender)
    assert sorted((message["To"], message["Subject"]) for message in emails(tmp_path)) == [
        ("asha@example.org", "Subject of order:1"),
        ("ben@example.org", "Subject of order:2"),
    ]
    assert {file.suffix for file in (tmp_path / "mail").iterdir()} == {".eml"}
    if sys.platform != "win32":
        assert (tmp_path / "mail").stat().st_mode & 0o077 == 0


def test_an_email_sent_twice_is_one_file(tmp_path: Path) -> None:
    fest = to_folder(tmp_path)
    message = Message(7, "order:1", "asha@example.org", "Subject", "Body\n", (), 1_790_000_000_000, 0)
    for _ in range(2):
        transport_for(fest).send(compose(message, fest))
    (email,) = emails(tmp_path)
    assert email["Message-ID"] == "<festgate-7-1790000000000@example.org>"


def test_no_email_is_sent_unencrypted_when_tls_is_required(database: OpenDatabase, mailbox: Mailbox) -> None:
    post(database, "order:1")
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port, smtp_security="starttls")))
    assert mailbox.attempts == 0
    assert state(database, "order:1").state == "queued"
    assert "STARTTLS" in (state(database, "order:1").error or "")


class AuthenticatedServer:
    """A mail server that accepts emails from one user only."""

    def __init__(self) -> None:
        """Start with no email."""
        self.received = 0
        self.greeted_by: str | None = None

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        is_valid = isinstance(data, LoginPassword) and (data.login, data.password) == (b"fest", b"let me in")
        return AuthResult(success=is_valid, handled=False)

    async def handle_DATA(self, _server: SMTP, session: Session, _envelope: Envelope) -> str:  # noqa: N802
        if not session.authenticated:
            return "530 5.7.0 Sign in first"
        self.greeted_by = session.host_name
        self.received += 1
        return "250 OK"


@contextmanager
def run_authenticated_server() -> Iterator[tuple[AuthenticatedServer, Settings]]:
    """Run a mail server that requires a password; return settings with the right one."""
    server, port = AuthenticatedServer(), free_port()
    controller = Controller(
        server,
        "127.0.0.1",
        port,
        authenticator=server.authenticate,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield server, over_smtp("127.0.0.1", port, smtp_username="fest", smtp_password="let me in")
    finally:
        controller.stop()


def test_the_postman_authenticates_and_a_wrong_password_is_an_error(
    database: OpenDatabase,
) -> None:
    with run_authenticated_server() as (server, fest):
        post(database, "order:1")
        send(database, postman(database, fest.model_copy(update={"smtp_password": "wrong"})))
        assert server.received == 0
        assert (state(database, "order:1").error or "").startswith("535 ")
        assert "wrong" not in (state(database, "order:1").error or "")
        database.clock.move(MINUTE)
        send(database, postman(database, fest))
        assert server.received == 1
        assert state(database, "order:1").state == "sent"


@pytest.mark.parametrize(
    "base_url, name",
    [
        ("https://fest.example", "fest.example"),
        ("http://10.0.0.7:8000", "[10.0.0.7]"),
        ("http://[2001:db8::1]:8000", "[IPv6:2001:db8::1]"),
    ],
)
def test_the_postman_greets_with_the_host_name_of_the_portal(
    database: OpenDatabase, base_url: str, name: str
) -> None:
    with run_authenticated_server() as (server, fest):
        post(database, "order:1")
        send(database, postman(database, fest.model_copy(update={"base_url": base_url})))
        assert server.greeted_by == name


printable_text = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), max_size=200)


@settings(max_examples=50)
@given(
    subject=printable_text,
    name=printable_text.filter(str.strip),
    lines=st.lists(printable_text, min_size=1, max_size=5),
)
@example(subject="Re: two\r\nBcc: everyone@example.org", name="A,B <c@d.e>", lines=["."])
def test_any_text_arrives_unchanged_and_cannot_add_a_header(
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


def test_a_configured_sender_name_is_kept() -> None:
    fest = load_settings({}, mail_from="The Fest Desk <desk@example.org>", fest_name="Fest")
    message = Message(1, "order:1", "asha@example.org", "Subject", "Body\n", (), 1_790_000_000_000, 0)
    sender = compose(message, fest)["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == ("The Fest Desk", "desk@example.org")
