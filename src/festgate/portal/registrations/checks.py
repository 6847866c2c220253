"""Invariants of seats."""

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries, team_queries


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


def check_teams(connection: Connection) -> list[Finding]:
    """Check that each team has as many live seats as its size, of its event, type and captain, and its captain's."""
    places: dict[int, list[tuple[int, int, int]]] = {}
    for team_id, *place in team_queries.all_places(connection):
        event, kind, person = place
        places.setdefault(team_id, []).append((event, kind, person))
    leaderless = team_queries.teams_without_captain(connection)
    findings = []
    for team_id, event, kind, captain, size in team_queries.all_teams(connection):
        where, own = f"team {team_id}", places.get(team_id, [])
        if len(own) != size:
            what = f"{len(own)} live seats, but its size is {size}"
            findings.append(Finding("live seats of a team = its size", where, what))
        if any(place != (event, kind, captain) for place in own):
            what = "a seat has another event, ticket type or buyer than the team"
            findings.append(Finding("a team's seats have its event, type and captain", where, what))
        if team_id in leaderless:
            findings.append(Finding("a team's captain is a member", where, "no seat of it is its captain's"))
    return findings


CHECKS: tuple[Check, ...] = (check_counts, check_quotas, check_types, check_teams)
