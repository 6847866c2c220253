"""Two processes place the same order at once on PostgreSQL."""

from festgate.kit.clock import DAY, HOUR, SECOND
from festgate.kit.db.statements import Connection
from festgate.portal.checkout import queries
from festgate.portal.checkout.placements import place_order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.holds import hold_seat
from tests.rig.database import OpenDatabase
from tests.rig.interrupted import InterruptedDriver
from tests.rig.scene import add_event, add_someone


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
