"""Invariants of seats."""

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries


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


CHECKS: tuple[Check, ...] = (check_counts,)
