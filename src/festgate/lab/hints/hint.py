"""A hint: what happened, a picture of it, and a question that leads to the cause."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from festgate.rehearsal.runs.store import Run

if TYPE_CHECKING:
    from festgate.rehearsal.report.document import Chart


@dataclass(frozen=True)
class Material:
    """The student's runs that illustrate a hint."""

    before: Sequence[Run]
    after: Sequence[Run] = ()
    """Empty if the hint is about single runs and not about a comparison."""
    others: Sequence[Run] = field(default=())
    """All complete runs of the same route, the oldest first."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs of both sides."""
        return (*self.before, *self.after)


Draw: TypeAlias = "Callable[[Material], Chart | None]"
"""Draws a picture; returns None if these runs do not have the data for it."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A mistake that a student can make in a comparison or a report. The hint does not reveal the solution."""

    code: str
    """The code of the rehearsal's finding or of the audit's finding."""
    title: str
    happened: str
    """A few sentences about what went wrong."""
    question: str
    picture: str = ""
    """Name of the picture in `pictures.PICTURES`; empty if no picture can show the mistake."""
    no_picture: str = ""
    """The reason why there is no picture."""
