"""Client addresses: which of them stand for one client, and how many requests each has in progress."""

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

MAX_IN_PROGRESS = 2000
"""Requests of one client address that a worker works on at a time. A campus behind one address that registers in one
minute has a few hundred in progress (5,000 people, each answered within seconds); no module takes more than 1,000."""
RETRY_AFTER = 2
"""Seconds after which a client that has too many may come back."""
IPV6_PREFIX = 64
"""Bits that name one customer of a provider: whoever has such a network has all of its 2^64 addresses."""


class Trusted:
    """The addresses that stand for many clients: this machine's own, and those of the proxies in front of it."""

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        """`proxies` are addresses and networks, as the setting `trusted_proxies` has them; `*` is everybody."""
        self._names = frozenset(proxies)
        self._networks = [network for name in self._names if (network := _network(name)) is not None]

    def __contains__(self, address: str) -> bool:
        """Whether that is one of them; what is no address (a socket file, a test client) is."""
        if "*" in self._names or address in self._names:
            return True
        try:
            parsed = _parsed(address)
        except ValueError:
            return True
        return parsed.is_loopback or any(parsed in network for network in self._networks)


def address_of(scope: Mapping[str, Any]) -> str:
    """Return the client's address, as trusted proxies report it; empty where there is none (a socket file)."""
    client = scope.get("client")
    return client[0] if client else ""


@lru_cache(maxsize=4096)
def client_key(address: str) -> str:
    """The part of an address that names the client: all of IPv4, the first 64 bits of IPv6."""
    if ":" not in address:
        return address
    try:
        parsed = _parsed(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False).network_address)


class Counts:
    """How many of something each client has at the moment; a client that has none takes no room."""

    def __init__(self, most: int, trusted: Trusted) -> None:
        """`most` of one client; those that are `trusted` stand for many, and have no limit."""
        self.most = most
        self.trusted = trusted
        self.by_client: dict[str, int] = {}

    def add(self, address: str) -> bool:
        """Count one more; False, and nothing counted, where the client has all that it may have."""
        key = client_key(address)
        count = self.by_client.get(key, 0)
        # Whether it is trusted is asked last: that takes longer than all the rest.
        if count >= self.most and address not in self.trusted:
            return False
        self.by_client[key] = count + 1
        return True

    def remove(self, address: str, counted: bool = True) -> None:  # noqa: FBT001, FBT002  (what `add` has said)
        """Count one less, if it was `counted`."""
        if not counted:
            return
        key = client_key(address)
        count = self.by_client[key] - 1
        if count:
            self.by_client[key] = count
        else:
            del self.by_client[key]


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None
