"""Invariants of seats."""

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection
from festgate.kit.messaging import outbox
from festgate.kit.money import Money
from festgate.portal.accounts import facade as accounts
from festgate.portal.accounts.facts import AddressCorrected
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import answers, check_queries, files, line, passes, team_queries
from festgate.portal.registrations.holders import search_text
from festgate.portal.registrations.offers import could_offer


def check_counts(connection: Connection) -> list[Finding]:
    """Check that each event's count is the number of its live seats, and not above its capacity."""
    live = check_queries.live_counts(connection)
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
    live, types = check_queries.live_by_type(connection), catalogue.types_by_quota(connection)
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
    wrong = check_queries.seats_of_other_types(connection)
    return [
        Finding(
            "the type of a seat is one of its event",
            f"seat {seat_id}",
            "its type is missing or of another event",
        )
        for seat_id in wrong
    ]


def check_codes(connection: Connection) -> list[Finding]:
    """Check that the uses of each promo code are its live seats, in total and per person, and not above its maximum."""
    live, counted = check_queries.live_by_code(connection), catalogue.uses_by_person(connection)
    people: dict[int, list[int]] = {}
    for code_id, person in sorted(live.keys() | counted.keys()):
        people.setdefault(code_id, []).append(person)
    # A person that has claimed seats of guests may have used a code more often.
    claimers = accounts.claimers(connection)
    findings = []
    for code in catalogue.all_codes(connection):
        where, terms = f"promo code {code.code}", code.terms
        users = people.get(code.id, [])
        seats = sum(live.get((code.id, person), 0) for person in users)
        if terms.max_uses is not None and seats > terms.max_uses:
            what = f"{seats} seats, but only {terms.max_uses} uses"
            findings.append(Finding("live seats <= maximum of the promo code", where, what))
        if seats != code.used:
            what = f"{seats} seats, but {code.used} are counted as used"
            findings.append(Finding("used = live seats with the promo code", where, what))
        for person in users:
            has, used = live.get((code.id, person), 0), counted.get((code.id, person), 0)
            if has != used:
                what = f"person {person} has {has} seats, but {used} are counted"
                findings.append(Finding("used by a person = their live seats", where, what))
            if terms.max_per_person is not None and has > terms.max_per_person and person not in claimers:
                what = f"person {person} has {has} seats, but only {terms.max_per_person} uses"
                findings.append(Finding("seats of a person <= maximum per person", where, what))
    return findings


def check_taxes(connection: Connection) -> list[Finding]:
    """Check that the tax of each seat is the one in its fee."""
    return [
        Finding(
            "tax = share of the fee", f"seat {seat_id}", f"{tax} of {fee} at {rate} hundredths of a percent"
        )
        for seat_id, fee, tax, rate in check_queries.taxed_seats(connection)
        if catalogue.tax_within(Money(fee, ""), rate).minor != tax
    ]


def check_holders(connection: Connection) -> list[Finding]:
    """Check that the attendee of each seat is searched for by the stored name and address."""
    return [
        Finding(
            "a seat's attendee has a name, and is searched for by it",
            f"seat {seat_id}",
            "its name, its address and its search text do not belong together",
        )
        for seat_id, name, email, search in check_queries.attendees(connection)
        if search != search_text(name, email) or (email and not name)
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


def check_guests(connection: Connection) -> list[Finding]:
    """Check that each seat of a guest counts for the guest's address, and that no claimed guest has a seat."""
    changing = {
        fields["person_id"] for kind, fields in outbox.waiting(connection) if kind == AddressCorrected.KIND
    }
    findings = [
        Finding(
            "a guest's seat counts for the guest's address",
            f"seat {seat_id}",
            "it counts for another address than that of its person",
        )
        for seat_id, person_id in check_queries.seats_of_other_addresses(connection)
        if person_id not in changing
    ]
    findings += [
        Finding("a claimed guest has no seat", f"seat {seat_id}", f"its person {person_id} was claimed")
        for seat_id, person_id in check_queries.seats_of_claimed(connection)
    ]
    return findings


def check_answers(connection: Connection) -> list[Finding]:
    """Check that each answer is to a question about its seat, that files belong to answers, and their counts."""
    findings = [
        Finding(
            "an answer is to a question about its seat or event", f"answer {answer_id}", "it is to another"
        )
        for answer_id in answers.misplaced_answers(connection)
    ]
    findings += [
        Finding("a file is an answer", f"file {file_id}", "no answer refers to it")
        for file_id in files.files_without_answer(connection)
    ]
    stored, real = files.space_counts(connection)
    findings += [
        Finding(
            "space of files = bytes of the files",
            f"person {owner}" if owner else "all files",
            f"{real.get(owner, 0)} bytes, but {stored.get(owner, 0)} are counted",
        )
        for owner in sorted(stored.keys() | real.keys())
        if stored.get(owner, 0) != real.get(owner, 0)
    ]
    return findings


def check_passes(connection: Connection) -> list[Finding]:
    """Check that each live pass has one place at each event that it admits to and that is not cancelled, and no other.

    The places of a hold that has ended are swept with the other holds of their events. So a held pass may have lost
    some of them: after a clock was set back, or if that of another host is ahead.
    """
    findings = [
        Finding("a place of a pass agrees with it", f"seat {seat_id}", "its pass has another state or holder")
        for seat_id in passes.odd_places(connection)
    ]
    cancelled = {event.id for event in catalogue.all_events(connection) if event.state == "cancelled"}
    admitted, places = catalogue.events_by_pass(connection), passes.live_places(connection)
    swept = passes.swept_places(connection)
    for seat_id, type_id, state, held_until in passes.all_passes(connection):
        where, own = f"pass {seat_id}", places.get(seat_id, {})
        wanted = admitted.get(type_id, set()) - cancelled
        has_ended = state == "held" and (held_until <= connection.now or seat_id in swept)
        # The places of a cancelled event end a moment after the event.
        has = own.keys() - cancelled
        if any(count > 1 for count in own.values()) or (
            state in ("held", "confirmed") and not has_ended and has != wanted
        ):
            what = f"it is {state}, admits to {len(wanted)} other events, and has places at {len(has)}"
            findings.append(Finding("a live pass has one place at each of its events", where, what))
        if state == "cancelled" and has:
            what = f"it is cancelled, and has places at {len(has)} events"
            findings.append(Finding("a cancelled pass has no places", where, what))
    return findings


CHECKS: tuple[Check, ...] = (
    check_counts,
    check_quotas,
    check_types,
    check_codes,
    check_taxes,
    check_holders,
    check_teams,
    check_waiting,
    check_guests,
    check_passes,
    check_answers,
)
