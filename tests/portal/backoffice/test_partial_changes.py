"""Changes of a part of something, while another process changes another part: neither is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import CodeTerms, QuestionDetails, RoomDetails
from tests.rig.database import OpenDatabase

TwoDatabases = tuple[OpenDatabase, OpenDatabase]


class Meanwhile:
    """A change in the other process, which is made the first time that this one has read what it changes."""

    def __init__(self, other: OpenDatabase, change: Callable[[Connection], object]) -> None:
        """Take the other process and its change."""
        self._other = other
        self._change = change
        self._is_done = False

    def __call__(self) -> None:
        """Make the change, unless it is made."""
        if not self._is_done:
            self._is_done = True
            with ThreadPoolExecutor(1) as threads:
                threads.submit(self._other.write, self._change).result(timeout=30)


def test_a_room_gets_a_name_and_a_capacity_in_two_processes(two_databases: TwoDatabases) -> None:
    here, there = two_databases
    number = here.write(catalogue.add_room, RoomDetails("Lab", 10)).id
    meanwhile = Meanwhile(
        there, lambda connection: catalogue.edit_room(connection, number, RoomDetails("Lab", 20))
    )

    def rename(connection: Connection) -> None:
        known = catalogue.room_by_id(connection, number)
        meanwhile()
        catalogue.edit_room(connection, number, RoomDetails("Workshop", known.capacity), known=known)

    here.write(rename)
    room = here.read(catalogue.room_by_id, number)
    assert (room.name, room.capacity) == ("Workshop", 20)


def test_a_quota_gets_a_name_and_a_capacity_in_two_processes(two_databases: TwoDatabases) -> None:
    here, there = two_databases
    number = here.write(catalogue.create_quota, "Beds", 10).id
    meanwhile = Meanwhile(there, lambda connection: catalogue.resize_quota(connection, number, "Beds", 20))

    def rename(connection: Connection) -> None:
        (known,) = catalogue.shared_quotas(connection)
        meanwhile()
        catalogue.resize_quota(connection, number, "Rooms", known.capacity, known=known)

    here.write(rename)
    (quota,) = here.read(catalogue.shared_quotas)
    assert (quota.name, quota.capacity) == ("Rooms", 20)


def test_a_promo_code_gets_a_value_and_a_maximum_in_two_processes(two_databases: TwoDatabases) -> None:
    here, there = two_databases
    number = here.write(catalogue.create_code, "EARLY", CodeTerms("percentage", 10)).id

    def limit(connection: Connection) -> None:
        terms = catalogue.code_by_id(connection, number).terms
        catalogue.edit_code(connection, number, replace(terms, max_uses=5))

    meanwhile = Meanwhile(there, limit)

    def reduce(connection: Connection) -> None:
        known = catalogue.code_by_id(connection, number).terms
        meanwhile()
        catalogue.edit_code(connection, number, replace(known, value=20), known=known)

    here.write(reduce)
    terms = here.read(catalogue.code_by_id, number).terms
    assert (terms.value, terms.max_uses) == (20, 5)


def test_a_question_gets_a_label_and_a_hint_in_two_processes(two_databases: TwoDatabases) -> None:
    here, there = two_databases
    number = here.write(catalogue.add_question, None, QuestionDetails("text", "Diet?"))

    def explain(connection: Connection) -> None:
        known = catalogue.question_by_id(connection, number).details
        catalogue.edit_question(connection, None, number, replace(known, help="For the kitchen."))

    meanwhile = Meanwhile(there, explain)

    def ask(connection: Connection) -> None:
        known = catalogue.question_by_id(connection, number).details
        meanwhile()
        details = replace(known, label="What do you eat?")
        catalogue.edit_question(connection, None, number, details, known=known)

    here.write(ask)
    details = here.read(catalogue.question_by_id, number).details
    assert (details.label, details.help) == ("What do you eat?", "For the kitchen.")
