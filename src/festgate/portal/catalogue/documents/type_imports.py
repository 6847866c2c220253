"""Import of the ticket types of one event: those in the document change, all others stay.

A type is recognised by its name. The rules of an organiser's form hold: a quota is never below what is taken, tickets
that are sold keep their price, a pass that is sold keeps its events, and a type with tickets is withdrawn and not
deleted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.text import tidy
from festgate.portal.catalogue import type_rows
from festgate.portal.catalogue.details import MAX_LENGTHS, MAX_VALUE
from festgate.portal.catalogue.documents.contents import TypeEntry
from festgate.portal.catalogue.documents.problems import Problems
from festgate.portal.catalogue.events import touch_event
from festgate.portal.catalogue.passes import set_pass_events
from festgate.portal.catalogue.queries import Event, id_of_slug
from festgate.portal.catalogue.quotas import draw_on, stop_drawing_on
from festgate.portal.catalogue.ticket_types import TicketType, TypeDetails, type_of, types_of
from festgate.portal.catalogue.type_changes import (
    MAX_TYPE_NAME,
    CountSeats,
    read_type,
    refuse_team_pass,
    written_type,
)

_LIKE_NEW: Final[Mapping[str, str]] = {"min_per_order": "1", "max_per_order": "1", "team_price": "team"}
_TAKEN_OVER: Final = (
    "name: the event's ticket type without a name has tickets already. Give it a name under Organise first."
)
_NO_NAME: Final = "name: an event with several ticket types needs a name for each."


class TypeImport:
    """The import of the ticket types of one event, whose seats the caller has locked."""

    def __init__(
        self,
        connection: Connection,
        event: Event,
        zone: ZoneInfo,
        quotas: Mapping[str, int],
        count_seats: CountSeats,
        problems: Problems,
    ) -> None:
        """`quotas` are the ids of the shared quotas by name."""
        self._connection = connection
        self._event = event
        self._zone = zone
        self._quotas = quotas
        self._count_seats = count_seats
        self._problems = problems
        self._ids: dict[str, int] = {}
        self.created = self.changed = self.unchanged = 0

    def run(self, entries: Sequence[TypeEntry]) -> Event:
        """Create and change the types of the entries, and show them in this order. Return the event."""
        before = {kind.id: kind for kind in self._types()}
        errors = len(self._problems.found)
        named = self._by_name(entries)
        self._take_over(named, before)
        for name, entry in named.items():
            with self._problems.at(entry.where):
                self._write(name, entry)
        known = {name: entry for name, entry in named.items() if name in self._ids}
        for name, entry in known.items():
            with self._problems.at(entry.where):
                self._leave_quotas(self._ids[name], entry)
        for name, entry in known.items():
            with self._problems.at(entry.where):
                self._join_quotas(self._ids[name], entry)
        for name, entry in known.items():
            with self._problems.at(entry.where):
                self._admit(self._ids[name], entry)
        for name, entry in known.items():
            with self._problems.at(entry.where):
                self._withdraw(self._ids[name], entry)
        self._follow(known)
        self._order(list(known))
        if (
            len(self._problems.found) == errors
        ):  # an error elsewhere may have kept a type from getting its name
            self._refuse_without_name(entries)
        return self._finish(before, set(self._ids.values()))

    def _types(self) -> tuple[TicketType, ...]:
        return types_of(self._connection, self._event.id)

    def _type(self, type_id: int) -> TicketType:
        return type_of(self._types(), type_id)

    def _seats(self, type_id: int) -> tuple[int, int]:
        return self._count_seats(self._connection, self._event.id, type_id)

    def _by_name(self, entries: Sequence[TypeEntry]) -> dict[str, TypeEntry]:
        named: dict[str, TypeEntry] = {}
        for entry in entries:
            with self._problems.at(entry.where):
                name = _read_name("name", entry.fields.get("name", ""))
                if name in named:
                    raise Invalid({"name": f"This name stands at {named[name].where} already."})
                named[name] = entry
        return named

    def _take_over(self, named: Mapping[str, TypeEntry], before: Mapping[int, TicketType]) -> None:
        """Let the first new type of the document be the one without a name that every new event has."""
        self._ids = {kind.name: kind.id for kind in before.values() if kind.name in named}
        plain = next((kind for kind in before.values() if not kind.name and not kind.is_withdrawn), None)
        first = next((name for name in named if name not in self._ids), None)
        if plain is None or "" in named or first is None:
            return
        if self._seats(plain.id)[0]:
            self._problems.add(named[first].where, _TAKEN_OVER)
        else:
            self._ids[first] = plain.id

    def _write(self, name: str, entry: TypeEntry) -> None:
        known = self._type(self._ids[name]) if name in self._ids else None
        fields = {key: value for key, value in entry.fields.items() if key not in ("follows", "withdrawn")}
        old = written_type(known.details, self._zone) if known else _LIKE_NEW
        details = read_type({**old, **fields}, self._zone, self._event.fee.currency)
        if known is None:
            self._ids[name] = type_rows.add_type(self._connection, self._event.id, details).id
        else:
            self._edit(known, details)

    def _edit(self, kind: TicketType, details: TypeDetails) -> None:
        type_rows.edit_type(self._connection, kind, details, self._seats(kind.id)[1])

    def _wanted_quotas(self, entry: TypeEntry) -> Collection[int] | None:
        if entry.quotas is None:
            return None
        unknown = [name for name in entry.quotas if name not in self._quotas]
        if unknown:
            msg = f"There is no quota {unknown[0][:MAX_TYPE_NAME]!r}. Add it with its number of tickets."
            raise Invalid({"quotas": msg})
        return {self._quotas[name] for name in entry.quotas}

    def _leave_quotas(self, type_id: int, entry: TypeEntry) -> None:
        wanted = self._wanted_quotas(entry)
        for quota in self._type(type_id).quotas:
            if wanted is not None and not quota.is_own and quota.id not in wanted:
                stop_drawing_on(self._connection, type_id, quota.id, self._seats(type_id)[1])

    def _join_quotas(self, type_id: int, entry: TypeEntry) -> None:
        drawn = {quota.id for quota in self._type(type_id).quotas}
        for quota_id in sorted(set(self._wanted_quotas(entry) or ()) - drawn):
            draw_on(self._connection, type_id, quota_id, self._seats(type_id)[1])

    def _admit(self, type_id: int, entry: TypeEntry) -> None:
        """Set the other events that a pass admits to; one that was cancelled is in no document, and stays."""
        kind = self._type(type_id)
        before = {other.id for other in kind.admits}
        wanted = before
        if entry.admits is not None:
            over = {other.id for other in kind.admits if other.state == "cancelled"}
            wanted = over | {self._other_event(slug.strip()) for slug in entry.admits}
        refuse_team_pass(kind.details, wanted)
        set_pass_events(self._connection, type_id, self._event.id, before, wanted, self._seats(type_id)[0])

    def _other_event(self, slug: str) -> int:
        """Return the id of an event that a pass can admit to besides its own. Raises Invalid."""
        if slug == self._event.slug:
            raise Invalid({"admits_to": "A ticket always admits to its own event. List only the others."})
        event_id = id_of_slug(self._connection, slug[: MAX_LENGTHS["slug"] + 1])
        if event_id is None:
            raise Invalid(
                {
                    "admits_to": f"There is no event {slug[:MAX_VALUE]!r}. Write its slug, or add it to the file."
                }
            )
        return event_id

    def _withdraw(self, type_id: int, entry: TypeEntry) -> None:
        kind = self._type(type_id)
        is_wanted = entry.fields.get("withdrawn")
        if is_wanted == "yes" and not kind.is_withdrawn:
            type_rows.remove_type(self._connection, kind, is_used=True)
        elif not is_wanted and is_wanted is not None and kind.is_withdrawn:
            type_rows.offer_again(self._connection, kind)

    def _follow(self, known: Mapping[str, TypeEntry]) -> None:
        """Set the types after which others are sold, once all that change are cleared, so that there is no circle."""
        ids = {kind.name: kind.id for kind in self._types()}
        wanted: dict[str, int] = {}
        for name, entry in known.items():
            if "follows" not in entry.fields:
                continue
            kind = self._type(self._ids[name])
            with self._problems.at(entry.where):
                follows = _read_name("follows", entry.fields["follows"])
                if follows and follows not in ids:
                    raise Invalid({"follows": f"The event has no ticket type {follows!r}."})
                if follows and kind.details.follows_id != ids[follows]:
                    wanted[name] = ids[follows]
                elif follows or self._follows_nameless(kind):
                    continue
                self._edit(kind, replace(kind.details, follows_id=None))
        for name, follows_id in wanted.items():
            kind = self._type(self._ids[name])
            with self._problems.at(known[name].where):
                self._edit(kind, replace(kind.details, follows_id=follows_id))

    def _follows_nameless(self, kind: TicketType) -> bool:
        """Return whether it follows a withdrawn type without a name, which no document can state."""
        follows = kind.details.follows_id
        return follows is not None and not self._type(follows).name

    def _order(self, names: Sequence[str]) -> None:
        """Put the types of the document into its order, in the places that they have together."""
        types = list(self._types())
        ids = [self._ids[name] for name in names]
        places = [place for place, kind in enumerate(types) if kind.id in ids]
        by_id = {kind.id: kind for kind in types}
        for place, type_id in zip(places, ids, strict=True):
            types[place] = by_id[type_id]
        type_rows.order_types(self._connection, types)

    def _refuse_without_name(self, entries: Sequence[TypeEntry]) -> None:
        left = [kind for kind in self._types() if not kind.is_withdrawn]
        if len(left) > 1 and any(not kind.name for kind in left):
            self._problems.add(entries[0].where, _NO_NAME)

    def _finish(self, before: Mapping[int, TicketType], ids: set[int]) -> Event:
        after = {kind.id: kind for kind in self._types()}
        self.created = len(ids - before.keys())
        changed = {
            type_id for type_id in ids & before.keys() if _seen(after[type_id]) != _seen(before[type_id])
        }
        self.changed = len(changed)
        self.unchanged = len(ids) - self.created - self.changed
        if {key: _seen(kind) for key, kind in before.items()} == {
            key: _seen(kind) for key, kind in after.items()
        }:
            return self._event
        return touch_event(self._connection, self._event.id)


def _read_name(field: str, text: str) -> str:
    try:
        return tidy(text, max_length=MAX_TYPE_NAME)
    except ValueError as error:
        raise Invalid({field: str(error)}) from None


def _seen(kind: TicketType) -> tuple[object, ...]:
    """Return what an organiser has entered about a type, and its place."""
    shared = {quota.id for quota in kind.quotas if not quota.is_own}
    return kind.details, kind.is_withdrawn, kind.position, shared, {other.id for other in kind.admits}
