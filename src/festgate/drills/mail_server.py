"""A mail server for a drill: it takes every email and keeps how many came."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class MailServer:
    """Listens on `address` of loopback."""

    def __init__(self, listener: socket.socket) -> None:
        """On a socket that listens."""
        host, port = listener.getsockname()
        self.address: tuple[str, int] = (host, port)
        self.subjects: Counter[tuple[str, str]] = Counter()
        """How often an email came, by its first recipient and its message id: more than once is one too many."""

    @property
    def emails(self) -> int:
        """How many came, each counted once."""
        return len(self.subjects)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Aiosmtpd's own hook: an email is here, and this is the answer."""
        head = (envelope.original_content or b"").partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
        number = next((line for line in head.splitlines() if line.lower().startswith("message-id:")), "")
        self.subjects[envelope.rcpt_tos[0], number] += 1
        return "250 OK"


class _OnSocket(Controller):
    """Aiosmtpd's server on a socket that listens already: its own way has to know a free port beforehand."""

    def __init__(self, box: MailServer, listener: socket.socket) -> None:
        host, port = box.address
        # Its own name: to ask the system for one takes macOS seconds.
        super().__init__(box, hostname=host, port=port, server_hostname="localhost")
        self._listener = listener

    async def _create_server(self) -> asyncio.AbstractServer:
        return await self.loop.create_server(self._factory_invoker, sock=self._listener)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server that takes emails until the end of the block. Raises OSError."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        box = MailServer(listener)
        controller = _OnSocket(box, listener)
        controller.start()
        try:
            yield box
        finally:
            controller.stop()
