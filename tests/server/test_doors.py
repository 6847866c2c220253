"""Connections that come while the loop has much to do: how many are let in at a time."""

import asyncio
import os
import socket
import sys
from contextlib import ExitStack

import pytest

from festgate.server.sockets import BACKLOG, doors, listen

CROWD = 100


@pytest.mark.parametrize("count", [1, 2])
def test_a_crowd_of_new_connections_is_let_in_within_few_turns_of_the_loop(count: int) -> None:
    import uvloop  # noqa: PLC0415  (Windows has none)

    async def main() -> int:
        loop, came, turns = asyncio.get_running_loop(), 0, 0

        class Guest(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                nonlocal came
                came += 1
                transport.close()

        with ExitStack() as stack:
            sockets = doors(listen(["127.0.0.1"], 0))
            servers = [await loop.create_server(Guest, sock=door, backlog=BACKLOG) for door in sockets]
            address = sockets[0].getsockname()
            for _ in range(CROWD * count):
                stack.enter_context(socket.create_connection(address, 10))
            while came < CROWD * count:
                turns += 1
                await asyncio.sleep(0)
            for server in servers:
                server.close()
        return turns

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        # One at a time would take as many turns as there are guests.
        assert runner.run(main()) <= CROWD * count / 4


def test_a_worker_that_starts_keeps_no_other_waiting_at_its_doors() -> None:
    with ExitStack() as stack:
        (ours,) = listen(["127.0.0.1"], 0)
        stack.enter_context(ours)
        # As a worker has it that serves already, and as one has it that starts.
        ours.setblocking(False)
        its = socket.socket(fileno=os.dup(ours.fileno()))
        for door in doors([its]):
            stack.enter_context(door)
        assert not os.get_blocking(ours.fileno())


def test_windows_has_one_door_as_its_loop_takes_all_who_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    sockets = listen(["127.0.0.1"], 0)
    with sockets[0]:
        monkeypatch.setattr(sys, "platform", "win32")
        assert doors(sockets) == sockets
