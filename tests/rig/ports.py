"""Ports of this machine."""

import errno
import secrets
import socket

LENT = range(20_000, 32_768)
"""Below all that Linux, macOS and Windows give to clients: thousands of connections a second cannot take one away."""


def free_port() -> int:
    """A port on which nothing listens now, on 127.0.0.1 and, where there is IPv6, on ::1.

    Someone else may take it before it is used: whoever starts a server on it tries another one then.
    """
    while True:
        port = secrets.choice(LENT)
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
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        taken.bind((address, port))
