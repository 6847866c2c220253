"""Workers of the tests' own below the real parent: `python -m tests.server.own PORT WORKERS MANNER`.

MANNER `serves` has a page that asks for a regular expression without an end, which holds the interpreter's lock in C;
`dies` gets ready and dies, `refuses` and `fails` do not get ready. OWN_SILENCE shortens the parent's patience.
"""

import os
import re
import socket
import sys
from collections.abc import Sequence

from festgate.kit.logging import configure
from festgate.server import supervisor
from festgate.server.line import READY, Line
from festgate.server.orders import Order
from festgate.server.sockets import listen

ENDLESS = (r"(a+)+$", "a" * 64 + "b")


def work(order: Order, line: Line, sockets: Sequence[socket.socket]) -> int:
    match sys.argv[3]:
        case "serves":
            return serve(order, line, sockets)
        case "dies":
            line.tell(READY)
            return 70
        case "refuses":
            sys.stderr.write("This is what is wrong.\n")
            return 2
        case _:
            raise RuntimeError("a bug at the start")


def serve(order: Order, line: Line, sockets: Sequence[socket.socket]) -> int:
    from starlette.applications import Starlette  # noqa: PLC0415  (only this manner needs it, and it takes a second)
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import PlainTextResponse, Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    from festgate.kit.metrics import Metrics  # noqa: PLC0415
    from festgate.server.worker import Restarts, Server, server_config  # noqa: PLC0415
    from festgate.settings import Settings  # noqa: PLC0415

    async def pid(_request: Request) -> Response:
        return PlainTextResponse(f"{os.getpid()}")

    async def regex(_request: Request) -> Response:
        return PlainTextResponse(str(re.match(*ENDLESS)))

    app = Starlette(routes=[Route("/", pid), Route("/regex", regex)])
    Server(server_config(app, Settings()), line, Restarts(Metrics(), order.restarts)).run(list(sockets))
    return 0


def main(port: int, count: int) -> int:
    configure("json", "info")
    supervisor.MAX_SILENCE = float(os.environ.get("OWN_SILENCE", supervisor.MAX_SILENCE))
    return supervisor.supervise(listen(["127.0.0.1"], port), Order("tests.server.own", port), count)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
