"""Client addresses: which of them stand for one client, and how many requests each client has in progress."""

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

MAX_IN_PROGRESS = 2000
"""Requests of one client address that a worker handles at a time. A campus behind one address that registers in one
minute has a few hundred in progress (5,000 people, each answered within seconds); no module takes more than 1,000."""
RETRY_AFTER = 2
"""Seconds after which a client with too many requests may retry."""
IPV6_PREFIX = 64
"""Bits that identify one customer of a provider, as a network of that size has 2^64 addresses."""


class Trusted:
    """The addresses that stand for many clients: this machine's own, and those of trusted proxies."""

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        """Take addresses and networks in the form of the setting `trusted_proxies`; `*` means every address."""
        self._names = frozenset(proxies)
        self._networks = [network for name in self._names if (network := _network(name)) is not None]

    def __contains__(self, address: str) -> bool:
        """Return whether the address is trusted. A value that is not an address (a socket file, a test client) is."""
        if "*" in self._names or address in self._names:
            return True
        try:
            parsed = _parsed(address)
        except ValueError:
            return True
        return parsed.is_loopback or any(parsed in network for network in self._networks)


def address_of(scope: Mapping[str, Any]) -> str:
    """Return the client's address, as trusted proxies report it; empty if there is none (a socket file)."""
    client = scope.get("client")
    return client[0] if client else ""


@lru_cache(maxsize=4096)
def client_key(address: str) -> str:
    """Return the part of an address that identifies the client: all of IPv4, the first 64 bits of IPv6."""
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
    """Current counts by client, such as requests in progress; a client with a count of zero uses no memory."""

    def __init__(self, maximum: int, trusted: Trusted) -> None:
        """Take the maximum for one client; `trusted` addresses stand for many clients and have no limit."""
        self.maximum = maximum
        self.trusted = trusted
        self.by_client: dict[str, int] = {}

    def add(self, address: str) -> bool:
        """Count one more; return False and do not count if the client has reached the maximum."""
        key = client_key(address)
        count = self.by_client.get(key, 0)
        # The check for trusted addresses is last because it takes the longest.
        if count >= self.maximum and address not in self.trusted:
            return False
        self.by_client[key] = count + 1
        return True

    def remove(self, address: str, counted: bool = True) -> None:  # noqa: FBT001, FBT002  (the result of `add`)
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
