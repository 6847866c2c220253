"""The number of requests in one turn of the event loop depends on their cost."""

import asyncio

from festgate.kit.resilience.bulkhead import QUANTUM, Bulkhead
from tests.kit.test_bulkhead import Handler, compute_for, make_bulkhead, return_word, run_on_loop

EXPENSIVE = 0.003
"""Seconds of processor time for one expensive request."""
FITTING_REQUESTS = QUANTUM / EXPENSIVE
CROWD = 40


async def count_largest_turn(bulkhead: Bulkhead, handler: Handler) -> int:
    """Return the largest number of requests of a crowd that ran in one turn of the event loop."""
    requests_per_turn: list[int] = [0]

    async def count_and_run(word: str) -> str:
        requests_per_turn[-1] += 1
        return await handler(word)

    async def start_new_turns() -> None:
        while True:
            await asyncio.sleep(0)
            requests_per_turn.append(0)

    turn_starter = asyncio.create_task(start_new_turns())
    await asyncio.gather(*(bulkhead.run(count_and_run, "x") for _ in range(CROWD)))
    turn_starter.cancel()
    assert sum(requests_per_turn) == CROWD
    # The first turn measures the cost of a request.
    return max(requests_per_turn[2:])


def test_a_crowd_after_quiet_times_is_admitted_by_the_cost_of_its_requests() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead(requests=CROWD)
        for _ in range(CROWD):
            await bulkhead.run(return_word, "x")
            await asyncio.sleep(0)
        assert await count_largest_turn(bulkhead, compute_for(EXPENSIVE)) <= FITTING_REQUESTS

    run_on_loop(main)


def test_requests_that_become_expensive_while_others_wait_are_admitted_by_the_new_cost() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead(requests=CROWD)
        calls = 0

        async def compute_longer(word: str) -> str:
            nonlocal calls
            calls += 1
            return await compute_for(QUANTUM / 20 if calls <= CROWD / 2 else EXPENSIVE)(word)

        assert (
            await count_largest_turn(bulkhead, compute_longer) <= QUANTUM / (QUANTUM / 20) + FITTING_REQUESTS
        )
        assert await count_largest_turn(bulkhead, compute_for(EXPENSIVE)) <= FITTING_REQUESTS

    run_on_loop(main)
