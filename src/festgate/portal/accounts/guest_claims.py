"""Claiming the orders of guests: the owner of a mailbox gets what was bought with its address.

An account claims once its address is confirmed, and an unconfirmed one claims nothing. A guest with a link claims
what other browsers have bought with the address. All modules move their part in the same transaction. The row of the
claimed guest stays, without a name and an address, because numbers in logs and facts may name it.
"""

from sqlalchemy import bindparam, func, select, update

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging.outbox import Subscription
from festgate.portal.accounts.facts import AddressConfirmed
from festgate.portal.accounts.guest_links import end_links, move_links
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.personal_data import AllRecords
from festgate.portal.accounts.queries import Person, person_by_id
from festgate.portal.accounts.sessions import end_sessions
from festgate.portal.accounts.tables import people

# FOR UPDATE: a transaction that inserts a row of one of these people has its key locked until it ends, so it comes
# before this one as a whole, or after it. Two claims for one address take turns.
_lock = Statement(
    select(people.c.id, people.c.guest_key)
    .where((people.c.id == bindparam("person")) | (people.c.guest_key == bindparam("key")))
    .order_by(people.c.id)
    .with_for_update()
)
_count = Statement(
    select(func.count()).where(people.c.guest_key == bindparam("key"), people.c.id != bindparam("person"))
)
_claimers = Statement(select(people.c.claimed_by).where(people.c.claimed_by.is_not(None)).distinct())
_close = Statement(
    update(people)
    .where(people.c.id == bindparam("guest"))
    .values(
        username="",
        name="",
        email="",
        email_confirmed_at=None,
        search="",
        guest_key="",
        claimed_by=bindparam("claimer"),
    )
)


def count_claimable(connection: Connection, person: Person) -> int:
    """Return how many guests' orders the person could claim: 0 while the address is not confirmed."""
    if not person.is_confirmed or person.is_deleted:
        return 0
    return int(connection.value(_count, key=key_of(person.email), person=person.id))


def claimers(connection: Connection) -> set[int]:
    """Return the ids of the people that have claimed orders of guests."""
    return {number for (number,) in connection.all(_claimers)}


def claim_guests(connection: Connection, person_id: int, records: AllRecords) -> int:
    """Give the person the orders of all guests with their address; return of how many. Idempotent.

    Nothing happens while the person's address is not confirmed.
    """
    if count_claimable(connection, person_by_id(connection, person_id)) == 0:
        return 0
    key = key_of(person_by_id(connection, person_id).email)
    rows = connection.all(_lock, person=person_id, key=key)
    person = person_by_id(connection, person_id)  # as it is now that it is locked
    if not person.is_confirmed or key_of(person.email) != key:
        return 0
    guests = [number for number, guest_key in rows if guest_key == key and number != person_id]
    for guest_id in guests:
        for part in records:
            part.move(connection, guest_id, person_id)
        end_sessions(connection, guest_id)
        if person.is_guest:
            move_links(connection, guest_id, person_id)
        else:
            end_links(connection, guest_id)
        connection.run(_close, guest=guest_id, claimer=person_id)
    return len(guests)


def claim_subscriptions(records: AllRecords) -> tuple[Subscription[AddressConfirmed]]:
    """Return the subscription that claims orders of guests when an address is confirmed."""

    def claim(connection: Connection, fact: AddressConfirmed) -> None:
        claim_guests(connection, fact.person_id, records)

    # The name is stored in the data, so it stays the same when code moves.
    return (Subscription(AddressConfirmed, claim, "festgate.accounts.guest_claims.claim", "outbox.accounts"),)
