"""Changes that an import proposes: an update of an event that was imported before, or its cancellation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from zoneinfo import ZoneInfo

from festgate.portal.catalogue.details import Details, written
from festgate.portal.catalogue.queries import Event


@dataclass(frozen=True, slots=True)
class Change:
    """A field of an event with its value before and after, as an organiser would write both."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an import for one event."""

    kind: Literal["new", "changed", "unchanged", "cancelled"]
    line: int
    """The line of the file, or the position in a document."""
    slug: str
    title: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of one event. Equal proposals change the same event in the same way."""

    kind: Literal["update", "cancel"]
    slug: str
    changes: tuple[Change, ...] = ()
    """The changed fields; none if the event is cancelled."""
    is_sure: bool = True
    """Whether the calendar marks its version of the event as newer."""
    title: str = field(default="", compare=False)
    """The title that the event has now."""
    line: int = field(default=0, compare=False)
    """The line of the file."""
    taken: int = field(default=0, compare=False)
    """The number of seats that are held or confirmed."""

    @property
    def needs_answer(self) -> bool:
        """Return whether a person has to agree: seats are taken, the event would end, or the version may be old."""
        return self.kind == "cancel" or self.taken > 0 or not self.is_sure


def changes_between(before: Details, after: Details, zone: ZoneInfo) -> tuple[Change, ...]:
    """Return the fields that differ, as they are written in the zone."""
    old, new = written(before, zone), written(after, zone)
    return tuple(Change(name, old[name], new[name]) for name in old if old[name] != new[name])


def update_of(event: Event, after: Details, zone: ZoneInfo, line: int, *, is_sure: bool) -> Proposal:
    """Return the proposal to give the event other details."""
    changes = changes_between(event, after, zone)
    return Proposal("update", event.slug, changes, is_sure, event.title, line, event.taken)


def cancellation_of(event: Event, line: int) -> Proposal:
    """Return the proposal to cancel the event; a draft would be deleted."""
    return Proposal("cancel", event.slug, title=event.title, line=line, taken=event.taken)


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a person to proposals. None: not asked yet."""

    update: bool | None = None
    """The answer for all updates that need one."""
    cancel: bool | None = None
    """The answer for all cancellations."""
    single: Mapping[Proposal, bool] = field(default_factory=dict)
    """The answers for single proposals, which come first."""

    def to(self, proposal: Proposal) -> bool | None:
        """Return the answer to a proposal; True if it needs none."""
        if not proposal.needs_answer:
            return True
        return self.single.get(proposal, self.update if proposal.kind == "update" else self.cancel)


NO_ANSWERS: Final = Answers()
