"""The guard that keeps the process of the tests on this machine.

An audit hook sees every socket of this process, whoever opens it and however: it refuses the call, and it remembers it,
so that the test fails even where the code under test swallowed the refusal. (What is not Python's own socket, as libpq,
is given loopback addresses by the rig.) A hook cannot be taken away again, so it is set only where tests run.
"""

import ipaddress
import sys
from dataclasses import dataclass, field
from typing import Any

NAMES = frozenset({"localhost", "ip6-localhost", "ip6-loopback", ""})


def stays_here(host: object) -> bool:
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
    """Refuses connections to other machines, and lists them in `refused`."""

    refused: list[str] = field(default_factory=list)

    def set(self) -> None:
        """Install the guard for the rest of this process."""
        sys.addaudithook(self._look)

    def take(self) -> list[str]:
        """Return the connections that were refused since the last call."""
        taken, self.refused[:] = self.refused[:], []
        return taken

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            address = arguments[1]
            # A path is a Unix socket; None is a datagram on a socket that was connected before.
            host = address[0] if isinstance(address, tuple) else None
        elif event == "socket.getaddrinfo":
            host = arguments[0]
        else:
            return
        if not stays_here(host):
            self.refused.append(f"{event} {host}")
            raise LeftTheMachine(f"Tests stay on this machine: {event} to {host} is refused.")
