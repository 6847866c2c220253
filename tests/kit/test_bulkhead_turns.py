"""The number of requests in one turn of the event loop depends on their cost."""

import asyncio

from festgate.kit.resilience.bulkhead import QUANTUM, Bulkhead
from tests.kit.test_bulkhead import Work, answer, hold, make, on_loop

DEAR = 0.003
"""Seconds of the processor."""
FITTING = QUANTUM / DEAR
CROWD = 40


async def most_in_a_turn(bulkhead: Bulkhead, work: Work) -> int:
    """Return the most requests of a crowd that ran without a break for other tasks."""
    ran: list[int] = [0]

    async def counted(word: str) -> str:
        ran[-1] += 1
        return await work(word)

    async def somebody_else() -> None:
        while True:
            await asyncio.sleep(0)
            ran.append(0)

    other = asyncio.create_task(somebody_else())
    await asyncio.gather(*(bulkhead.run(counted, "x") for _ in range(CROWD)))
    other.cancel()
    assert sum(ran) == CROWD
    # The first turn measures how many they are.
    return max(ran[2:])


def test_a_crowd_after_a_quiet_time_goes_in_by_what_it_costs() -> None:
    async def main() -> None:
        tea = make(requests=CROWD)
        for _ in range(CROWD):
            await tea.run(answer, "x")
            await asyncio.sleep(0)
        assert await most_in_a_turn(tea, hold(DEAR)) <= FITTING

    on_loop(main)


def test_who_becomes_dear_while_others_wait_goes_in_by_that() -> None:
    async def main() -> None:
        tea = make(requests=CROWD)
        asked = 0

        async def dearer(word: str) -> str:
            nonlocal asked
            asked += 1
            return await hold(QUANTUM / 20 if asked <= CROWD / 2 else DEAR)(word)

        assert await most_in_a_turn(tea, dearer) <= QUANTUM / (QUANTUM / 20) + FITTING
        assert await most_in_a_turn(tea, hold(DEAR)) <= FITTING

    on_loop(main)
