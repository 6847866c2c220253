"""A real SMTP server on loopback that stores emails, and refuses them on request."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Email:
    """An email with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage


@dataclass
class Mailbox:
    """The emails that arrived at `host` and `port`, oldest first."""

    host: str
    port: int
    emails: list[Email] = field(default_factory=list)
    attempts: int = 0
    """Emails that were offered, including refused ones."""
    _answer: str | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def refuse(self, answer: str = "451 4.3.0 Try again later") -> None:
        """Refuse every email from now on, with this answer (a code and a text)."""
        with self._changed:
            self._answer = answer

    def accept(self) -> None:
        """Accept every email from now on."""
        with self._changed:
            self._answer = None

    def wait_for(self, count: int, seconds: float = 20.0) -> list[Email]:
        """Wait for `count` emails and return them. Raise AssertionError after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.emails) >= count, seconds):
                raise AssertionError(f"{len(self.emails)} of {count} emails after {seconds:g} seconds")
            return list(self.emails)

    def wait_for_attempts(self, count: int, seconds: float = 20.0) -> int:
        """Wait until `count` emails were offered; return their number. Raise AssertionError after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.attempts >= count, seconds):
                raise AssertionError(f"{self.attempts} of {count} attempts after {seconds:g} seconds")
            return self.attempts

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Store the email and return the answer; aiosmtpd calls this."""
        content = (envelope.original_content or b"").replace(b"\r\n", b"\n")
        message = message_from_bytes(content, policy=policy.default)
        with self._changed:
            self.attempts += 1
            if self._answer is None:
                self.emails.append(Email(envelope.mail_from or "", tuple(envelope.rcpt_tos), message))
            self._changed.notify_all()
            return self._answer or "250 OK"


class _OnSocket(Controller):
    """A controller that runs aiosmtpd's server on a listening socket, because aiosmtpd itself needs a known port."""

    def __init__(self, mailbox: Mailbox, listener: socket.socket) -> None:
        super().__init__(mailbox, hostname=mailbox.host, port=mailbox.port, server_hostname="localhost")
        self._listener = listener

    async def _create_server(self) -> asyncio.AbstractServer:
        return await self.loop.create_server(self._factory_invoker, sock=self._listener)


@contextmanager
def smtp_server() -> Iterator[Mailbox]:
    """Run the server until the end of the block; return its mailbox."""
    # Protocol 0, as `socket.create_server` has it, makes asyncio leave out TCP_NODELAY.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        host, port = listener.getsockname()
        mailbox = Mailbox(host, port)
        controller = _OnSocket(mailbox, listener)
        controller.start()
        try:
            yield mailbox
        finally:
            controller.stop()
