"""Bulkheads contain errors, slowness, crowds, and code that blocks the event loop, on a real loop with real tasks."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from festgate.kit.errors import ModuleUnavailable, NotFound, Unavailable
from festgate.kit.resilience import breaker, bulkhead
from festgate.kit.resilience.breaker import MIN_FAILURES, TRIALS
from festgate.kit.resilience.bulkhead import COUNTED, QUANTUM, Budget, Bulkhead, Unguarded, watch_bulkheads
from festgate.kit.resilience.pulse import Pulse

T = TypeVar("T")
Handler = Callable[[str], Coroutine[Any, Any, str]]


async def return_word(word: str) -> str:
    return word


async def fail(word: str) -> str:
    raise ZeroDivisionError(word)


async def hang(_word: str) -> str:
    await asyncio.Event().wait()
    return "never"


def compute_for(seconds: float) -> Handler:
    async def handler(word: str) -> str:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass
        return word

    return handler


def raise_error(error: Exception) -> Handler:
    async def handler(_word: str) -> str:
        raise error

    return handler


def make_bulkhead(requests: int = 10, seconds: float = 60, pulse: Pulse | None = None) -> Bulkhead:
    return Bulkhead("tea", "Tea", Budget(requests, seconds), pulse or Pulse(), "Your cup is kept.")


def run_on_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(main())


async def outcome(bulkhead: Bulkhead, handler: Handler, word: str = "x") -> str | type[Exception]:
    try:
        return await bulkhead.run(handler, word)
    except Exception as error:  # noqa: BLE001
        return type(error)


async def run_some_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def open_circuit(bulkhead: Bulkhead) -> None:
    for _ in range(MIN_FAILURES):
        assert await outcome(bulkhead, fail) is ModuleUnavailable
    assert bulkhead.state == "resting"


def test_successful_requests_return_their_results() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead()
        assert [await bulkhead.run(return_word, str(number)) for number in range(100)] == [
            str(number) for number in range(100)
        ]
        assert (bulkhead.state, bulkhead.why) == ("well", "")

    run_on_loop(main)


def test_an_unhandled_exception_becomes_module_unavailable_with_retry_after() -> None:
    async def main() -> None:
        with pytest.raises(ModuleUnavailable) as caught:
            await make_bulkhead().run(fail, "x")
        refusal = caught.value
        assert (refusal.status, refusal.module, refusal.title) == (503, "tea", "Tea is unavailable")
        assert "Your cup is kept." in refusal.message
        assert int(refusal.headers()["retry-after"]) >= 1
        assert isinstance(refusal.__cause__, ZeroDivisionError)

    run_on_loop(main)


@pytest.mark.parametrize("error", [NotFound(), HTTPException(405)])
def test_errors_that_a_module_raises_on_purpose_are_not_failures(error: Exception) -> None:
    async def main() -> None:
        bulkhead = make_bulkhead()
        for _ in range(3 * MIN_FAILURES):
            assert await outcome(bulkhead, raise_error(error)) is type(error)
        assert bulkhead.state == "well"

    run_on_loop(main)


@pytest.mark.parametrize("error", [Unavailable(), ClientDisconnect()])
def test_database_outages_and_client_disconnects_are_not_failures_of_the_module(error: Exception) -> None:
    async def main() -> None:
        bulkhead = make_bulkhead()
        for _ in range(3 * MIN_FAILURES):
            assert await outcome(bulkhead, raise_error(error)) is type(error)
        assert bulkhead.state == "well"

    run_on_loop(main)


def test_the_circuit_opens_when_most_requests_fail_and_the_module_is_not_called() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead()
        await open_circuit(bulkhead)
        assert bulkhead.why == "ZeroDivisionError: x"
        ran = []

        async def note(word: str) -> str:
            ran.append(word)
            return word

        assert {await outcome(bulkhead, note) for _ in range(50)} == {ModuleUnavailable}
        assert ran == []

    run_on_loop(main)


def test_the_circuit_stays_closed_when_few_requests_fail() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead()
        for _ in range(20):
            assert await outcome(bulkhead, fail) is ModuleUnavailable
            assert await outcome(bulkhead, return_word) == "x"
            assert await outcome(bulkhead, return_word) == "x"
        assert bulkhead.state == "well"

    run_on_loop(main)


def test_an_open_circuit_admits_one_trial_at_a_time_and_closes_after_enough_successes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breaker, "MIN_OPEN", 0.0)

    async def main() -> None:
        bulkhead = make_bulkhead()
        await open_circuit(bulkhead)
        trial = asyncio.create_task(bulkhead.run(hang, "x"))
        await asyncio.sleep(0)
        assert await outcome(bulkhead, return_word) is ModuleUnavailable  # one trial is in progress
        trial.cancel()
        with pytest.raises(asyncio.CancelledError):
            await trial
        for _ in range(TRIALS):
            assert bulkhead.state == "resting"
            assert await outcome(bulkhead, return_word) == "x"
        assert bulkhead.state == "well"

    run_on_loop(main)


def test_a_failed_trial_lengthens_the_wait_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "MIN_OPEN", 0.0)
    monkeypatch.setattr(breaker, "MAX_OPEN", 1000.0)

    async def main() -> None:
        bulkhead = make_bulkhead()
        await open_circuit(bulkhead)
        bulkhead.breaker._open_for = 100.0  # noqa: SLF001  (as after many trials)
        assert await outcome(bulkhead, fail) is ModuleUnavailable
        assert bulkhead.breaker.left > 150
        assert await outcome(bulkhead, return_word) is ModuleUnavailable

    run_on_loop(main)


def test_an_open_circuit_without_trials_closes_after_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "MIN_OPEN", 0.0)
    monkeypatch.setattr(breaker, "UNTRIED", 0.0)

    async def main() -> None:
        bulkhead = make_bulkhead()
        await open_circuit(bulkhead)
        bulkhead.breaker.next_slice()
        assert bulkhead.state == "well"

    run_on_loop(main)


def test_requests_above_the_budget_are_rejected_at_once() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead(requests=3)
        in_progress = [asyncio.create_task(bulkhead.run(hang, "x")) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(ModuleUnavailable) as caught:
            await bulkhead.run(return_word, "x")
        assert caught.value.title == "Tea is full"
        assert bulkhead.state == "well"
        in_progress.pop().cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await bulkhead.run(return_word, "x") == "x"
        for task in in_progress:
            task.cancel()

    run_on_loop(main)


def test_a_request_that_exceeds_its_time_limit_is_cancelled_with_a_message() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead(seconds=0.05)
        watcher = asyncio.create_task(watch_bulkheads([bulkhead]))
        with pytest.raises(ModuleUnavailable) as caught:
            await bulkhead.run(hang, "x")
        assert "took too long" in caught.value.message
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0  # later code in this task is not cancelled
        watcher.cancel()

    run_on_loop(main)


def test_a_cancelled_request_is_not_a_failure() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead()
        for _ in range(2 * MIN_FAILURES):
            request = asyncio.create_task(bulkhead.run(hang, "x"))
            await asyncio.sleep(0)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
        assert bulkhead.state == "well"

    run_on_loop(main)


def test_the_circuit_opens_when_requests_block_the_event_loop_repeatedly() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead()
        for _ in range(MIN_FAILURES):  # fewer suffice if each request blocks for long
            if not bulkhead.is_unavailable():
                assert await outcome(bulkhead, compute_for(0.12)) == "x"
        assert bulkhead.state == "resting"
        assert "blocked the event loop" in bulkhead.why

    run_on_loop(main)


def test_time_that_a_busy_machine_takes_from_a_request_is_not_counted_as_blocking() -> None:
    async def compute_slowly(word: str) -> str:
        await compute_for(0.12)(word)
        # Meanwhile other programs have the processor.
        time.sleep(breaker.MAX_HELD)  # noqa: ASYNC251  (the event loop waits, as on such a machine)
        return word

    async def main() -> None:
        bulkhead = make_bulkhead()
        assert await outcome(bulkhead, compute_slowly) == "x"
        assert bulkhead.state == "well"

    run_on_loop(main)


def test_requests_of_another_module_run_between_those_of_a_crowded_module() -> None:
    """Forty requests of 2 ms each arrive before one of another module, which without turns would run last."""

    async def main() -> None:
        pulse = Pulse()
        bulkhead, other_bulkhead = (
            make_bulkhead(100, pulse=pulse),
            Bulkhead("cake", "Cake", Budget(10, 60), pulse),
        )
        order: list[str] = []

        async def note(word: str) -> str:
            await compute_for(0.002)(word)
            order.append(word)
            return word

        crowd = [asyncio.create_task(bulkhead.run(note, "tea")) for _ in range(40)]
        other_request = asyncio.create_task(other_bulkhead.run(note, "cake"))
        await asyncio.gather(*crowd, other_request)
        assert order.count("tea") == 40
        assert order.index("cake") < 10

    run_on_loop(main)


def test_a_request_cancelled_while_queued_does_not_block_those_behind_it() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead(100)
        first = asyncio.create_task(bulkhead.run(compute_for(0.02), "first"))
        waiting = [asyncio.create_task(bulkhead.run(return_word, str(number))) for number in range(20)]
        await asyncio.sleep(0)
        assert first.done()
        for task in waiting[:19]:
            task.cancel()
        assert await waiting[19] == "19"

    run_on_loop(main)


def test_an_unguarded_module_passes_exceptions_through() -> None:
    async def main() -> None:
        bulkhead = Unguarded("tea", "Tea", Budget(1, 0.01), Pulse())
        for _ in range(2 * MIN_FAILURES):
            assert await outcome(bulkhead, fail) is ZeroDivisionError
        assert await bulkhead.run(return_word, "x") == "x"

    run_on_loop(main)


def test_a_handler_that_awaits_repeatedly_gets_results_exceptions_and_cancellation() -> None:
    async def main() -> None:
        bulkhead = make_bulkhead()
        loop = asyncio.get_running_loop()
        first_future: asyncio.Future[str] = loop.create_future()
        second_future: asyncio.Future[str] = loop.create_future()
        outcomes: list[str] = []

        async def await_three_times(word: str) -> str:
            await asyncio.sleep(0)
            outcomes.append(await first_future)
            try:
                await second_future
            except KeyError as error:
                outcomes.append(f"raised {error.args[0]}")
            try:
                await asyncio.Event().wait()
            finally:
                outcomes.append("cancelled")
            return word

        request = asyncio.create_task(bulkhead.run(await_three_times, "x"))
        loop.call_soon(first_future.set_result, "result")
        await run_some_turns()
        second_future.set_exception(KeyError("missing"))
        await run_some_turns()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert outcomes == ["result", "raised missing", "cancelled"]
        assert bulkhead.state == "well"

    run_on_loop(main)


def test_a_request_that_waited_for_another_module_is_not_counted_as_blocking() -> None:
    async def main() -> None:
        pulse = Pulse()
        bulkhead, other_bulkhead = make_bulkhead(pulse=pulse), make_bulkhead(pulse=pulse)
        first_future: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def wait_for_future(_word: str) -> str:
            return await first_future

        waiting_requests = [
            asyncio.create_task(bulkhead.run(wait_for_future, "x")) for _ in range(MIN_FAILURES)
        ]
        await asyncio.sleep(0)
        await other_bulkhead.run(compute_for(0.3), "x")
        first_future.set_result("result")
        assert await asyncio.gather(*waiting_requests) == ["result"] * MIN_FAILURES
        assert bulkhead.breaker.successes == MIN_FAILURES
        assert other_bulkhead.breaker.successes == 0

    run_on_loop(main)


def test_only_requests_that_compute_for_long_schedule_a_new_turn_of_the_loop() -> None:
    async def main() -> None:
        pulse = Pulse()
        bulkhead = make_bulkhead(pulse=pulse)
        await bulkhead.run(return_word, "x")
        assert (pulse.counting, pulse.turn) == (False, 0)
        await bulkhead.run(compute_for(1.2 * COUNTED), "x")
        assert (pulse.counting, pulse.turn) == (True, 0)
        await asyncio.sleep(0)
        assert (pulse.counting, pulse.turn) == (False, 1)

    run_on_loop(main)


def test_computation_in_earlier_turns_does_not_queue_requests_in_this_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    # On a busy machine, times are not exact.
    monkeypatch.setattr(bulkhead, "monotonic", lambda: now)

    async def compute(seconds: float) -> str:
        nonlocal now
        now += seconds
        return "computed"

    async def main() -> None:
        bulkhead = make_bulkhead()
        assert bulkhead.begin([], compute, 0.9 * COUNTED, now) is None
        await run_some_turns()
        crowd = (0.2 * COUNTED, 0.8 * QUANTUM, 0.2 * QUANTUM, 0)
        *first, queued = [bulkhead.begin([], compute, seconds, now) for seconds in crowd]
        assert first == [None] * 3
        assert queued is not None
        await queued

    run_on_loop(main)
