"""Invariants of guests, of second factors, of invitations, and of the owners of the fest."""

import json

from sqlalchemy import bindparam, select

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.roles import ASSIGNABLE
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.tables import (
    IS_GUEST,
    invitations,
    people,
    recovery_codes,
    second_factors,
    sessions,
)

_powerful = Statement(
    select(people.c.id)
    .where(IS_GUEST, (people.c.password_hash != "") | (people.c.role != "attendee"))
    .order_by(people.c.id)
)
_with_role = Statement(
    select(people.c.id).where(people.c.role == bindparam("role"), people.c.email != "").order_by(people.c.id)
)
_half_claimed = Statement(
    select(people.c.id)
    .where(
        people.c.claimed_by.is_not(None),
        (people.c.guest_key.is_distinct_from(""))
        | (people.c.email != "")
        | (people.c.name != "")
        | select(sessions.c.person_id).where(sessions.c.person_id == people.c.id).exists(),
    )
    .order_by(people.c.id)
)
_codes_alone = Statement(
    select(recovery_codes.c.person_id)
    .join(second_factors, second_factors.c.person_id == recovery_codes.c.person_id, isouter=True)
    .where(second_factors.c.confirmed_at.is_(None))
    .distinct()
    .order_by(recovery_codes.c.person_id)
)
_factors_of_nobody = Statement(
    select(people.c.id)
    .join_from(people, second_factors)
    .where(IS_GUEST | (people.c.email == ""))
    .order_by(people.c.id)
)
_invitations = Statement(
    select(*invitations.c["id", "email", "email_key", "role", "event_ids"]).order_by(invitations.c.id)
)


def check_guests(connection: Connection) -> list[Finding]:
    """Check that nobody can sign in as a guest, and that nothing names a guest whose orders were claimed."""
    rules = (
        (
            _powerful,
            "a guest has no password and no role",
            "it has a password, or may do more than an attendee",
        ),
        (
            _half_claimed,
            "nothing names a claimed guest",
            "it was claimed, and still has a name, an address or a session",
        ),
    )
    return [
        Finding(rule, f"person {person}", what)
        for statement, rule, what in rules
        for (person,) in connection.all(statement)
    ]


def check_owner(connection: Connection) -> list[Finding]:
    """Check that a fest with organisers has an owner, since only an owner can change settings and make owners."""
    organisers = connection.all(_with_role, role="organiser")
    if not organisers or connection.all(_with_role, role="owner"):
        return []
    what = "there are organisers and no owner: run “festgate user role USERNAME owner”"
    return [Finding("a fest with organisers has an owner", f"person {organisers[0][0]}", what)]


def check_second_factors(connection: Connection) -> list[Finding]:
    """Check that recovery codes belong to a second factor, and second factors to accounts that can sign in."""
    rules = (
        (
            _codes_alone,
            "recovery codes belong to a second factor",
            "it has recovery codes, and no second factor that is on",
        ),
        (
            _factors_of_nobody,
            "a second factor belongs to an account",
            "it has a second factor, and nobody can sign in to it",
        ),
    )
    return [
        Finding(rule, f"person {person}", what)
        for statement, rule, what in rules
        for (person,) in connection.all(statement)
    ]


def check_invitations(connection: Connection) -> list[Finding]:
    """Check that each invitation is for its address, and that only roles with assigned events name some."""
    findings = []
    for number, email, key, role, event_ids in connection.all(_invitations):
        where = f"invitation {number}"
        if key != key_of(email):
            what = "the address that may accept it is another than the one it was sent to"
            findings.append(Finding("an invitation is for its address", where, what))
        events = _numbers(event_ids)
        if events is None or (events and role not in ASSIGNABLE):
            what = "they are no list of numbers" if events is None else f"the role {role} acts at all events"
            findings.append(Finding("the events of an invitation can be assigned", where, what))
    return findings


def _numbers(text: str) -> list[int] | None:
    """Return a JSON list of numbers; None for anything else."""
    try:
        numbers = json.loads(text)
    except ValueError:
        return None
    return numbers if isinstance(numbers, list) and all(type(number) is int for number in numbers) else None


CHECKS: tuple[Check, ...] = (check_guests, check_owner, check_second_factors, check_invitations)
