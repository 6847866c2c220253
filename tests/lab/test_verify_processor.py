"""Processor time shows work that counting does not: inside one call of C, in a thread, after the response."""

import sys
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.verify.behaviour import Program
from festgate.lab.verify.processor import FIRST_SAMPLES, SAMPLES, ProcessorTime, compare_processor_time
from tests.lab.test_verify_sandbox import APP

WORK = "sum(range(1_000_000))"
LATER = f"    import threading\n    threading.Thread(target=lambda: {WORK}).start()\n"


def program(folder: Path, answer: str) -> Program:
    """Return an app with that code before its response."""
    folder.mkdir()
    (folder / "main.py").write_text(
        APP.replace('    return b"well"', f'{answer}    return b"well"'), encoding="utf-8"
    )
    return Program(BUILT_IN, folder, sys.executable)


@pytest.mark.parametrize(
    "before, after, change",
    [
        (f"    {WORK}\n", "", "less"),
        ("", f"    {WORK}\n", "more"),
        # Most of it runs after the response.
        ("", LATER, "more"),
    ],
)
def test_work_in_one_call_or_in_a_thread_after_the_response_is_seen(
    tmp_path: Path, before: str, after: str, change: str
) -> None:
    times = compare_processor_time(
        program(tmp_path / "before", before), program(tmp_path / "after", after), ["events"], 1
    )
    assert times["events"].change == change


def test_three_samples_are_enough_for_a_large_difference(tmp_path: Path) -> None:
    apps = program(tmp_path / "before", f"    {'; '.join([WORK] * 5)}\n"), program(tmp_path / "after", "")
    assert len(compare_processor_time(*apps, ["events"], 1)["events"].before_samples) == FIRST_SAMPLES
    assert len(compare_processor_time(apps[1], apps[1], ["events"], 1)["events"].before_samples) >= SAMPLES


@pytest.mark.parametrize(
    "before, after, obvious",
    [
        ((90.0, 100.0, 130.0), (4.0, 5.0, 9.0), True),
        ((4.0, 5.0, 9.0), (90.0, 100.0, 130.0), True),
        # One outlier of three.
        ((90.0, 100.0, 130.0), (4.0, 5.0, 60.0), False),
        ((90.0, 100.0, 130.0), (40.0, 42.0, 45.0), False),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.1), False),
    ],
)
def test_a_difference_is_obvious_if_no_sample_contradicts_it(
    before: tuple[float, ...], after: tuple[float, ...], obvious: bool
) -> None:
    assert ProcessorTime(before, after).is_obvious is obvious
