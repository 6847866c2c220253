"""Free ports of this machine, for servers that a load test, a benchmark or a test starts."""

import errno
import secrets
import socket
from typing import Final

RANGE: Final = range(20_000, 32_768)
"""Below the ports that Linux, macOS and Windows give to clients: thousands of connections a second cannot take one."""


def free_port() -> int:
    """Return a port on which nothing listens now, on 127.0.0.1 and, if there is IPv6, on ::1.

    Another process may take it before the server does; the caller then tries another port.
    """
    while True:
        port = secrets.choice(RANGE)
        try:
            for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                _bind(family, address, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            if family == socket.AF_INET:
                raise
        return port


def _bind(family: socket.AddressFamily, address: str, port: int) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((address, port))
