"""Placing an order while another process places the same one, where a database lets both write at once."""

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
def both(emptied_postgres: Recycled) -> Iterator[tuple[OpenDatabase, OpenDatabase]]:
    """The database of two processes."""
    with emptied_postgres.lent() as name:
        url = emptied_postgres.cluster.url(name)
        with open_database(url) as one, open_database(url) as other:
            yield one, other


class Interrupted:
    """A driver; before its first statement about `table`, something happens."""

    def __init__(self, driver: Driver, table: str, event: Callable[[], object], *, after: str = "") -> None:
        """`event` happens once; with `after`, only once that table has been read from."""
        self._after = after
        self.dialect = driver.dialect
        self._driver = driver
        self._table = table
        self._events = [event]

    def execute(self, sql: str, values: Mapping[str, Any]) -> Cursor:
        """The driver's own."""
        if self._after and sql.startswith("SELECT") and self._after in sql:
            self._after = ""
        elif not self._after and self._table in sql and self._events:
            self._events.pop()()
        return self._driver.execute(sql, values)


def test_an_order_that_is_placed_while_the_clock_of_holds_runs_on_again_keeps_its_seats_as_long(
    both: tuple[OpenDatabase, OpenDatabase],
) -> None:
    one, other = both
    person = add_someone(one)
    one.write(hold_seat, person, add_event(one).slug, 15)
    one.write(registrations.pause_holds, one.clock.now + SECOND)
    one.clock.move(HOUR)
    other.clock.now = one.clock.now

    def place_while_it_runs_on(connection: Connection) -> tuple[int, bool]:
        # After the seats were read, and before they are put into the order.
        slowed = Interrupted(
            one.real._engine.writer,  # noqa: SLF001
            "checkout_orders",
            lambda: other.write(registrations.resume_holds),
            after="registrations_seats",
        )
        return place(Connection(slowed, connection.now), person)

    order_id, _ = one.write(place_while_it_runs_on)
    assert one.read(registrations.kept_until, order_id) == one.clock.now + DAY


def place(connection: Connection, person: int) -> tuple[int, bool]:
    order, is_new = place_order(connection, person, "sandbox", DAY, "the same", asks=True)
    return order.id, is_new


def test_an_order_that_another_process_places_between_two_looks_is_the_same_order(
    both: tuple[OpenDatabase, OpenDatabase],
) -> None:
    one, other = both
    person = add_someone(one)
    one.write(hold_seat, person, add_event(one).slug, 15)
    placed: list[tuple[int, bool]] = []

    def place_while_the_other_does(connection: Connection) -> tuple[int, bool]:
        def place_there() -> None:
            placed.append(other.write(place, person))

        slowed = Interrupted(one.real._engine.writer, "registrations_seats", place_there)  # noqa: SLF001
        return place(Connection(slowed, connection.now), person)

    second = one.write(place_while_the_other_does)
    assert placed == [(second[0], True)]
    assert second[1] is False
    assert len(one.read(queries.orders_of, person)) == 1
