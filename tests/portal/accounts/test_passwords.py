"""Password hashing: argon2id, on other threads than the event loop, with a limited queue."""

import asyncio
import os
import sys
import threading

import pytest
from argon2 import PasswordHasher, extract_parameters

from festgate.portal.accounts.passwords import Crowded, Hasher, hash_password, is_outdated

WEAK_HASHER = PasswordHasher(memory_cost=8 * 1024, time_cost=1, parallelism=1)


def test_a_password_matches_only_its_own_hash(hasher: Hasher) -> None:
    async def hash_and_verify() -> None:
        password_hash = await hasher.hash("correct horse")
        assert await hasher.verify(password_hash, "correct horse")
        assert not await hasher.verify(password_hash, "correct horsf")
        assert not await hasher.verify(password_hash, "")
        assert "correct" not in password_hash

    asyncio.run(hash_and_verify())


def test_hashes_of_the_same_password_differ() -> None:
    assert hash_password("correct horse") != hash_password("correct horse")


def test_hashes_are_argon2id_with_the_cost_recommended_by_owasp() -> None:
    password_hash = hash_password("correct horse")
    cost = extract_parameters(password_hash)
    assert password_hash.startswith("$argon2id$")
    assert (cost.memory_cost, cost.time_cost, cost.parallelism) == (19 * 1024, 2, 1)


@pytest.mark.parametrize(
    "password_hash", [None, "", "none", "$argon2id$v=19$m=19456,t=2,p=1$short$short", "$2b$12$x"]
)
def test_no_password_matches_a_missing_or_invalid_hash(hasher: Hasher, password_hash: str | None) -> None:
    assert not asyncio.run(hasher.verify(password_hash, "correct horse"))


def test_a_hash_with_other_parameters_still_matches_and_is_outdated(hasher: Hasher) -> None:
    password_hash = WEAK_HASHER.hash("correct horse")
    assert asyncio.run(hasher.verify(password_hash, "correct horse"))
    assert is_outdated(password_hash)
    assert not is_outdated(hash_password("correct horse"))


def test_a_full_queue_of_passwords_is_refused_with_retry_after() -> None:
    hasher = Hasher(threads=1, most_waiting=3)

    async def verify_many() -> list[bool | BaseException]:
        return await asyncio.gather(
            *(hasher.verify(None, "password") for _ in range(10)), return_exceptions=True
        )

    try:
        results = asyncio.run(verify_many())
        assert results.count(False) == 3
        crowded = [result for result in results if isinstance(result, Crowded)]
        assert len(crowded) == 7
        assert crowded[0].status == 503
        assert int(crowded[0].headers()["retry-after"]) > 0
        # The waiting ones are done, so the next one is accepted.
        assert asyncio.run(verify_many()).count(False) == 3
    finally:
        hasher.close()


def test_the_event_loop_runs_while_passwords_are_hashed(hasher: Hasher) -> None:
    async def count_turns() -> int:
        turns = 0
        hashing = asyncio.gather(*(hasher.hash("correct horse") for _ in range(5)))
        while not hashing.done():
            turns += 1
            await asyncio.sleep(0)
        await hashing
        return turns

    assert asyncio.run(count_turns()) > 100


def test_closing_the_hasher_cancels_waiting_passwords() -> None:
    hasher = Hasher(threads=1)

    async def hash_and_close() -> list[str | BaseException]:
        waiting = asyncio.gather(*(hasher.hash("correct horse") for _ in range(50)), return_exceptions=True)
        await asyncio.sleep(0)
        hasher.close()
        return await waiting

    results = asyncio.run(hash_and_close())
    assert any(isinstance(result, asyncio.CancelledError) for result in results)


def test_hashing_threads_have_a_lower_priority_than_the_event_loop(hasher: Hasher) -> None:
    if sys.platform != "linux":
        return
    asyncio.run(hasher.hash("correct horse"))
    loop_priority = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    hasher_priorities = [
        os.getpriority(os.PRIO_PROCESS, thread.native_id)
        for thread in threading.enumerate()
        if thread.name.startswith("hasher") and thread.native_id is not None
    ]
    assert hasher_priorities
    assert min(hasher_priorities) > loop_priority
