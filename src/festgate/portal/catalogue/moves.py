"""Moves of events to another time that are probably a slip, so that the organiser is asked first.

An event is sold when a seat is taken. Its attendees have made plans for its time, and are emailed about another one.
"""

from typing import Literal

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.errors import Conflict
from festgate.kit.translation import N_, gettext, ngettext
from festgate.portal.catalogue.details import Details

Slip = Literal["past", "far"]
FAR = 183 * DAY
"""Half a year: a start or an end that is moved further is probably in the wrong year or month."""
_SENTENCES: dict[Slip, str] = {
    "past": N_("This would move the event into the past."),
    "far": N_("This would move the event by more than half a year."),
}


class MoveUnconfirmed(Conflict):
    """A move that the organiser has to confirm. Nothing was saved."""

    code = "move-unconfirmed"
    title = N_("This event is sold already")
    actions = ((N_("All events"), "/organise"),)

    def __init__(self, slip: Slip, taken: int) -> None:
        """Take the number of seats that are held or confirmed."""
        super().__init__(question_of(slip, taken))
        self.slip = slip


def find_slip(before: Details, after: Details, now: Milliseconds) -> Slip | None:
    """Return why the move from `before` to `after` is probably a slip; None if it is not, or if nothing moves."""
    moved = [
        (old, new)
        for old, new in ((before.starts_at, after.starts_at), (before.ends_at, after.ends_at))
        if old != new and old and new
    ]
    if any(new < now <= old for old, new in moved):
        return "past"
    return "far" if any(abs(new - old) > FAR for old, new in moved) else None


def question_of(slip: Slip, people: int) -> str:
    """Return the sentences about the move and its attendees."""
    concerned = ngettext("{count} person holds a seat.", "{count} people hold seats.", people)
    return f"{gettext(_SENTENCES[slip])} {concerned.format(count=people)}"
