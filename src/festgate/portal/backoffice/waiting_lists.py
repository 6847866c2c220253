"""The waiting list and the applications of an event for organisers, and their decisions about people."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from festgate.kit.db.statements import Connection
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.audit.facade import Action
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations

Decision: TypeAlias = Literal["offer", "wait", "decline", "remove"]

_ACTIONS: dict[Decision, Action] = {
    "offer": "waiting.offered",
    "wait": "waiting.listed",
    "decline": "waiting.declined",
    "remove": "waiting.removed",
}


def list_entries(connection: Connection, event_id: int) -> list[registrations.Entry]:
    """Return every entry of the event's line, with applications: open ones first. It is for `Database.report`."""
    entries = registrations.entries_of_event(connection, event_id)
    return sorted(entries, key=lambda entry: not entry.is_open)


def decide(
    connection: Connection,
    actor: Actor,
    slug: str,
    decision: Decision,
    entry_ids: Sequence[int],
    *,
    may_raise: bool = False,
    answer: str = "",
) -> None:
    """Offer seats to people, put them on the list, decline or remove them: all or none. A second time does nothing.

    `may_raise` lets an offer raise the capacity by the seats that are missing; `answer` is the sentence to people that
    are declined. Raises NotFound, registrations' SalesClosed or NotEnoughSeats, or ValueError for a long sentence.
    """
    before = catalogue.any_event_by_slug(connection, slug)
    if decision == "offer":
        changed = registrations.offer_by_hand(connection, slug, entry_ids, may_raise=may_raise)
    elif decision == "wait":
        changed = registrations.put_on_list(connection, slug, entry_ids)
    elif decision == "decline":
        changed = registrations.decline(connection, slug, entry_ids, answer)
    else:
        changed = registrations.remove(connection, slug, entry_ids)
    for entry in changed:
        about = {"tickets": entry.quantity, audit.PERSON: entry.person_id}
        audit.record(connection, actor, _ACTIONS[decision], slug, event_id=before.id, **about)
    capacity = catalogue.event_by_id(connection, before.id).capacity
    if capacity != before.capacity:
        sizes = {"before": before.capacity, "after": capacity}
        audit.record(connection, actor, "event.resized", slug, event_id=before.id, **sizes)
