"""A mail server for drills, which accepts every email."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink


class _OnSocket(Controller):
    """Aiosmtpd's server on a socket that is already bound: its own start needs a port that is known to be free."""

    def __init__(self, listener: socket.socket) -> None:
        host, port = listener.getsockname()
        # The name is given because macOS needs seconds to look it up.
        super().__init__(Sink(), hostname=host, port=port, server_hostname="localhost")
        self._listener = listener

    async def _create_server(self) -> asyncio.AbstractServer:
        return await self.loop.create_server(self._factory_invoker, sock=self._listener)


@contextmanager
def mail_server() -> Iterator[tuple[str, int]]:
    """Run a mail server on the loopback interface until the end of the block; give its address. Raise OSError."""
    # Protocol 0, as `socket.create_server` has it, makes asyncio leave out TCP_NODELAY.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        controller = _OnSocket(listener)
        controller.start()
        try:
            yield controller.hostname, controller.port
        finally:
            controller.stop()
