"""A mail server for drills: it accepts every email and counts how often each one arrives."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class MailServer:
    """The emails that arrived at `address`, a port of the loopback interface."""

    def __init__(self, listener: socket.socket) -> None:
        """Take the address of a bound socket."""
        host, port = listener.getsockname()
        self.address: tuple[str, int] = (host, port)
        self.arrivals: Counter[tuple[str, str]] = Counter()
        """How often an email arrived, by its first recipient and its message id. A count above one is a duplicate."""

    @property
    def emails(self) -> int:
        """The number of emails, each counted once."""
        return len(self.arrivals)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Count an email and accept it: a hook of aiosmtpd."""
        head = (envelope.original_content or b"").partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
        message_id = next((line for line in head.splitlines() if line.lower().startswith("message-id:")), "")
        self.arrivals[envelope.rcpt_tos[0], message_id] += 1
        return "250 OK"


class _OnSocket(Controller):
    """Aiosmtpd's server on a socket that is already bound: its own start needs a port that is known to be free."""

    def __init__(self, server: MailServer, listener: socket.socket) -> None:
        host, port = server.address
        # The name is given because macOS needs seconds to look it up.
        super().__init__(server, hostname=host, port=port, server_hostname="localhost")
        self._listener = listener

    async def _create_server(self) -> asyncio.AbstractServer:
        return await self.loop.create_server(self._factory_invoker, sock=self._listener)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run a mail server until the end of the block. Raise OSError."""
    # Protocol 0, as `socket.create_server` has it, makes asyncio leave out TCP_NODELAY.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server = MailServer(listener)
        controller = _OnSocket(server, listener)
        controller.start()
        try:
            yield server
        finally:
            controller.stop()
