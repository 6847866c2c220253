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

ANN = "ann@example.org"


@dataclass(frozen=True)
class Told(outbox.Fact):
    """A fact in another table."""

    KIND: ClassVar[str] = "kit.Told"

    number: int


def post(connection: Connection, topic: str) -> None:
    mail.post(connection, topic, ANN, "Subject", "Body")


def tell(connection: Connection) -> None:
    outbox.record(connection, Told(1))


def count(connection: Connection, recipient: str) -> int:
    number: int = connection.value(_count, recipient=recipient)
    return number


@pytest.fixture
def file(migrated_sqlite: Path, tmp_path: Path) -> str:
    return copy_of(migrated_sqlite, tmp_path / "fest")


def counter(asked: list[str]) -> Callable[[Connection, str], int]:
    def ask(connection: Connection, recipient: str) -> int:
        asked.append(recipient)
        return count(connection, recipient)

    return ask


def test_an_answer_is_recalled_until_a_commit_changes_a_table_that_it_came_from(file: str) -> None:
    asked: list[str] = []
    ask = counter(asked)
    with open_database(file) as database:
        assert [database.run(database.real.recall(ask, ANN)) for _ in range(2)] == [0, 0]
        database.write(tell)
        assert database.run(database.real.recall(ask, ANN)) == 0
        assert len(asked) == 1
        database.write(post, "one")
        assert [database.run(database.real.recall(ask, ANN)) for _ in range(2)] == [1, 1]
        assert len(asked) == 2


def test_a_commit_of_another_process_ends_every_answer_at_once(file: str) -> None:
    asked: list[str] = []
    ask = counter(asked)
    with open_database(file) as database, open_database(file) as another:
        assert database.run(database.real.recall(ask, ANN)) == 0
        another.write(post, "one")
        assert database.run(database.real.recall(ask, ANN)) == 1
        # A commit of another process between two of ours must not be taken for our own.
        database.write(tell)
        another.write(post, "two")
        database.write(tell)
        assert database.run(database.real.recall(ask, ANN)) == 2
        assert len(asked) == 3


def test_an_answer_that_the_clock_may_change_is_asked_for_again_after_a_second(file: str) -> None:
    asked: list[str] = []
    ask = counter(asked)
    with open_database(file) as database:
        database.run(database.real.recall(ask, ANN))
        database.clock.move(RECALL)
        database.run(database.real.recall(ask, ANN))
    assert len(asked) == 2


def test_an_operation_that_was_undone_ends_no_answer(file: str) -> None:
    asked: list[str] = []
    ask = counter(asked)

    def fail(connection: Connection) -> None:
        post(connection, "one")
        raise ValueError("no")

    with open_database(file) as database:
        database.run(database.real.recall(ask, ANN))
        with pytest.raises(ValueError, match="no"):
            database.write(fail)
        assert database.run(database.real.recall(ask, ANN)) == 0
    assert len(asked) == 1


def test_while_an_operation_is_under_way_others_read_and_recall_what_was_committed_before_it(
    file: str,
) -> None:
    seen: list[tuple[int, int]] = []

    def at_once(database: OpenDatabase) -> tuple[int, int]:
        """Return what a page would see now; on SQLite a query never waits, so its first step is its last."""
        found = []
        for asking in (database.real.read(count, ANN), database.real.recall(count, ANN)):
            with pytest.raises(StopIteration) as answered:
                asking.send(None)
            found.append(answered.value.value)
        return found[0], found[1]

    with open_database(file) as database:

        def post_and_look(connection: Connection) -> None:
            post(connection, "one")
            assert count(connection, ANN) == 1
            seen.append(at_once(database))

        async def write_and_look() -> None:
            await database.real.write(post_and_look)
            seen.append(at_once(database))

        database.run(write_and_look())
    assert seen == [(0, 0), (1, 1)]


def test_a_query_changes_nothing(database: OpenDatabase) -> None:
    database.write(post, "one")
    for ask in (database.read, database.report):
        with pytest.raises(NotInQuery):
            ask(lambda connection: connection.run(_forget))
    assert database.read(count, ANN) == 1
