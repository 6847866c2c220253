"""The same call of the API creates something once, on both databases and in two processes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from festgate.kit.clock import DAY
from festgate.kit.db.notes import find_note, forget_calls, set_note
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.portal.backoffice.request_keys import create_once
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.facade import KeyReused
from tests.rig.database import OpenDatabase


def test_a_key_belongs_to_one_person_and_one_content(database: OpenDatabase) -> None:
    made: list[int] = []

    def create() -> list[int]:
        made.append(len(made) + 1)
        return [made[-1], 100]

    assert database.write(create_once, 1, "key", "a room", create) == [1, 100]
    assert database.write(create_once, 1, "key", "a room", create) == [1, 100]
    assert database.write(create_once, 2, "key", "a room", create) == [2, 100]
    assert database.write(create_once, 1, "other", "a room", create) == [3, 100]
    with pytest.raises(KeyReused):
        database.write(create_once, 1, "key", "another room", create)
    assert made == [1, 2, 3]


def test_a_refused_call_leaves_its_key_free(database: OpenDatabase) -> None:
    def refuse() -> list[int]:
        raise Invalid({"name": "This field is required."})

    with pytest.raises(Invalid):
        database.write(create_once, 1, "key", "a room", refuse)
    assert database.write(create_once, 1, "key", "another room", lambda: [7]) == [7]


def test_keys_are_forgotten_after_a_month(database: OpenDatabase) -> None:
    database.write(set_note, "demo", "kept")
    database.write(create_once, 1, "old", "a room", lambda: [1])
    database.clock.now += 20 * DAY
    database.write(create_once, 1, "new", "a room", lambda: [2])
    assert database.write(forget_calls) == 0
    database.clock.now += 11 * DAY
    assert database.write(forget_calls) == 1
    assert database.write(create_once, 1, "old", "a room", lambda: [3]) == [3]
    assert database.write(create_once, 1, "new", "a room", lambda: [4]) == [2]
    assert database.read(find_note, "demo") == "kept"


def test_one_call_in_two_processes_at_once_creates_once(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    start = Barrier(2, timeout=30)

    def add_room(connection: Connection) -> list[int]:
        return [catalogue.add_room(connection, catalogue.RoomDetails("Lab")).id]

    def call(process: OpenDatabase) -> list[int]:
        start.wait()
        return process.write(
            lambda connection: create_once(connection, 1, "key", "a room", lambda: add_room(connection))
        )

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(call, two_databases)
    assert first == second
    assert len(two_databases[0].read(catalogue.all_rooms)) == 1
