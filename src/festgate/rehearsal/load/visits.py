"""Visits in an open loop: each arrival is one visit, and this module finds its end in Locust's tasks and task sets.

A visit of a user without task sets is one task. In a `SequentialTaskSet` it is the whole sequence, with all sets in
it. In any other task set it is one task, or as many as the set or the user class sets in `tasks_per_visit`. Between the
tasks of one visit the user pauses as in the locustfile; after a visit it waits for the next arrival instead.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

import gevent
from locust import SequentialTaskSet, TaskSet, User
from locust.exception import (
    InterruptTaskSet,
    MissingWaitTimeError,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopUser,
)
from locust.user.task import LOCUST_STATE_STOPPING

TASKS_PER_VISIT: Final = "tasks_per_visit"
INTENDED: Final = "intended"
"""The key, in a user's greenlet, of the moment when its arrival was due, until the first request takes it."""
_VISIT: Final = "_festgate_visit"


@dataclass
class _Visit:
    """The state of one user's visit."""

    has_begun: bool = False
    tasks: int = 0
    """Tasks that were completed in this visit."""


def follow_visits(wait_for_arrival: Callable[[User], None]) -> None:
    """Make each user call `wait_for_arrival` before a visit, for all task sets of this process."""
    execute, pause = TaskSet.execute_next_task, TaskSet.wait

    def execute_next_task(task_set: TaskSet) -> None:
        visit = _visit_of(task_set.user)
        if not visit.has_begun:
            wait_for_arrival(task_set.user)
            visit.has_begun, visit.tasks = True, 0
        (task, *_) = task_set._task_queue  # noqa: SLF001  (Locust has no other name for it)
        interrupted = False
        try:
            execute(task_set)  # type: ignore[no-untyped-call]
        except (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately):
            interrupted = True
            raise
        finally:
            # A task that only leaves its task set has sent nothing, so the visit has not begun.
            empty = interrupted and INTENDED in gevent.getcurrent().__dict__
            if not empty and _ends(task_set, task, visit):
                visit.has_begun = False

    def wait(task_set: TaskSet) -> None:
        if _visit_of(task_set.user).has_begun:
            try:
                pause(task_set)  # type: ignore[no-untyped-call]
            except MissingWaitTimeError:
                gevent.sleep(0)
        elif task_set.user._state == LOCUST_STATE_STOPPING:  # noqa: SLF001
            raise StopUser

    setattr(TaskSet, "execute_next_task", execute_next_task)  # noqa: B010  (methods of Locust's class)
    setattr(TaskSet, "wait", wait)  # noqa: B010


def describe_visits(classes: Iterable[type[User]]) -> list[str]:
    """Return a sentence for each user class whose visit is not obvious: it has task sets that are no sequence."""
    return [sentence for user_class in classes for sentence in _sentences(user_class)]


def _sentences(user_class: type[User]) -> Iterator[str]:
    for task_set in dict.fromkeys(task for task in user_class.tasks if _is_set(task)):
        if issubclass(task_set, SequentialTaskSet):
            continue
        count = _tasks_per_visit(task_set, user_class)
        yield (
            f"A visit of {user_class.__name__} is {'1 task' if count == 1 else f'{count} tasks'} of"
            f" {task_set.__name__}. Set `{TASKS_PER_VISIT}` in that class for longer visits."
        )


def _ends(task_set: TaskSet, task: Any, visit: _Visit) -> bool:  # noqa: ANN401  (a function or a class)
    """Return whether the visit is over after this task of the task set."""
    sequence = _outermost_sequence(task_set)
    if sequence is not None:
        if task_set is not sequence:
            return False
        done = task_set.__dict__["_festgate_done"] = task_set.__dict__.get("_festgate_done", 0) + 1
        return bool(done % len(task_set.tasks) == 0)
    if _is_set(task):
        return True
    visit.tasks += 1
    return visit.tasks >= _tasks_per_visit(task_set, task_set.user)


def _outermost_sequence(task_set: TaskSet) -> TaskSet | None:
    outermost = None
    at: TaskSet | User = task_set
    while isinstance(at, TaskSet):
        if isinstance(at, SequentialTaskSet):
            outermost = at
        at = at.parent
    return outermost


def _tasks_per_visit(task_set: TaskSet | type[TaskSet], user: User | type[User]) -> int:
    return int(getattr(task_set, TASKS_PER_VISIT, getattr(user, TASKS_PER_VISIT, 1)))


def _is_set(task: object) -> TypeGuard[type[TaskSet]]:
    return isinstance(task, type) and issubclass(task, TaskSet)


def _visit_of(user: User) -> _Visit:
    visit: _Visit = user.__dict__.setdefault(_VISIT, _Visit())
    return visit
