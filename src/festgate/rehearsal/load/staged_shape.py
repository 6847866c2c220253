"""The stages of a closed loop as a shape that Locust follows."""

from collections.abc import Sequence

from locust import LoadTestShape

from festgate.rehearsal.runs.stages import Stage, highest

STEP = 1.0
"""Seconds between two calls of `tick` by Locust."""


class StagedShape(LoadTestShape):
    """A shape for the stages of a plan. It keeps its last number of users; the plan ends the run."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        """Begin at the first stage once Locust starts the shape."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._stages = stages
        # All users of a step at once: Locust waits for the end of one step before it asks for the next.
        self._spawn_rate = max(1.0, *(stage.to for stage in stages))

    def tick(self) -> tuple[int, float]:
        """Return the highest number of users within this step, so that it is never below the plan's."""
        at = self.get_run_time()  # type: ignore[no-untyped-call]
        return round(highest(self._stages, at, at + STEP)), self._spawn_rate
