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
Work = Callable[[str], Coroutine[Any, Any, str]]


async def answer(word: str) -> str:
    return word


async def fail(word: str) -> str:
    raise ZeroDivisionError(word)


async def hang(_word: str) -> str:
    await asyncio.Event().wait()
    return "never"


def hold(seconds: float) -> Work:
    async def work(word: str) -> str:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass
        return word

    return work


def refuse(error: Exception) -> Work:
    async def work(_word: str) -> str:
        raise error

    return work


def make(requests: int = 10, seconds: float = 60, pulse: Pulse | None = None) -> Bulkhead:
    return Bulkhead("tea", "Tea", Budget(requests, seconds), pulse or Pulse(), "Your cup is kept.")


def on_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(main())


async def outcome(bulkhead: Bulkhead, work: Work, word: str = "x") -> str | type[Exception]:
    try:
        return await bulkhead.run(work, word)
    except Exception as error:  # noqa: BLE001
        return type(error)


async def some_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def open_circuit(bulkhead: Bulkhead) -> None:
    for _ in range(MIN_FAILURES):
        assert await outcome(bulkhead, fail) is ModuleUnavailable
    assert bulkhead.state == "resting"


def test_what_goes_well_passes_through() -> None:
    async def main() -> None:
        tea = make()
        assert [await tea.run(answer, str(number)) for number in range(100)] == [
            str(number) for number in range(100)
        ]
        assert (tea.state, tea.why) == ("well", "")

    on_loop(main)


def test_a_bug_is_answered_with_a_page_of_the_modules_own_that_says_when_to_come_back() -> None:
    async def main() -> None:
        with pytest.raises(ModuleUnavailable) as caught:
            await make().run(fail, "x")
        refusal = caught.value
        assert (refusal.status, refusal.module, refusal.title) == (503, "tea", "Tea is unavailable")
        assert "Your cup is kept." in refusal.message
        assert int(refusal.headers()["retry-after"]) >= 1
        assert isinstance(refusal.__cause__, ZeroDivisionError)

    on_loop(main)


@pytest.mark.parametrize("error", [NotFound(), HTTPException(405)])
def test_what_the_module_refuses_on_purpose_is_no_failure(error: Exception) -> None:
    async def main() -> None:
        tea = make()
        for _ in range(3 * MIN_FAILURES):
            assert await outcome(tea, refuse(error)) is type(error)
        assert tea.state == "well"

    on_loop(main)


@pytest.mark.parametrize("error", [Unavailable(), ClientDisconnect()])
def test_a_database_that_is_away_or_a_browser_that_hangs_up_is_no_modules_fault(error: Exception) -> None:
    async def main() -> None:
        tea = make()
        for _ in range(3 * MIN_FAILURES):
            assert await outcome(tea, refuse(error)) is type(error)
        assert tea.state == "well"

    on_loop(main)


def test_a_module_that_fails_most_of_the_time_rests_and_its_code_is_not_run() -> None:
    async def main() -> None:
        tea = make()
        await open_circuit(tea)
        assert tea.why == "ZeroDivisionError: x"
        ran = []

        async def note(word: str) -> str:
            ran.append(word)
            return word

        assert {await outcome(tea, note) for _ in range(50)} == {ModuleUnavailable}
        assert ran == []

    on_loop(main)


def test_a_module_that_fails_now_and_then_goes_on() -> None:
    async def main() -> None:
        tea = make()
        for _ in range(20):
            assert await outcome(tea, fail) is ModuleUnavailable
            assert await outcome(tea, answer) == "x"
            assert await outcome(tea, answer) == "x"
        assert tea.state == "well"

    on_loop(main)


