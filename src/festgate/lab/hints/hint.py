"""What a hint is: what happened, a picture of it, and the question that leads to the mend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from festgate.rehearsal.runs.store import Run

if TYPE_CHECKING:
    from festgate.rehearsal.report.document import Chart


@dataclass(frozen=True)
class Material:
    """The student's runs that a hint is about."""

    before: Sequence[Run]
    after: Sequence[Run] = ()
    """Nothing where it is about one run, or about some that are no comparison."""
    others: Sequence[Run] = field(default=())
    """All whole runs of the same route, the oldest first."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """Of both sides."""
        return (*self.before, *self.after)


Draw: TypeAlias = "Callable[[Material], Chart | None]"
"""None where these runs do not have what is to be shown."""


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing that a student can run into. It says nothing of how to mend it."""

    code: str
    """As the rehearsal's verdict or the audit calls it."""
    title: str
    happened: str
    """A few sentences."""
    question: str
    picture: str = ""
    """Its name in `pictures.PICTURES`; empty where none could show it."""
    no_picture: str = ""
    """Why none could."""
