"""Cached results of queries, and the limits of queries."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import bindparam, func, select

from festgate.kit.db.database import RECALL
from festgate.kit.db.statements import Connection, NotInQuery, Statement
from festgate.kit.messaging import mail, outbox
from tests.rig.database import OpenDatabase, copy_of, open_database

_count = Statement(select(func.count()).where(mail.messages.c.recipient == bindparam("recipient")))
_forget = Statement(mail.messages.delete())

RECIPIENT = "ann@example.org"


@dataclass(frozen=True)
class EmailCounted(outbox.Fact):
    """A fact in another table."""

    KIND: ClassVar[str] = "kit.EmailCounted"

    number: int


def post(connection: Connection, topic: str) -> None:
    mail.post(connection, topic, RECIPIENT, "Subject", "Body")


def record_fact(connection: Connection) -> None:
    outbox.record(connection, EmailCounted(1))


def count(connection: Connection, recipient: str) -> int:
    number: int = connection.value(_count, recipient=recipient)
    return number


@pytest.fixture
def file(migrated_sqlite: Path, tmp_path: Path) -> str:
    return copy_of(migrated_sqlite, tmp_path / "fest")


def counting_query(calls: list[str]) -> Callable[[Connection, str], int]:
    def query(connection: Connection, recipient: str) -> int:
        calls.append(recipient)
        return count(connection, recipient)

    return query


def test_a_result_is_cached_until_a_commit_changes_one_of_its_tables(file: str) -> None:
    calls: list[str] = []
    query = counting_query(calls)
    with open_database(file) as database:
        assert [database.run(database.real.recall(query, RECIPIENT)) for _ in range(2)] == [0, 0]
        database.write(record_fact)
        assert database.run(database.real.recall(query, RECIPIENT)) == 0
        assert len(calls) == 1
        database.write(post, "one")
        assert [database.run(database.real.recall(query, RECIPIENT)) for _ in range(2)] == [1, 1]
        assert len(calls) == 2


def test_a_commit_of_another_process_invalidates_every_cached_result(file: str) -> None:
    calls: list[str] = []
    query = counting_query(calls)
    with open_database(file) as database, open_database(file) as another:
        assert database.run(database.real.recall(query, RECIPIENT)) == 0
        another.write(post, "one")
        assert database.run(database.real.recall(query, RECIPIENT)) == 1
        # A commit of another process between two of ours must not be taken for our own.
        database.write(record_fact)
        another.write(post, "two")
        database.write(record_fact)
        assert database.run(database.real.recall(query, RECIPIENT)) == 2
        assert len(calls) == 3


def test_a_cached_result_expires_after_a_second(file: str) -> None:
    calls: list[str] = []
    query = counting_query(calls)
    with open_database(file) as database:
        database.run(database.real.recall(query, RECIPIENT))
        database.clock.move(RECALL)
        database.run(database.real.recall(query, RECIPIENT))
    assert len(calls) == 2


def test_an_operation_that_was_rolled_back_invalidates_no_cached_result(file: str) -> None:
    calls: list[str] = []
    query = counting_query(calls)

    def fail(connection: Connection) -> None:
        post(connection, "one")
        raise ValueError("no")

    with open_database(file) as database:
        database.run(database.real.recall(query, RECIPIENT))
        with pytest.raises(ValueError, match="no"):
            database.write(fail)
        assert database.run(database.real.recall(query, RECIPIENT)) == 0
    assert len(calls) == 1


def test_reads_during_an_operation_see_only_committed_data(
    file: str,
) -> None:
    counts_seen: list[tuple[int, int]] = []

    def read_and_recall(database: OpenDatabase) -> tuple[int, int]:
        """Return the counts that a page would show now; on SQLite a query never waits, so one step completes it."""
        counts = []
        for coroutine in (database.real.read(count, RECIPIENT), database.real.recall(count, RECIPIENT)):
            with pytest.raises(StopIteration) as stopped:
                coroutine.send(None)
            counts.append(stopped.value.value)
        return counts[0], counts[1]

    with open_database(file) as database:

        def post_and_read(connection: Connection) -> None:
            post(connection, "one")
            assert count(connection, RECIPIENT) == 1
            counts_seen.append(read_and_recall(database))

        async def write_and_read() -> None:
            await database.real.write(post_and_read)
            counts_seen.append(read_and_recall(database))

        database.run(write_and_read())
    assert counts_seen == [(0, 0), (1, 1)]


def test_a_query_cannot_change_data(database: OpenDatabase) -> None:
    database.write(post, "one")
    for run_query in (database.read, database.report):
        with pytest.raises(NotInQuery):
            run_query(lambda connection: connection.run(_forget))
    assert database.read(count, RECIPIENT) == 1
