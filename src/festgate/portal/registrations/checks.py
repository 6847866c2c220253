"""What must be true of seats."""

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries


def check_counts(connection: Connection) -> list[Finding]:
    """Each event's count is the number of its live seats, and within its capacity."""
    live = queries.live_counts(connection)
    found = []
    for event in catalogue.all_events(connection):
        held, confirmed = live.get((event.id, "held"), 0), live.get((event.id, "confirmed"), 0)
        where = f"event {event.slug}"
        if held + confirmed > event.capacity:
            what = f"{held} held and {confirmed} confirmed, but only {event.capacity} seats"
            found.append(Finding("held + confirmed <= capacity", where, what))
        if held + confirmed != event.taken:
            what = f"{held} held and {confirmed} confirmed, but {event.taken} are counted as taken"
            found.append(Finding("taken = held + confirmed", where, what))
    return found


CHECKS: tuple[Check, ...] = (check_counts,)
