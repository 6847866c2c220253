"""Ports of this machine."""

import errno
import socket


def free_port() -> int:
    """A port on which nothing listens now, on 127.0.0.1 and, where there is IPv6, on ::1.

    Someone else may take it before it is used: whoever starts a server on it tries another one then.
    """
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as ipv4:
            ipv4.bind(("127.0.0.1", 0))
            port = int(ipv4.getsockname()[1])
            try:
                with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as ipv6:
                    ipv6.bind(("::1", port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
            return port
