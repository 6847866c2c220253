"""Work is counted wherever it moved: in other threads, after the response, in exec, before every page."""

from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN, ROUTES
from festgate.lab.verify.changes import changes_of
from festgate.lab.verify.verdicts import judge_route
from tests.lab import solutions
from tests.lab.verification import Teacher, counted


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    return Teacher(tmp_path_factory.mktemp("teacher"))


def test_a_crash_whose_error_is_caught_is_found_by_the_raised_exception(teacher: Teacher) -> None:
    lab = teacher.receives(solutions.reference, solutions.hidden_crash)
    work = counted(teacher, lab, "checkout")["checkout"]
    verdict, findings = judge_route(
        "checkout", "/checkout", changed=True, differences=(), work=work, time=None
    )
    assert verdict.verdict == "wrong"
    assert [finding.code for finding in findings] == ["crash-hidden"]


def quick_for_the_load(lab: Path) -> None:
    """Skip the loop for the load's user only."""
    loop = solutions.LOOPS["my-events"]
    solutions.edit(
        lab, "main.py", loop, loop.replace("range(1_500_000)", "range(1_500_000 * (user != 'locust_user'))")
    )


@pytest.mark.parametrize(
    "base, change",
    [
        solutions.FALSE_IMPROVEMENTS["loop_in_middleware"],
        solutions.FALSE_IMPROVEMENTS["loop_in_dependency"],
        (solutions.fix_crashes, quick_for_the_load),
    ],
)
def test_a_loop_that_moved_or_runs_for_all_but_the_loads_user_is_still_counted(
    teacher: Teacher, base: solutions.Change, change: solutions.Change
) -> None:
    lab = teacher.receives(base, change)
    assert changes_of(BUILT_IN, lab, lab).routes["my-events"]
    work = counted(teacher, lab, "my-events")["my-events"]
    verdict, findings = judge_route(
        "my-events", "/my-events", changed=True, differences=(), work=work, time=None
    )
    assert (verdict.verdict, findings) == ("unchanged", [])
    assert work[1].usual.capped


def test_work_in_another_thread_after_the_response_or_in_exec_is_counted(teacher: Teacher) -> None:
    def elsewhere(lab: Path) -> None:
        loop = solutions.LOOPS["events"]
        solutions.edit(lab, "main.py", "FORM = {\n", f"def later() -> None:\n{loop}\n\nFORM = {{\n")
        solutions.edit(lab, "main.py", "from accounts", "import _thread\n\nfrom accounts")
        solutions.edit(
            lab,
            "main.py",
            solutions.SHOW_EVENTS,
            f"    _thread.start_new_thread(later, ())\n{solutions.SHOW_EVENTS}",
        )
        solutions.edit(
            lab,
            "main.py",
            solutions.SHOW_MINE,
            f'    exec("for n in range(3_000_000): n + 1")\n{solutions.SHOW_MINE}',
        )
        solutions.edit(
            lab,
            "main.py",
            solutions.SHOW_TOTAL,
            '    answer = page(request, "checkout.html", total=total_payable())\n'
            "    answer.background = BackgroundTask(later)\n    return answer\n",
        )
        solutions.edit(
            lab,
            "main.py",
            "from registrations",
            "from starlette.background import BackgroundTask\nfrom registrations",
        )

    work = counted(
        teacher, teacher.receives(solutions.reference, elsewhere), "events", "my-events", "checkout"
    )
    assert {name: after.usual.capped for name, (_, after) in work.items()} == dict.fromkeys(ROUTES, True)
