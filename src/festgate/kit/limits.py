"""What the system allows a process."""

import sys
from contextlib import suppress

FILES = (65_536, 10_240)
"""Open files and connections that are asked for; the second is the most that some versions of macOS give."""


def allow_files() -> None:
    """As many as are needed and this account may have, here and in what is started from here.

    A terminal's own limit is 1,024 on Linux and 256 on macOS, and each person on the way has a connection.
    """
    if sys.platform == "win32":  # where there is no such limit
        return
    import resource  # noqa: PLC0415  (Windows has none)

    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in FILES:
        allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        if now == resource.RLIM_INFINITY or now >= allowed:
            return
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
            return
