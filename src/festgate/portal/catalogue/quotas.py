"""Quotas: counts of tickets that a ticket type draws on, besides the seats of its event.

A quota with a name is shared by several types, also of several events: a room, or all passes of a fest. One without a
name belongs to a single type. A conditional update of its row enforces it, in the same transaction as the seat's row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select, update

from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.text import tidy
from festgate.kit.translation import N_, gettext, ngettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue.details import read_capacity
from festgate.portal.catalogue.errors import SoldOut
from festgate.portal.catalogue.tables import quota_types, quotas, ticket_types

MAX_SHARED = 50
"""Shared quotas of a fest."""
MAX_QUOTA_NAME = 60
NO_QUOTA = N_("There is no such quota.")


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota and the number of its tickets that are held or sold."""

    id: int
    name: str
    capacity: int
    taken: int

    @property
    def is_own(self) -> bool:
        """Whether it belongs to a single type."""
        return not self.name

    @property
    def left(self) -> int:
        """The tickets that are left."""
        return self.capacity - self.taken


_quota = select(*quotas.c["id", "name", "capacity", "taken"])
_of_event = Statement(
    select(quota_types.c.type_id, *quotas.c["id", "name", "capacity", "taken"])
    .join_from(quota_types, quotas, quotas.c.id == quota_types.c.quota_id)
    .join(ticket_types, ticket_types.c.id == quota_types.c.type_id)
    .where(ticket_types.c.event_id == bindparam("event"))
    .order_by(quotas.c.id)
)
_of_type = Statement(
    select(quota_types.c.quota_id)
    .where(quota_types.c.type_id == bindparam("type"))
    .order_by(quota_types.c.quota_id)
)
_own = Statement(
    _quota.join_from(quotas, quota_types, quota_types.c.quota_id == quotas.c.id).where(
        quota_types.c.type_id == bindparam("type"), quotas.c.name == ""
    )
)
_shared = Statement(_quota.where(quotas.c.name != "").order_by(quotas.c.name, quotas.c.id))
_by_id = Statement(_quota.where(quotas.c.id == bindparam("quota")).with_for_update())
_all = Statement(_quota.order_by(quotas.c.id))
_events_of = Statement(
    select(ticket_types.c.event_id)
    .distinct()
    .join_from(quota_types, ticket_types, ticket_types.c.id == quota_types.c.type_id)
    .where(quota_types.c.quota_id == bindparam("quota"))
    .order_by(ticket_types.c.event_id)
)
_links = Statement(select(quota_types.c.quota_id, quota_types.c.type_id))
_insert = inserting(quotas, returning="id")
_link = inserting(quota_types)
_unlink = Statement(
    delete(quota_types).where(
        quota_types.c.type_id == bindparam("type"), quota_types.c.quota_id == bindparam("quota")
    )
)
_is_linked = Statement(select(func.count()).where(quota_types.c.quota_id == bindparam("quota")))
_drop = Statement(delete(quotas).where(quotas.c.id == bindparam("quota")))
_resize = Statement(
    update(quotas)
    .where(quotas.c.id == bindparam("quota"), quotas.c.taken <= bindparam("new_capacity"))
    .values(capacity=bindparam("new_capacity"), name=bindparam("new_name"))
)
_take = Statement(
    update(quotas)
    .where(quotas.c.id == bindparam("quota"), quotas.c.taken + bindparam("count") <= quotas.c.capacity)
    .values(taken=quotas.c.taken + bindparam("count"))
)
_add = Statement(
    update(quotas).where(quotas.c.id == bindparam("quota")).values(taken=quotas.c.taken + bindparam("count"))
)


def quotas_of_event(connection: Connection, event_id: int) -> dict[int, tuple[Quota, ...]]:
    """Return the quotas of the event's types by type id, each in ascending order of quota id."""
    by_type: dict[int, list[Quota]] = {}
    for type_id, *row in connection.all(_of_event, event=event_id):
        by_type.setdefault(type_id, []).append(Quota(*row))
    return {type_id: tuple(drawn) for type_id, drawn in by_type.items()}


