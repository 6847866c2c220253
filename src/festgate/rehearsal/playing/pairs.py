"""Playing two builds in interleaved pairs.

ABBA BAAB: whatever drifts (a machine that grows warm, a neighbour that comes and goes) falls on both sides alike
(Abedi & Brecht, ICPE 2017). Each run has a server of its own, freshly started, as one server's luck with memory and
caches would otherwise be taken for its build's (Kalibera & Jones, ISMM 2013).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from festgate.rehearsal.plan import Plan
from festgate.rehearsal.playing.candidates import Candidate
from festgate.rehearsal.playing.rehearse import Second, rehearse
from festgate.rehearsal.runs import Run

Side = Literal["before", "after"]
ORDER: tuple[tuple[Side, Side], ...] = (
    ("before", "after"),
    ("after", "before"),
    ("after", "before"),
    ("before", "after"),
)
Tell = Callable[[int, Side, Second], None]
"""Which run of all (from 0), whose, and how it stands."""


def turns(pairs: int) -> Iterator[Side]:
    """Whose turn it is, run by run."""
    for pair in range(pairs):
        yield from ORDER[pair % len(ORDER)]


def play_pairs(
    plan: Plan, before: Candidate, after: Candidate, pairs: int, runs: Path, *, tell: Tell
) -> tuple[list[Run], list[Run]]:
    """The runs of both sides, in pairs by their place. The seed is a pair's own, the same for both.

    A run that is cut off ends the comparison; what was played is kept. Raises what `rehearse` does.
    """
    played: dict[Side, list[Run]] = {"before": [], "after": []}
    sides: dict[Side, Candidate] = {"before": before, "after": after}
    for number, side in enumerate(turns(pairs)):
        candidate = sides[side]
        with candidate.serve() as server:
            run = rehearse(
                replace(
                    plan,
                    host=server.url if server is not None else candidate.host,
                    seed=plan.seed + len(played[side]),
                    label="-".join(filter(None, (plan.label, side))),
                ),
                runs,
                tell=lambda second, number=number, side=side: tell(number, side, second),  # type: ignore[misc]
                server=server,
            )
        played[side].append(run)
        if run.state == "cut":
            raise KeyboardInterrupt
    return played["before"], played["after"]
