"""Passwords: argon2id, on threads of their own, so that hashing keeps no other request waiting."""

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
"""Each takes 19 MiB while it hashes; eight check some three hundred passwords a second."""
MAX_WAITING = 2000
"""Beyond that the last in the queue would wait for a minute, and would rather be told to come back."""
NICENESS = 5
"""Of the threads, on Linux: of a core that both want, the event loop gets three quarters.

Much more, and signing in would come to a stop while another program is busy on the same machine.
"""


class Crowded(Unavailable):
    """More passwords wait to be checked than can be within a minute."""

    code = "crowded"
    message = N_("Many people are signing in at the moment. Please try again shortly.")


def hash_password(password: str) -> str:
    """The hash, with a salt of its own and the parameters in it. Takes its 15 to 30 ms on the thread that calls."""
    return _ARGON2ID.hash(password)


class Hasher:
    """The threads that hash. Their number leaves one core to the event loop."""

    def __init__(self, threads: int | None = None, most_waiting: int = MAX_WAITING) -> None:
        """No thread is started before it is needed."""
        self._threads = ThreadPoolExecutor(
            threads or min(MAX_THREADS, max(1, _cores() - 1)),
            thread_name_prefix="hasher",
            initializer=_step_back,
        )
        self._most_waiting = most_waiting
        self._waiting = 0
        self._nobodys = _hash_of_nothing()

    async def hash(self, password: str) -> str:
        """The password's hash; Crowded when too many wait."""
        return await self._run(hash_password, password)

    async def judge(self, password: str, known: Iterable[str]) -> str:
        """What is wrong with a new password (strength.py); empty where nothing is. Crowded when too many wait."""
        return await self._run(find_weakness, password, tuple(known))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the hash is of that password; Crowded when too many wait.

        Without a hash (there is no such account) the answer is no, after the same work.
        """
        return await self._run(_verify, password_hash or self._nobodys, password)

    def close(self) -> None:
        """Finish what is being hashed; drop what waits."""
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
    """Whether it was made with other parameters than are used today."""
    return _ARGON2ID.check_needs_rehash(password_hash)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _ARGON2ID.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _hash_of_nothing() -> str:
    """A hash with today's parameters that is of no password: random where the digest would be."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
        for length in (_ARGON2ID.salt_len, _ARGON2ID.hash_len)
    )
    cost = f"m={_ARGON2ID.memory_cost},t={_ARGON2ID.time_cost},p={_ARGON2ID.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


def _step_back() -> None:
    if sys.platform == "linux":
        # On Linux a thread has a priority of its own; elsewhere this would set the whole process's.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _cores() -> int:
    """The processor cores that this process may use."""
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return cores
