"""Invariants of seats."""

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import line, queries
from festgate.portal.registrations.offers import could_offer


def check_counts(connection: Connection) -> list[Finding]:
    """Check that each event's count is the number of its live seats, and not above its capacity."""
    live = queries.live_counts(connection)
    findings = []
    for event in catalogue.all_events(connection):
        held, confirmed = live.get((event.id, "held"), 0), live.get((event.id, "confirmed"), 0)
        where = f"event {event.slug}"
        if held + confirmed > event.capacity:
            what = f"{held} held and {confirmed} confirmed, but only {event.capacity} seats"
            findings.append(Finding("held + confirmed <= capacity", where, what))
        if held + confirmed != event.taken:
            what = f"{held} held and {confirmed} confirmed, but {event.taken} are counted as taken"
            findings.append(Finding("taken = held + confirmed", where, what))
    return findings


def check_quotas(connection: Connection) -> list[Finding]:
    """Check that each quota's count is the number of the live seats of its types, and not above its capacity."""
    live, types = queries.live_by_type(connection), catalogue.types_by_quota(connection)
    findings = []
    for quota in catalogue.all_quotas(connection):
        seats = sum(live.get(type_id, 0) for type_id in types.get(quota.id, ()))
        where = f"quota {quota.name or quota.id}"
        if seats > quota.capacity:
            findings.append(
                Finding("live seats <= quota", where, f"{seats} seats, but only {quota.capacity} tickets")
            )
        if seats != quota.taken:
            what = f"{seats} seats, but {quota.taken} are counted as taken"
            findings.append(Finding("taken = live seats of the quota", where, what))
    return findings


def check_types(connection: Connection) -> list[Finding]:
    """Check that every seat has a ticket type of its event."""
    wrong = queries.seats_of_other_types(connection)
    return [
        Finding(
            "the type of a seat is one of its event",
            f"seat {seat_id}",
            "its type is missing or of another event",
        )
        for seat_id in wrong
    ]


def check_waiting(connection: Connection) -> list[Finding]:
    """Check the waiting lists: their counts, their offers, and that no seat is free while somebody waits for one."""
    waiting = line.waiting_by_event(connection)
    findings = [
        Finding("an offer is a seat of the person in the line", f"seat {seat_id}", "it belongs to another")
        for seat_id in line.foreign_offers(connection)
    ]
    for entry_id, state, quantity, remaining, offered in line.offers_by_entry(connection):
        if state in ("waiting", "offered") and (
            offered < quantity - remaining or (state == "waiting") != (remaining > 0)
        ):
            what = f"{state} with {quantity} tickets, {remaining} of them to be offered, but {offered} offers"
            findings.append(Finding("offers = tickets - remaining", f"place {entry_id} in a line", what))
    for event in catalogue.all_events(connection):
        where, count = f"event {event.slug}", waiting.get(event.id, 0)
        if count != event.waiting:
            what = f"{count} tickets in the line, but {event.waiting} are counted"
            findings.append(Finding("waiting = tickets in the line", where, what))
        if count and not event.to_offer and could_offer(connection, event):
            what = f"{event.capacity - event.taken} seats are free, but not offered"
            findings.append(Finding("no free seat while somebody waits", where, what))
    return findings


CHECKS: tuple[Check, ...] = (check_counts, check_quotas, check_types, check_waiting)
