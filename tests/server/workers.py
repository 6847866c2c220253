"""Test workers below the real supervisor: `python -m tests.server.workers PORT WORKERS BEHAVIOUR`.

BEHAVIOUR `serves` has a page with an endless regular expression, which holds the interpreter's lock in C; `dies` ends
once it is ready; `refuses` and `fails` do not become ready. TEST_MAX_SILENCE shortens the supervisor's timeout.
"""

import os
import re
import socket
import sys
from collections.abc import Sequence

from festgate.kit.logging import configure
from festgate.server import supervisor
from festgate.server.channel import READY, Channel, WorkerSpec
from festgate.server.sockets import listen

ENDLESS = (r"(a+)+$", "a" * 64 + "b")


def work(spec: WorkerSpec, channel: Channel, sockets: Sequence[socket.socket]) -> int:
    match sys.argv[3]:
        case "serves":
            return serve(spec, channel, sockets)
        case "dies":
            channel.send(READY)
            return 70
        case "refuses":
            sys.stderr.write("The setting is wrong.\n")
            return 2
        case _:
            raise RuntimeError("a bug at the start")


def serve(spec: WorkerSpec, channel: Channel, sockets: Sequence[socket.socket]) -> int:
    from starlette.applications import Starlette  # noqa: PLC0415  (it takes a second, and only this behaviour needs it)
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import PlainTextResponse, Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    from festgate.kit.metrics import Metrics  # noqa: PLC0415
    from festgate.server.worker import Server, server_config  # noqa: PLC0415
    from festgate.settings import Settings  # noqa: PLC0415

    async def pid(_request: Request) -> Response:
        return PlainTextResponse(f"{os.getpid()}")

    async def regex(_request: Request) -> Response:
        return PlainTextResponse(str(re.match(*ENDLESS)))

    app = Starlette(routes=[Route("/", pid), Route("/regex", regex)])
    Server(server_config(app, Settings()), channel, Metrics(), spec.restarts).run(list(sockets))
    return 0


def main(port: int, count: int) -> int:
    configure("json", "info")
    supervisor.MAX_SILENCE = float(os.environ.get("TEST_MAX_SILENCE", supervisor.MAX_SILENCE))
    return supervisor.supervise(listen(["127.0.0.1"], port), WorkerSpec("tests.server.workers", port), count)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
