"""Values that are made when they are first needed."""

import asyncio
import threading

import pytest

from festgate.kit.deferred import Deferred

TIMEOUT = 60.0


def test_a_value_is_made_once_on_a_thread_for_all_that_wait() -> None:
    may_end, threads = threading.Event(), []

    def make() -> str:
        assert may_end.wait(TIMEOUT)
        threads.append(threading.current_thread())
        return "made"

    async def wait() -> list[str]:
        deferred = Deferred(make)
        waiting = [asyncio.ensure_future(deferred.get()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        waiting.pop().cancel()
        may_end.set()
        return [*await asyncio.gather(*waiting), await deferred.get(), deferred.now()]

    assert asyncio.run(wait()) == ["made"] * 4
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


def test_a_value_whose_caller_left_before_it_failed_is_made_for_the_next_caller() -> None:
    may_end, results = threading.Event(), iter([ValueError("not yet"), "made"])

    def make() -> str:
        assert may_end.wait(TIMEOUT)
        result = next(results)
        if isinstance(result, ValueError):
            raise result
        return str(result)

    async def wait() -> str:
        deferred = Deferred(make)
        leaving = asyncio.ensure_future(deferred.get())
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        making = deferred._making  # noqa: SLF001
        assert making is not None
        may_end.set()
        await asyncio.wait([making])
        return await deferred.get()

    assert asyncio.run(wait()) == "made"


def test_a_value_that_could_not_be_made_is_made_for_the_next_caller() -> None:
    results = iter([ValueError("not yet"), "made"])

    def make() -> str:
        result = next(results)
        if isinstance(result, ValueError):
            raise result
        return str(result)

    async def wait() -> str:
        deferred = Deferred(make)
        with pytest.raises(ValueError, match="not yet"):
            await deferred.get()
        return await deferred.get()

    assert asyncio.run(wait()) == "made"
