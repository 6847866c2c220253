"""Password hashing with argon2id on separate threads, so that other requests do not wait for it."""

import asyncio
import base64
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from festgate.kit.errors import Unavailable
from festgate.kit.translation import N_
from festgate.portal.accounts.strength import find_weakness

T = TypeVar("T")

# OWASP's Password Storage Cheat Sheet, first choice for argon2id. 15 to 30 ms on one core.
_ARGON2ID = PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)

MAX_THREADS = 8
"""Each thread needs 19 MiB while it hashes; eight check some three hundred passwords a second."""
MAX_WAITING = 2000
"""Passwords in the queue: with more, the last one would wait for over a minute."""
NICENESS = 5
"""Niceness of the threads on Linux: on a shared core, the event loop gets three quarters of the time.

With much more, signing in would stop while another program is busy on the same machine.
"""


class Crowded(Unavailable):
    """More passwords wait than can be checked within a minute."""

    code = "crowded"
    message = N_("Many people are signing in at the moment. Please try again shortly.")


def hash_password(password: str) -> str:
    """Return the password's hash, with its salt and parameters in it. Blocks the calling thread for 15 to 30 ms."""
    return _ARGON2ID.hash(password)


class Hasher:
    """A pool of threads that hash passwords; their number leaves one core to the event loop."""

    def __init__(self, threads: int | None = None, most_waiting: int = MAX_WAITING) -> None:
        """Start no thread before it is needed."""
        self._threads = ThreadPoolExecutor(
            threads or min(MAX_THREADS, max(1, _cores() - 1)),
            thread_name_prefix="hasher",
            initializer=_lower_priority,
        )
        self._most_waiting = most_waiting
        self._waiting = 0
        self._unmatched = _unmatched_hash()

    async def hash(self, password: str) -> str:
        """Return the password's hash. Raises Crowded if too many wait."""
        return await self._run(hash_password, password)

    async def judge(self, password: str, known: Iterable[str]) -> str:
        """Return what is wrong with a new password (strength.py); empty if nothing is. Raises Crowded."""
        return await self._run(find_weakness, password, tuple(known))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether the hash is of that password. Raises Crowded if too many wait.

        Without a hash, because there is no such account, it returns False after the same work.
        """
        return await self._run(_verify, password_hash or self._unmatched, password)

    def close(self) -> None:
        """Finish the running hashes and drop the waiting ones."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        if self._waiting >= self._most_waiting:
            raise Crowded
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1


def is_outdated(password_hash: str) -> bool:
    """Return whether the hash was made with other parameters than today's."""
    return _ARGON2ID.check_needs_rehash(password_hash)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _ARGON2ID.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _unmatched_hash() -> str:
    """Return a hash with today's parameters that no password matches: its digest is random."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
        for length in (_ARGON2ID.salt_len, _ARGON2ID.hash_len)
    )
    cost = f"m={_ARGON2ID.memory_cost},t={_ARGON2ID.time_cost},p={_ARGON2ID.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


def _lower_priority() -> None:
    if sys.platform == "linux":
        # Linux sets the priority of this thread; other systems would set that of the whole process.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _cores() -> int:
    # A statement in two branches: mypy checks each on its own platform.
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return cores
