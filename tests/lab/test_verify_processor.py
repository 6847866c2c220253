"""Processor time shows work that counting does not: inside one call of C, in a thread, after the response."""

import sys
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.verify.behaviour import Program
from festgate.lab.verify.processor import compare_processor_time
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