def shared_quotas(connection: Connection) -> list[Quota]:
    """Return the quotas that have a name, by name."""
    return [Quota(*row) for row in connection.all(_shared)]


def all_quotas(connection: Connection) -> list[Quota]:
    """Return every quota."""
    return [Quota(*row) for row in connection.all(_all)]


def types_by_quota(connection: Connection) -> dict[int, set[int]]:
    """Return the ids of the types that draw on each quota, by quota id."""
    by_quota: dict[int, set[int]] = {}
    for quota_id, type_id in connection.all(_links):
        by_quota.setdefault(quota_id, set()).add(type_id)
    return by_quota


def events_of_quota(connection: Connection, quota_id: int) -> list[int]:
    """Return the ids of the events with a type that draws on the quota, in ascending order."""
    return [event_id for (event_id,) in connection.all(_events_of, quota=quota_id)]


def take_from_quotas(connection: Connection, counts: Mapping[int, int]) -> None:
    """Count tickets as taken: `counts` by quota id. Raises SoldOut if one of the quotas has not enough left.

    Quotas are updated in ascending order, after the seats of events.
    """
    for quota_id in sorted(counts):
        if connection.run(_take, quota=quota_id, count=counts[quota_id]) == 0:
            raise SoldOut


def take_free_tickets(connection: Connection, quota_ids: Sequence[int]) -> bool:
    """Count one ticket of each quota as taken; return False, with nothing changed, if one of them is full."""
    taken: list[int] = []
    for quota_id in sorted(quota_ids):
        if not connection.run(_take, quota=quota_id, count=1):
            for given_back in taken:
                connection.run(_add, quota=given_back, count=-1)
            return False
        taken.append(quota_id)
    return True


def give_back_to_quotas(connection: Connection, counts: Mapping[int, int]) -> list[int]:
    """Count tickets as free again: `counts` by type id. Return the ids of their quotas."""
    by_quota: dict[int, int] = {}
    for type_id, count in counts.items():
        for (quota_id,) in connection.all(_of_type, type=type_id):
            by_quota[quota_id] = by_quota.get(quota_id, 0) + count
    for quota_id in sorted(by_quota):
        connection.run(_add, quota=quota_id, count=-by_quota[quota_id])
    return sorted(by_quota)


def read_quota(fields: Mapping[str, str]) -> tuple[str, int]:
    """Return the name and the capacity of a shared quota that were entered as text. Raises Invalid."""
    errors: dict[str, str] = {}
    name, capacity = "", 0
    try:
        name = tidy(fields.get("name", ""), lines=False, max_length=MAX_QUOTA_NAME)
    except ValueError as error:
        errors["name"] = str(error)
    try:
        capacity = read_capacity(fields.get("capacity", ""))
    except ValueError as error:
        errors["capacity"] = str(error)
    if errors:
        raise Invalid(errors)
    return name, capacity


def create_quota(connection: Connection, name: str, capacity: int, *, actor: Actor | None = None) -> Quota:
    """Create a shared quota; `actor` is for the audit log. Raises Invalid."""
    known = shared_quotas(connection)
    if len(known) >= MAX_SHARED:
        sentence = gettext("A fest can have at most {max} shared quotas.")
        raise Invalid({"name": sentence.format(max=MAX_SHARED)})
    _refuse_name(name, known)
    quota_id: int = connection.value(_insert, name=name, capacity=capacity, taken=0)
    if actor is not None:
        audit.record(connection, actor, "quota.added", name, capacity=capacity)
    return Quota(quota_id, name, capacity, 0)


