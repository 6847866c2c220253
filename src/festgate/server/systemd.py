"""Notifications of the service's state for systemd (Type=notify or notify-reload; sd_notify(3))."""

import os
import socket
import sys
import time
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"


def reloading() -> str:
    """Return the state of a rolling restart that has begun; `READY` ends it."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def notify(state: str) -> None:
    """Send the state if systemd wants it. Nothing depends on its arrival."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if sys.platform != "win32" and address.startswith(("/", "@")):
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            # An @ at the beginning stands for Linux' abstract namespace.
            sender.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
