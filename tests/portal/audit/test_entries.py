"""The audit log on both databases: entries are added, found by every filter, and never changed."""

import sqlite3

import psycopg
import pytest
from sqlalchemy import delete, update

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.visitors import COMMAND, Actor
from festgate.portal.audit import facade as audit
from festgate.portal.audit.tables import entries
from tests.rig.database import OpenDatabase

MEENA = Actor(7, "session", "192.0.2.7")


def add(database: OpenDatabase, actor: Actor = MEENA, action: audit.Action = "order.refunded") -> None:
    database.write(lambda connection: audit.record(connection, actor, action, "7GK2", amount="450.00 INR"))


def actions(database: OpenDatabase, filters: audit.Filters) -> list[str]:
    listed, total = database.report(audit.find_entries, filters, 50)
    assert total == len(listed)
    return [entry.action for entry in listed]


def test_an_entry_has_everything_that_was_recorded(database: OpenDatabase) -> None:
    database.write(
        lambda connection: audit.record(
            connection, MEENA, "event.cancelled", "Robo Race", event_id=3, registrations=2
        )
    )
    ((entry,), total) = database.report(audit.find_entries, audit.Filters(), 50)
    assert total == 1
    assert (entry.at, entry.person, entry.origin, entry.address) == (
        database.clock.now,
        7,
        "session",
        "192.0.2.7",
    )
    assert (entry.action, entry.subject, entry.event_id, entry.details) == (
        "event.cancelled",
        "Robo Race",
        3,
        {"registrations": 2},
    )


def test_the_newest_entry_is_first_and_pages_do_not_overlap(database: OpenDatabase) -> None:
    for action in ("role.changed", "order.refunded", "event.published"):
        add(database, action=action)
    first, total = database.report(audit.find_entries, audit.Filters(), 2)
    second, _ = database.report(audit.find_entries, audit.Filters(), 2, 2)
    assert total == 3
    assert [entry.action for entry in (*first, *second)] == [
        "event.published",
        "order.refunded",
        "role.changed",
    ]


def test_every_filter_finds_its_entries_only(database: OpenDatabase) -> None:
    add(database)
    database.clock.move(DAY)
    add(database, COMMAND, "event.published")
    database.write(
        lambda connection: audit.record(connection, COMMAND, "event.deleted", "Ünal Café", event_id=3)
    )
    now = database.clock.now
    assert actions(database, audit.Filters(action="event.published")) == ["event.published"]
    assert actions(database, audit.Filters(person=7)) == ["order.refunded"]
    assert actions(database, audit.Filters(event_id=3)) == ["event.deleted"]
    assert actions(database, audit.Filters(words="UNAL cafe")) == ["event.deleted"]
    assert actions(database, audit.Filters(words="refund 450")) == ["order.refunded"]
    assert actions(database, audit.Filters(words="100%")) == []
    assert actions(database, audit.Filters(since=now - DAY, until=now)) == ["order.refunded"]
    assert actions(database, audit.Filters(since=now)) == ["event.deleted", "event.published"]
    assert database.read(audit.named_people) == [7]
    assert database.read(audit.named_events) == [3]


@pytest.mark.parametrize("change", [update(entries).values(subject="another"), delete(entries)])
def test_no_statement_changes_or_deletes_an_entry(database: OpenDatabase, change: object) -> None:
    add(database)
    statement = Statement(change)  # type: ignore[arg-type]

    def attempt(connection: Connection) -> None:
        connection.run(statement)

    with pytest.raises((sqlite3.Error, psycopg.Error), match="append-only"):
        database.write(attempt)
    assert len(actions(database, audit.Filters())) == 1


def test_entries_are_found_by_the_person_that_acted_or_that_it_was_done_to(database: OpenDatabase) -> None:
    about: dict[str, str | int] = {audit.PERSON: 7, "to": "owner"}

    def write(connection: Connection) -> None:
        audit.record(connection, MEENA, "sign-in.done", "", **{audit.PERSON: 7})
        audit.record(connection, COMMAND, "role.changed", "", event_id=None, **about)
        audit.record(connection, COMMAND, "account.made", "", **{audit.PERSON: 77})

    database.write(write)
    assert actions(database, audit.Filters(person=7)) == ["role.changed", "sign-in.done"]
    assert actions(database, audit.Filters(person=77)) == ["account.made"]
    assert len(actions(database, audit.Filters())) == 3


def test_an_entry_is_not_kept_if_its_action_is_not(database: OpenDatabase) -> None:
    def fail(connection: Connection) -> None:
        audit.record(connection, MEENA, "order.refunded", "7GK2")
        msg = "the refund failed"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError):
        database.write(fail)
    assert actions(database, audit.Filters()) == []