def edit_quota(
    connection: Connection, quota_id: int, name: str, capacity: int, *, actor: Actor | None = None
) -> None:
    """Give a shared quota another name or capacity; `actor` is for the audit log.

    Raises NotFound, or Invalid if more tickets are taken.
    """
    quota = _lock_shared(connection, quota_id)
    _refuse_name(name, [known for known in shared_quotas(connection) if known.id != quota_id])
    _resize_to(connection, quota, name, capacity)
    changed = audit.differences(
        {"name": quota.name, "capacity": quota.capacity}, {"name": name, "capacity": capacity}
    )
    if actor is not None and changed:
        audit.record(connection, actor, "quota.edited", quota.name, event_id=None, **changed)


def drop_quota(connection: Connection, quota_id: int, *, actor: Actor | None = None) -> None:
    """Delete a shared quota; `actor` is for the audit log.

    Raises NotFound, or Invalid while a ticket type draws on it.
    """
    quota = _lock_shared(connection, quota_id)
    if connection.value(_is_linked, quota=quota_id):
        raise Invalid({"name": gettext("Ticket types draw on this quota. Take it out of them first.")})
    connection.run(_drop, quota=quota_id)
    if actor is not None:
        audit.record(connection, actor, "quota.deleted", quota.name)


def draw_on(connection: Connection, type_id: int, quota_id: int, taken: int) -> None:
    """Let a type draw on a shared quota: its `taken` tickets count from now on. Raises NotFound, or Invalid if full."""
    quota = _lock_shared(connection, quota_id)
    if (quota_id,) in connection.all(_of_type, type=type_id):
        return
    if connection.run(_take, quota=quota_id, count=taken) == 0:
        raise Invalid({"quota": _too_small(quota.taken + taken)})
    connection.run(_link, type_id=type_id, quota_id=quota_id)


def stop_drawing_on(connection: Connection, type_id: int, quota_id: int, taken: int) -> None:
    """End that a type draws on a shared quota: its `taken` tickets no longer count. Raises NotFound."""
    _lock(connection, quota_id)
    if connection.run(_unlink, type=type_id, quota=quota_id):
        connection.run(_add, quota=quota_id, count=-taken)


def set_own_quota(connection: Connection, type_id: int, capacity: int | None, taken: int = 0) -> None:
    """Set the quota of a single type; None removes it. `taken` counts for a new quota. Raises Invalid if too small."""
    row = connection.first(_own, type=type_id)
    if row is None:
        if capacity is not None:
            if taken > capacity:
                raise Invalid({"own_quota": _too_small(taken)})
            quota_id = connection.value(_insert, name="", capacity=capacity, taken=taken)
            connection.run(_link, type_id=type_id, quota_id=quota_id)
        return
    quota = Quota(*row)
    if capacity is None:
        connection.run(_unlink, type=type_id, quota=quota.id)
        connection.run(_drop, quota=quota.id)
    elif capacity != quota.capacity:
        _resize_to(connection, quota, "", capacity, "own_quota")


def _resize_to(
    connection: Connection, quota: Quota, name: str, capacity: int, field: str = "capacity"
) -> None:
    if connection.run(_resize, quota=quota.id, new_name=name, new_capacity=capacity) == 0:
        raise Invalid({field: _too_small(quota.taken)})


def _lock(connection: Connection, quota_id: int) -> Quota:
    row = connection.first(_by_id, quota=quota_id)
    if row is None:
        raise NotFound(gettext(NO_QUOTA))
    return Quota(*row)


def _lock_shared(connection: Connection, quota_id: int) -> Quota:
    """Lock a shared quota. Raises NotFound, also for the quota of a single type, which its type's form changes."""
    quota = _lock(connection, quota_id)
    if quota.is_own:
        raise NotFound(gettext(NO_QUOTA))
    return quota


def _refuse_name(name: str, known: list[Quota]) -> None:
    if not name:
        raise Invalid({"name": gettext("This field is required.")})
    if any(quota.name == name for quota in known):
        raise Invalid({"name": gettext("Another quota has this name.")})


def _too_small(taken: int) -> str:
    sentence = ngettext(
        "{count} ticket is taken already, so the quota cannot be lower than {count}.",
        "{count} tickets are taken already, so the quota cannot be lower than {count}.",
        taken,
    )
    return sentence.format(count=taken)
