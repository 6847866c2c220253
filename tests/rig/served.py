"""A portal served by this process, so that a test can move its clock."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from festgate.kit.web.gate import Gate
from tests.rig.waiting import until


@contextmanager
def served(app: Gate, listener: socket.socket) -> Iterator[None]:
    """Serve the app on a listening socket until the end of the block."""
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive(), "the portal responds")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
