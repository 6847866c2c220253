"""Reads and writes: group commit, savepoints, and the errors that callers get."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import bindparam, select

from festgate.kit.db.statements import Connection, Statement, UniqueViolation
from festgate.kit.errors import Malformed
from festgate.kit.messaging import mail
from tests.rig.database import OpenDatabase, open_database

_topics = Statement(select(mail.messages.c.topic).order_by(mail.messages.c.id))
_rename = Statement(
    mail.messages.update().where(mail.messages.c.topic == bindparam("old")).values(topic=bindparam("new"))
)


def post(connection: Connection, topic: str) -> str:
    mail.post(connection, topic, "someone@example.org", "Subject", "Body")
    return topic


def topics(connection: Connection) -> list[str]:
    return [topic for (topic,) in connection.all(_topics)]


def post_and_raise(connection: Connection) -> None:
    post(connection, "refused")
    raise ValueError("no")


def test_a_write_returns_the_operations_result_and_the_next_read_sees_its_change(
    database: OpenDatabase,
) -> None:
    assert database.write(post, "one") == "one"
    assert database.read(topics) == ["one"]
    assert database.report(topics) == ["one"]


def test_an_operation_that_raises_is_rolled_back_alone_and_its_caller_gets_the_exception(
    database: OpenDatabase,
) -> None:
    results = database.write_together(
        lambda connection: post(connection, "one"), post_and_raise, lambda connection: post(connection, "two")
    )
    assert results[0] == "one"
    assert isinstance(results[1], ValueError)
    assert results[2] == "two"
    assert database.read(topics) == ["one", "two"]


def test_a_thousand_simultaneous_operations_are_all_committed(database: OpenDatabase) -> None:
    names = [f"topic-{number}" for number in range(1000)]
    results = database.write_together(
        *(lambda connection, name=name: post(connection, name) for name in names)
    )
    assert results == names
    assert sorted(database.read(topics)) == sorted(names)


def test_a_duplicate_of_a_unique_value_raises_unique_violation(database: OpenDatabase) -> None:
    database.write(post, "one")
    database.write(post, "two")
    with pytest.raises(UniqueViolation):
        database.write(lambda connection: connection.run(_rename, old="two", new="one"))
    assert database.read(topics) == ["one", "two"]


def test_listeners_are_called_after_a_commit_and_not_after_a_rollback(
    database: OpenDatabase,
) -> None:
    reads: list[list[str]] = []

    async def listen() -> None:
        committed = asyncio.Event()
        database.real.on_commit("mail", committed.set)
        with pytest.raises(ValueError, match="no"):
            await database.real.write(post_and_raise)
        assert not committed.is_set()
        await database.real.write(post, "one")
        await asyncio.wait_for(committed.wait(), timeout=10)
        reads.append(await database.real.read(topics))

    database.run(listen())
    assert reads == [["one"]]


def test_a_caller_that_waits_for_a_topic_is_woken_only_by_a_commit_of_that_topic(
    database: OpenDatabase,
) -> None:
    async def wait() -> None:
        waiting = [asyncio.ensure_future(database.real.wait_for("mine", 60)) for _ in range(2)]
        await asyncio.sleep(0)
        await database.real.write(lambda connection: connection.announce("another's"))
        await asyncio.sleep(0)
        assert not any(waiter.done() for waiter in waiting)
        await database.real.write(lambda connection: connection.announce("mine"))
        await asyncio.wait_for(asyncio.gather(*waiting), timeout=10)
        # No other caller waits.
        await database.real.wait_for("mine", 0.01)

    database.run(wait())


def test_a_cancelled_caller_does_not_undo_its_operation(database: OpenDatabase) -> None:
    async def leave() -> None:
        task = asyncio.ensure_future(database.real.write(post, "one"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # A later write returns after the commit of the earlier one.
        await database.real.write(post, "two")

    database.run(leave())
    assert database.read(topics) == ["one", "two"]


def test_a_commit_of_any_process_changes_the_version(database: OpenDatabase) -> None:
    async def version() -> object:
        return database.real.version()

    before = database.run(version())
    assert database.run(version()) == before or not database.real.sees_every_commit
    database.write(post, "one")
    after_our_commit = database.run(version())
    assert after_our_commit != before
    with open_database(database.url) as another:
        another.write(post, "two")
    if database.real.sees_every_commit:
        assert database.run(version()) != after_our_commit


def test_a_text_that_a_database_cannot_keep_is_refused_or_is_not_there(database: OpenDatabase) -> None:
    find = Statement(select(mail.messages.c.id).where(mail.messages.c.topic == bindparam("topic")))

    def look(connection: Connection) -> object:
        return connection.first(find, topic="a\0b")

    for access in (database.read, database.report, database.write):
        with suppress(Malformed):
            assert access(look) is None
    assert database.write(post, "one") == "one"
