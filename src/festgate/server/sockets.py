"""The listening sockets. The supervisor opens them, and every worker accepts connections from them."""

import errno
import os
import socket
import sys
from collections.abc import Sequence

from festgate.kit.errors import StartupError

BACKLOG = 4096
"""Connections that the kernel queues until a worker accepts them: the first second of an opening."""
COPIES = 16
"""File descriptors of each listening socket in a worker. libuv accepts one connection per descriptor in an iteration of
the event loop. While a crowd makes the iterations slow, three hundred new connections would take three hundred
iterations, and delay every connection after them."""


def duplicate(sockets: Sequence[socket.socket]) -> list[socket.socket]:
    """Return the sockets with the copies that let the event loop accept several connections in an iteration."""
    if sys.platform == "win32":  # the loop there accepts all waiting connections
        return list(sockets)
    return [
        copy for listener in sockets for copy in (listener, *(_copy(listener) for _ in range(COPIES - 1)))
    ]


def _copy(listener: socket.socket) -> socket.socket:
    # socket.dup would also make the descriptors of other workers blocking, which serve already.
    return socket.socket(listener.family, listener.type, listener.proto, fileno=os.dup(listener.fileno()))


def listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Return a listening socket for each address. Port 0 chooses a free port, the same for all addresses.

    An address that this machine does not have (often ::1, if IPv6 is off) is skipped unless it is the only one.
    Raise StartupError, for instance if another program uses the port.
    """
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for host in hosts:
        try:
            sockets.append(_listen(host, port))
        except socket.gaierror as error:
            close(sockets)
            msg = f"The address {host} to listen on cannot be resolved: {error.strerror}."
            raise StartupError(msg) from error
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                missing = error
                continue
            close(sockets)
            raise StartupError(_sentence(host, port, error)) from error
        port = sockets[0].getsockname()[1]
    if not sockets:
        msg = f"This machine has none of the addresses {', '.join(hosts)}: {missing}."
        raise StartupError(msg)
    return sockets


def close(sockets: Sequence[socket.socket]) -> None:
    """Close the sockets in this process. They keep listening while another process has them open."""
    for listener in sockets:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # the option there lets two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program. Stop it, or choose another port with --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This account may not listen on port {port} of {host}. Choose a port above 1023 with --port."
    return f"Cannot listen on port {port} of {host}: {error.strerror}."