def test_after_its_rest_one_request_at_a_time_tries_it_and_when_enough_went_well_it_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breaker, "MIN_OPEN", 0.0)

    async def main() -> None:
        tea = make()
        await open_circuit(tea)
        trial = asyncio.create_task(tea.run(hang, "x"))
        await asyncio.sleep(0)
        assert await outcome(tea, answer) is ModuleUnavailable  # one trial is in progress
        trial.cancel()
        with pytest.raises(asyncio.CancelledError):
            await trial
        for _ in range(TRIALS):
            assert tea.state == "resting"
            assert await outcome(tea, answer) == "x"
        assert tea.state == "well"

    on_loop(main)


def test_a_trial_that_fails_is_followed_by_a_longer_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "MIN_OPEN", 0.0)
    monkeypatch.setattr(breaker, "MAX_OPEN", 1000.0)

    async def main() -> None:
        tea = make()
        await open_circuit(tea)
        tea.breaker._open_for = 100.0  # noqa: SLF001  (as after many trials)
        assert await outcome(tea, fail) is ModuleUnavailable
        assert tea.breaker.left > 150
        assert await outcome(tea, answer) is ModuleUnavailable

    on_loop(main)


def test_a_module_that_nobody_comes_to_try_is_taken_to_be_well_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "MIN_OPEN", 0.0)
    monkeypatch.setattr(breaker, "UNTRIED", 0.0)

    async def main() -> None:
        tea = make()
        await open_circuit(tea)
        tea.breaker.next_slice()
        assert tea.state == "well"

    on_loop(main)


