"""The sockets that the portal listens on. The parent opens them, and every worker accepts from them."""

import errno
import os
import socket
import sys
from collections.abc import Sequence

from festgate.kit.errors import StartupError

BACKLOG = 4096
"""Connections that the kernel holds until they are accepted: the first second of an opening."""


DOORS = 16
"""Of each listening socket. libuv takes one connection at each in a turn of the loop: while a module's crowd fills the
turns, three hundred who come anew would wait for as many of them, with everybody who comes behind."""


def doors(sockets: Sequence[socket.socket]) -> list[socket.socket]:
    """All of them, with the copies that let more than one connection in at a time."""
    if sys.platform == "win32":  # where the loop takes all that are there
        return list(sockets)
    return [door for each in sockets for door in (each, *(_copy(each) for _ in range(DOORS - 1)))]


def _copy(listener: socket.socket) -> socket.socket:
    # Python's own would have all copies wait where this one does, also those of workers that serve already.
    return socket.socket(listener.family, listener.type, listener.proto, fileno=os.dup(listener.fileno()))


def listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """A listening socket for each address; port 0 takes a free one, the same for all.

    An address that this machine does not have (often ::1, where IPv6 is off) is passed over as long as another is
    there. Raises StartupError when the port is taken.
    """
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for host in hosts:
        try:
            sockets.append(_listen(host, port))
        except socket.gaierror as error:
            close(sockets)
            msg = f"The address {host} to listen on is not known: {error.strerror}."
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
    """Close them in this process; they listen on for as long as another has them."""
    for each in sockets:
        each.close()


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    made = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there it would let two programs share the port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program. Stop it, or choose another with --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This account may not listen on port {port} of {host}. Choose a port above 1023 with --port."
    return f"Cannot listen on port {port} of {host}: {error.strerror}."
