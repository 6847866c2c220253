"""Connections that arrive while the event loop is busy: how many it accepts in an iteration."""

import asyncio
import os
import socket
import sys
from contextlib import ExitStack

import pytest

from festgate.server.sockets import BACKLOG, duplicate, listen

CLIENTS = 100


@pytest.mark.parametrize("count", [1, 2])
def test_many_new_connections_are_accepted_in_few_iterations_of_the_event_loop(count: int) -> None:
    import uvloop  # noqa: PLC0415  (Windows has none)

    async def main() -> int:
        loop, accepted, iterations = asyncio.get_running_loop(), 0, 0

        class Client(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                nonlocal accepted
                accepted += 1
                transport.close()

        with ExitStack() as stack:
            sockets = duplicate(listen(["127.0.0.1"], 0))
            servers = [
                await loop.create_server(Client, sock=listener, backlog=BACKLOG) for listener in sockets
            ]
            address = sockets[0].getsockname()
            for _ in range(CLIENTS * count):
                stack.enter_context(socket.create_connection(address, 10))
            while accepted < CLIENTS * count:
                iterations += 1
                await asyncio.sleep(0)
            for server in servers:
                server.close()
        return iterations

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        # One at a time would take as many iterations as there are clients.
        assert runner.run(main()) <= CLIENTS * count / 4


def test_a_worker_that_starts_makes_no_descriptor_of_another_worker_blocking() -> None:
    with ExitStack() as stack:
        (serving,) = listen(["127.0.0.1"], 0)
        stack.enter_context(serving)
        # The descriptor of a worker that serves already, and that of a worker that starts.
        serving.setblocking(False)
        starting = socket.socket(fileno=os.dup(serving.fileno()))
        for listener in duplicate([starting]):
            stack.enter_context(listener)
        assert not os.get_blocking(serving.fileno())


def test_windows_needs_no_copies_because_its_loop_accepts_all_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sockets = listen(["127.0.0.1"], 0)
    with sockets[0]:
        monkeypatch.setattr(sys, "platform", "win32")
        assert duplicate(sockets) == sockets
