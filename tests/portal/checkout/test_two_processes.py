"""Two processes place the same order at once on PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from festgate.kit.clock import DAY, HOUR, SECOND
from festgate.kit.db.statements import Connection, Cursor, Driver
from festgate.portal.checkout import queries
from festgate.portal.checkout.placements import place_order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.holds import hold_seat
from tests.rig.database import OpenDatabase, open_database
from tests.rig.recycled import Recycled
from tests.rig.scene import add_event, add_someone


@pytest.fixture
def two_databases(emptied_postgres: Recycled) -> Iterator[tuple[OpenDatabase, OpenDatabase]]:
    """Open one database for each of two processes."""
    with emptied_postgres.lent() as name:
        url = emptied_postgres.cluster.url(name)
        with open_database(url) as database, open_database(url) as other_database:
            yield database, other_database


class InterruptedDriver:
    """A driver that runs an action before its first statement about `table`."""

    def __init__(self, driver: Driver, table: str, action: Callable[[], object], *, after: str = "") -> None:
        """Run `action` once; with `after`, not before that table has been read."""
        self._after = after
        self.dialect = driver.dialect
        self._driver = driver
        self._table = table
        self._actions = [action]

    def execute(self, sql: str, values: Mapping[str, Any]) -> Cursor:
        """Run the statement, after the action if it is due."""
        if self._after and sql.startswith("SELECT") and self._after in sql:
            self._after = ""
        elif not self._after and self._table in sql and self._actions:
            self._actions.pop()()
        return self._driver.execute(sql, values)


def test_an_order_placed_while_holds_are_resumed_keeps_its_seats_for_its_full_time(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    database, other_database = two_databases
    person = add_someone(database)
    database.write(hold_seat, person, add_event(database).slug, 15)
    database.write(registrations.pause_holds, database.clock.now + SECOND)
    database.clock.move(HOUR)
    other_database.clock.now = database.clock.now

    def place_while_holds_resume(connection: Connection) -> tuple[int, bool]:
        # The action runs between reading the seats and putting them into the order.
        driver = InterruptedDriver(
            database.real._engine.writer,  # noqa: SLF001
            "checkout_orders",
            lambda: other_database.write(registrations.resume_holds),
            after="registrations_seats",
        )
        return place(Connection(driver, connection.now), person)

    order_id, _ = database.write(place_while_holds_resume)
    assert database.read(registrations.kept_until, order_id) == database.clock.now + DAY


def place(connection: Connection, person: int) -> tuple[int, bool]:
    order, is_new = place_order(connection, person, "sandbox", DAY, "the same", asks=True)
    return order.id, is_new


def test_an_order_placed_meanwhile_by_another_process_is_the_same_order(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    database, other_database = two_databases
    person = add_someone(database)
    database.write(hold_seat, person, add_event(database).slug, 15)
    placed: list[tuple[int, bool]] = []

    def place_after_the_other_process(connection: Connection) -> tuple[int, bool]:
        def place_in_other_process() -> None:
            placed.append(other_database.write(place, person))

        driver = InterruptedDriver(
            database.real._engine.writer,  # noqa: SLF001
            "registrations_seats",
            place_in_other_process,
        )
        return place(Connection(driver, connection.now), person)

    second = database.write(place_after_the_other_process)
    assert placed == [(second[0], True)]
    assert second[1] is False
    assert len(database.read(queries.orders_of, person)) == 1
