"""Reads and writes: group commit, savepoints, and the errors that callers get."""

import asyncio

import pytest
from sqlalchemy import bindparam, select

from festgate.kit.db.statements import Connection, Statement, UniqueViolation
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


def refuse(connection: Connection) -> None:
    post(connection, "refused")
    raise ValueError("no")


def test_an_operation_is_answered_with_what_it_returns_and_is_there_for_the_next_read(
    database: OpenDatabase,
) -> None:
    assert database.write(post, "one") == "one"
    assert database.read(topics) == ["one"]
    assert database.report(topics) == ["one"]


def test_an_operation_that_raises_is_undone_alone_and_its_caller_gets_what_it_raised(
    database: OpenDatabase,
) -> None:
    answers = database.write_together(
        lambda connection: post(connection, "one"), refuse, lambda connection: post(connection, "two")
    )
    assert answers[0] == "one"
    assert isinstance(answers[1], ValueError)
    assert answers[2] == "two"
    assert database.read(topics) == ["one", "two"]


def test_a_thousand_operations_that_arrive_together_are_all_kept(database: OpenDatabase) -> None:
    names = [f"topic-{number}" for number in range(1000)]
    answers = database.write_together(
        *(lambda connection, name=name: post(connection, name) for name in names)
    )
    assert answers == names
    assert sorted(database.read(topics)) == sorted(names)


def test_a_unique_row_that_is_there_already_is_named_as_such(database: OpenDatabase) -> None:
    database.write(post, "one")
    database.write(post, "two")
    with pytest.raises(UniqueViolation):
        database.write(lambda connection: connection.run(_rename, old="two", new="one"))
    assert database.read(topics) == ["one", "two"]


def test_listeners_hear_of_a_topic_after_its_commit_and_not_of_an_operation_that_raised(
    database: OpenDatabase,
) -> None:
    seen: list[list[str]] = []

    async def listen() -> None:
        heard = asyncio.Event()
        database.real.on_commit("mail", heard.set)
        with pytest.raises(ValueError, match="no"):
            await database.real.write(refuse)
        assert not heard.is_set()
        await database.real.write(post, "one")
        await asyncio.wait_for(heard.wait(), timeout=10)
        seen.append(await database.real.read(topics))

    database.run(listen())
    assert seen == [["one"]]


def test_who_waits_for_a_topic_is_woken_by_its_commit_and_by_no_other(database: OpenDatabase) -> None:
    async def wait() -> None:
        waiting = [asyncio.ensure_future(database.real.wait_for("mine", 60)) for _ in range(2)]
        await asyncio.sleep(0)
        await database.real.write(lambda connection: connection.announce("another's"))
        await asyncio.sleep(0)
        assert not any(each.done() for each in waiting)
        await database.real.write(lambda connection: connection.announce("mine"))
        await asyncio.wait_for(asyncio.gather(*waiting), timeout=10)
        # No other caller waits.
        await database.real.wait_for("mine", 0.01)

    database.run(wait())


def test_a_caller_that_goes_away_does_not_undo_its_operation(database: OpenDatabase) -> None:
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


def test_a_commit_by_anyone_changes_the_version(database: OpenDatabase) -> None:
    async def version() -> object:
        return database.real.version()

    before = database.run(version())
    assert database.run(version()) == before or not database.real.sees_every_commit
    database.write(post, "one")
    ours = database.run(version())
    assert ours != before
    with open_database(database.url) as another:
        another.write(post, "two")
    if database.real.sees_every_commit:
        assert database.run(version()) != ours
