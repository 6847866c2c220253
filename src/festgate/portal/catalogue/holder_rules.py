"""The rules of an event about the holders of its tickets: their names, and transfers to other people."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, update

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Invalid
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.catalogue.details import read_moment, written_time
from festgate.portal.catalogue.errors import EventWasCancelled
from festgate.portal.catalogue.events import lock_event, record_edit, touch_event
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.tables import NAME_RULES, NameRule, events

_set_rules = Statement(
    update(events)
    .where(events.c.id == bindparam("event"))
    .values(
        ticket_names=bindparam("new_names"),
        names_until=bindparam("new_names_until"),
        transfers=bindparam("new_transfers"),
        transfers_until=bindparam("new_transfers_until"),
    )
)


@dataclass(frozen=True, slots=True)
class HolderRules:
    """The rules as an organiser enters them. A time of 0 is the start of the event."""

    names: NameRule
    names_until: Milliseconds
    """Until then the buyer can change the names."""
    has_transfers: bool
    transfers_until: Milliseconds
    """Until then the buyer can transfer a ticket."""


def rules_of(event: Event) -> HolderRules:
    """Return the rules of the event."""
    return HolderRules(event.ticket_names, event.names_until, bool(event.transfers), event.transfers_until)


def set_holder_rules(
    connection: Connection, slug: str, rules: HolderRules, *, actor: Actor | None = None
) -> Event:
    """Set the rules of an event; `actor` is for the audit log.

    Raises NotFound, EventWasCancelled, or Invalid for a time after the event's end.
    """
    event = lock_event(connection, slug)
    if event.state == "cancelled":
        raise EventWasCancelled
    times = {"names_until": rules.names_until, "transfers_until": rules.transfers_until}
    sentence = gettext("This is after the end of the event.")
    late = {name: sentence for name, until in times.items() if event.ends_at and until > event.ends_at}
    if late:
        raise Invalid(late)
    connection.run(
        _set_rules,
        event=event.id,
        new_names=rules.names,
        new_names_until=rules.names_until,
        new_transfers=int(rules.has_transfers),
        new_transfers_until=rules.transfers_until,
    )
    if actor is not None:
        record_edit(connection, actor, event, rules_of(event), rules)
    return touch_event(connection, event.id)


def read_holder_rules(fields: Mapping[str, str], zone: ZoneInfo) -> HolderRules:
    """Read rules that were entered as text. Raises Invalid with a sentence for every wrong field."""
    errors: dict[str, str] = {}
    times: dict[str, Milliseconds] = {}
    for name in ("names_until", "transfers_until"):
        try:
            times[name] = read_moment(zone, fields.get(name, ""))
        except ValueError as error:
            errors[name] = str(error)
    names: NameRule | None = next((rule for rule in NAME_RULES if rule == fields.get("names", "")), None)
    if names is None:
        errors["names"] = gettext("Choose one of these.")
    if errors or names is None:
        raise Invalid(errors)
    return HolderRules(
        names, times["names_until"], fields.get("transfers") == "yes", times["transfers_until"]
    )


def written_holder_rules(rules: HolderRules, zone: ZoneInfo) -> dict[str, str]:
    """Return the rules as text, from which `read_holder_rules` reads the same rules."""
    return {
        "names": rules.names,
        "names_until": written_time(rules.names_until, zone),
        "transfers": "yes" if rules.has_transfers else "",
        "transfers_until": written_time(rules.transfers_until, zone),
    }
