"""Password hashing: argon2id, on other threads than the event loop, with a limited queue."""

import asyncio
import os
import sys
import threading

import pytest
from argon2 import PasswordHasher, extract_parameters

from festgate.portal.accounts.passwords import Crowded, Hasher, hash_password, is_outdated

WEAKER = PasswordHasher(memory_cost=8 * 1024, time_cost=1, parallelism=1)


def test_a_password_fits_its_own_hash_and_no_other(hasher: Hasher) -> None:
    async def work() -> None:
        stored = await hasher.hash("correct horse")
        assert await hasher.verify(stored, "correct horse")
        assert not await hasher.verify(stored, "correct horsf")
        assert not await hasher.verify(stored, "")
        assert "correct" not in stored

    asyncio.run(work())


def test_the_same_password_has_another_hash_each_time() -> None:
    assert hash_password("correct horse") != hash_password("correct horse")


def test_hashes_are_argon2id_at_the_cost_that_owasp_names() -> None:
    stored = hash_password("correct horse")
    cost = extract_parameters(stored)
    assert stored.startswith("$argon2id$")
    assert (cost.memory_cost, cost.time_cost, cost.parallelism) == (19 * 1024, 2, 1)


@pytest.mark.parametrize(
    "stored", [None, "", "none", "$argon2id$v=19$m=19456,t=2,p=1$short$short", "$2b$12$x"]
)
def test_where_there_is_no_hash_no_password_fits(hasher: Hasher, stored: str | None) -> None:
    assert not asyncio.run(hasher.verify(stored, "correct horse"))


def test_a_hash_of_other_parameters_still_fits_and_is_outdated(hasher: Hasher) -> None:
    stored = WEAKER.hash("correct horse")
    assert asyncio.run(hasher.verify(stored, "correct horse"))
    assert is_outdated(stored)
    assert not is_outdated(hash_password("correct horse"))


def test_a_visitor_beyond_the_queue_is_asked_to_try_again() -> None:
    hasher = Hasher(threads=1, most_waiting=3)

    async def work() -> list[bool | BaseException]:
        return await asyncio.gather(
            *(hasher.verify(None, "password") for _ in range(10)), return_exceptions=True
        )

    try:
        answers = asyncio.run(work())
        assert answers.count(False) == 3
        crowded = [answer for answer in answers if isinstance(answer, Crowded)]
        assert len(crowded) == 7
        assert crowded[0].status == 503
        assert int(crowded[0].headers()["retry-after"]) > 0
        # The waiting ones are done, so the next one is accepted.
        assert asyncio.run(work()).count(False) == 3
    finally:
        hasher.close()


def test_the_loop_goes_on_while_passwords_are_hashed(hasher: Hasher) -> None:
    async def work() -> int:
        turns = 0
        hashing = asyncio.gather(*(hasher.hash("correct horse") for _ in range(5)))
        while not hashing.done():
            turns += 1
            await asyncio.sleep(0)
        await hashing
        return turns

    assert asyncio.run(work()) > 100


def test_closing_drops_what_waits() -> None:
    hasher = Hasher(threads=1)

    async def work() -> list[str | BaseException]:
        waiting = asyncio.gather(*(hasher.hash("correct horse") for _ in range(50)), return_exceptions=True)
        await asyncio.sleep(0)
        hasher.close()
        return await waiting

    answers = asyncio.run(work())
    assert any(isinstance(answer, asyncio.CancelledError) for answer in answers)


def test_the_threads_that_hash_step_back_behind_the_loop(hasher: Hasher) -> None:
    if sys.platform != "linux":
        return
    asyncio.run(hasher.hash("correct horse"))
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    theirs = [
        os.getpriority(os.PRIO_PROCESS, thread.native_id)
        for thread in threading.enumerate()
        if thread.name.startswith("hasher") and thread.native_id is not None
    ]
    assert theirs
    assert min(theirs) > own
