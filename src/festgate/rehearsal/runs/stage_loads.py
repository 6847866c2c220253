"""The load that each stage of a run reached, computed from the load of each second."""

from collections.abc import Sequence

from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.stages import slopes
from festgate.rehearsal.runs.store import LoadSecond, StageLoad


def stage_loads(plan: Plan, seconds: Sequence[LoadSecond]) -> tuple[StageLoad | None, ...]:
    """Return the load of each stage of the plan after the warm-up; None if no second of it was measured."""
    return tuple(
        _stage_load(
            [second for second in seconds if max(slope.begin, plan.warm_up) < second.at <= slope.end],
            counted=isinstance(plan.load, Rate),
        )
        for slope in slopes(plan.load.stages)
    )


def _stage_load(seconds: Sequence[LoadSecond], *, counted: bool) -> StageLoad | None:
    if not seconds:
        return None
    number = 1 if counted else len(seconds)
    return StageLoad(
        sum(second.asked for second in seconds) / number, sum(second.reached for second in seconds) / number
    )
