"""The guard against connections from the tests to other machines.

An audit hook is called for every connection of a Python socket in this process. It refuses connections to other
machines and records them, so that a test fails even if the code under test swallows the exception. (Other sockets, such
as those of libpq, get loopback addresses from the rig.) A hook cannot be removed, so only test processes install it.
"""

import ipaddress
import sys
from dataclasses import dataclass, field
from typing import Any

NAMES = frozenset({"localhost", "ip6-localhost", "ip6-loopback", ""})


def is_this_machine(host: object) -> bool:
    """Return whether an address or name is this machine."""
    if host is None:
        return True
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str):
        return False
    if host.lower() in NAMES:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


class LeftTheMachine(OSError):
    """An attempt of a test to reach another machine."""


@dataclass
class Guard:
    """A guard that refuses connections to other machines, and lists them in `refused`."""

    refused: list[str] = field(default_factory=list)

    def install(self) -> None:
        """Install the guard for the rest of this process."""
        sys.addaudithook(self._check)

    def take(self) -> list[str]:
        """Return the connections that were refused since the last call."""
        taken, self.refused[:] = self.refused[:], []
        return taken

    def _check(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            address = arguments[1]
            # A path is a Unix socket; None is a datagram on a socket that was connected before.
            host = address[0] if isinstance(address, tuple) else None
        elif event == "socket.getaddrinfo":
            host = arguments[0]
        else:
            return
        if not is_this_machine(host):
            self.refused.append(f"{event} {host}")
            raise LeftTheMachine(f"Tests may only connect to this machine: {event} to {host} is refused.")