def test_above_its_budget_a_module_turns_people_away_at_once() -> None:
    async def main() -> None:
        tea = make(requests=3)
        inside = [asyncio.create_task(tea.run(hang, "x")) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(ModuleUnavailable) as caught:
            await tea.run(answer, "x")
        assert caught.value.title == "Tea is full"
        assert tea.state == "well"
        inside.pop().cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await tea.run(answer, "x") == "x"
        for task in inside:
            task.cancel()

    on_loop(main)


def test_a_request_that_takes_too_long_is_ended_and_told_so() -> None:
    async def main() -> None:
        tea = make(seconds=0.05)
        keeper = asyncio.create_task(watch_bulkheads([tea]))
        with pytest.raises(ModuleUnavailable) as caught:
            await tea.run(hang, "x")
        assert "took too long" in caught.value.message
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0  # later code in this task is not cancelled
        keeper.cancel()

    on_loop(main)


def test_a_visitor_who_goes_away_is_no_failure() -> None:
    async def main() -> None:
        tea = make()
        for _ in range(2 * MIN_FAILURES):
            request = asyncio.create_task(tea.run(hang, "x"))
            await asyncio.sleep(0)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
        assert tea.state == "well"

    on_loop(main)


def test_a_module_that_holds_the_loop_again_and_again_rests() -> None:
    async def main() -> None:
        tea = make()
        for _ in range(MIN_FAILURES):  # fewer are enough if each blocks it for long
            if not tea.is_unavailable():
                assert await outcome(tea, hold(0.12)) == "x"
        assert tea.state == "resting"
        assert "blocked the event loop" in tea.why

    on_loop(main)


def test_the_time_that_a_busy_machine_takes_from_a_request_does_not_count_as_blocking() -> None:
    async def compute_slowly(word: str) -> str:
        await hold(0.12)(word)
        # Meanwhile other programs have the processor.
        time.sleep(breaker.MAX_HELD)  # noqa: ASYNC251  (the event loop waits, as on such a machine)
        return word

    async def main() -> None:
        tea = make()
        assert await outcome(tea, compute_slowly) == "x"
        assert tea.state == "well"

    on_loop(main)


def test_a_crowd_in_one_module_waits_for_itself_and_others_come_in_between() -> None:
    """Of forty requests of 2 ms each, the first few run; then comes the neighbour, who would otherwise be last."""

    async def main() -> None:
        pulse = Pulse()
        tea, cake = make(100, pulse=pulse), Bulkhead("cake", "Cake", Budget(10, 60), pulse)
        order: list[str] = []

        async def note(word: str) -> str:
            await hold(0.002)(word)
            order.append(word)
            return word

        crowd = [asyncio.create_task(tea.run(note, "tea")) for _ in range(40)]
        neighbour = asyncio.create_task(cake.run(note, "cake"))
        await asyncio.gather(*crowd, neighbour)
        assert order.count("tea") == 40
        assert order.index("cake") < 10

    on_loop(main)


def test_who_gives_up_while_waiting_for_a_turn_keeps_nobody_from_theirs() -> None:
    async def main() -> None:
        tea = make(100)
        first = asyncio.create_task(tea.run(hold(0.02), "first"))
        waiting = [asyncio.create_task(tea.run(answer, str(number))) for number in range(20)]
        await asyncio.sleep(0)
        assert first.done()
        for task in waiting[:19]:
            task.cancel()
        assert await waiting[19] == "19"

    on_loop(main)


def test_without_a_guard_whatever_happens_inside_comes_out() -> None:
    async def main() -> None:
        tea = Unguarded("tea", "Tea", Budget(1, 0.01), Pulse())
        for _ in range(2 * MIN_FAILURES):
            assert await outcome(tea, fail) is ZeroDivisionError
        assert await tea.run(answer, "x") == "x"

    on_loop(main)


def test_work_that_waits_again_and_again_is_given_what_it_waits_for_and_hears_of_what_went_wrong() -> None:
    async def main() -> None:
        tea = make()
        loop = asyncio.get_running_loop()
        kettle: asyncio.Future[str] = loop.create_future()
        cup: asyncio.Future[str] = loop.create_future()
        heard: list[str] = []

        async def brew(word: str) -> str:
            await asyncio.sleep(0)
            heard.append(await kettle)
            try:
                await cup
            except KeyError as error:
                heard.append(f"broken {error.args[0]}")
            try:
                await asyncio.Event().wait()
            finally:
                heard.append("poured away")
            return word

        drinker = asyncio.create_task(tea.run(brew, "x"))
        loop.call_soon(kettle.set_result, "hot")
        await some_turns()
        cup.set_exception(KeyError("cup"))
        await some_turns()
        drinker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await drinker
        assert heard == ["hot", "broken cup", "poured away"]
        assert tea.state == "well"

    on_loop(main)


def test_who_waited_while_another_module_held_the_loop_is_not_blamed_for_it() -> None:
    async def main() -> None:
        pulse = Pulse()
        tea, cake = make(pulse=pulse), make(pulse=pulse)
        kettle: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def wait_for_kettle(_word: str) -> str:
            return await kettle

        patient = [asyncio.create_task(tea.run(wait_for_kettle, "x")) for _ in range(MIN_FAILURES)]
        await asyncio.sleep(0)
        await cake.run(hold(0.3), "x")
        kettle.set_result("hot")
        assert await asyncio.gather(*patient) == ["hot"] * MIN_FAILURES
        assert tea.breaker.successes == MIN_FAILURES
        assert cake.breaker.successes == 0

    on_loop(main)


def test_pages_from_memory_ask_for_no_round_of_the_loop_and_a_crowd_of_them_does() -> None:
    async def main() -> None:
        pulse = Pulse()
        tea = make(pulse=pulse)
        await tea.run(answer, "x")
        assert (pulse.counting, pulse.turn) == (False, 0)
        await tea.run(hold(1.2 * COUNTED), "x")
        assert (pulse.counting, pulse.turn) == (True, 0)
        await asyncio.sleep(0)
        assert (pulse.counting, pulse.turn) == (False, 1)

    on_loop(main)


def test_what_was_computed_in_turns_that_are_over_keeps_nobody_waiting_in_this_one(
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
        tea = make()
        assert tea.begin([], compute, 0.9 * COUNTED, now) is None
        await some_turns()
        crowd = (0.2 * COUNTED, 0.8 * QUANTUM, 0.2 * QUANTUM, 0)
        *first, queued = [tea.begin([], compute, each, now) for each in crowd]
        assert first == [None] * 3
        assert queued is not None
        await queued

    on_loop(main)
