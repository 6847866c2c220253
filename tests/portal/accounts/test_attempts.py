"""Counting attempts on both databases."""

import asyncio
from collections.abc import Callable

import pytest

from festgate.kit.clock import MINUTE
from festgate.kit.db.database import Database
from festgate.kit.errors import TooMany
from festgate.portal.accounts.attempts import (
    WINDOW,
    Limit,
    address_limit,
    clear,
    count_attempt,
    network_of,
    sign_in_limits,
    uncount_attempt,
)
from tests.rig.database import OpenDatabase

SECRET = b"s" * 32
LIMIT = Limit("a key", 3, "Too many.")


def count(database: OpenDatabase, times: int, limit: Limit = LIMIT) -> None:
    for _ in range(times):
        database.write(count_attempt, limit)


def test_so_many_attempts_are_let_through_and_not_one_more(database: OpenDatabase) -> None:
    count(database, 3)
    with pytest.raises(TooMany):
        count(database, 1)


def test_a_refusal_has_the_time_to_wait(database: OpenDatabase) -> None:
    count(database, 3)
    database.clock.move(5 * MINUTE + 500)
    with pytest.raises(TooMany) as refusal:
        count(database, 1)
    assert refusal.value.message == "Too many. Try again in 10 minutes."
    assert refusal.value.headers() == {"retry-after": "600"}


def test_the_window_ends_by_the_clock_and_the_count_begins_again(database: OpenDatabase) -> None:
    count(database, 3)
    database.clock.move(WINDOW - 1)
    with pytest.raises(TooMany) as refusal:
        count(database, 1)
    assert refusal.value.retry_after == 1
    database.clock.move(1)
    count(database, 3)
    with pytest.raises(TooMany):
        count(database, 1)


def test_being_refused_does_not_make_the_wait_longer(database: OpenDatabase) -> None:
    count(database, 3)
    database.clock.move(WINDOW - MINUTE)
    with pytest.raises(TooMany):
        count(database, 1)
    database.clock.move(MINUTE)
    count(database, 1)


def test_an_attempt_that_is_given_back_may_be_made_again(database: OpenDatabase) -> None:
    count(database, 3)
    database.write(uncount_attempt, LIMIT)
    count(database, 1)
    with pytest.raises(TooMany):
        count(database, 1)


def test_more_is_never_given_back_than_was_taken(database: OpenDatabase) -> None:
    count(database, 1)
    for _ in range(5):
        database.write(uncount_attempt, LIMIT)
    count(database, 3)
    with pytest.raises(TooMany):
        count(database, 1)


def test_after_clearing_the_count_begins_from_nothing(database: OpenDatabase) -> None:
    count(database, 3)
    database.write(clear, LIMIT)
    count(database, 3)


def test_one_key_does_not_count_for_another(database: OpenDatabase) -> None:
    count(database, 3)
    count(database, 3, Limit("another key", 3, "Too many."))


def test_of_many_attempts_at_once_the_limit_is_let_through_over_all_processes(database: OpenDatabase) -> None:
    limit = Limit("a key", 10, "Too many.")

    async def attempt() -> list[BaseException | None]:
        other = Database(database.url, clock=database.clock)
        await other.open()
        try:
            return await asyncio.gather(
                *((database.real, other)[number % 2].write(count_attempt, limit) for number in range(100)),
                return_exceptions=True,
            )
        finally:
            await other.close()

    answers = database.run(attempt())
    assert answers.count(None) == 10
    assert sum(isinstance(answer, TooMany) for answer in answers) == 90


def test_neither_names_nor_addresses_can_be_read_from_the_counts(
    database: OpenDatabase, rows: Callable[[str], list[str]]
) -> None:
    limits = [*sign_in_limits(SECRET, "asha", None, "192.0.2.7", 3), address_limit(SECRET, "192.0.2.7", 3)]
    for limit in limits:
        count(database, 1, limit)
    written = " ".join(rows("accounts_attempts"))
    assert all(limit.key in written for limit in limits)
    assert "asha" not in written
    assert "192.0.2" not in written
    # Without the secret, even trying all addresses would not reveal one.
    assert address_limit(b"x" * 32, "192.0.2.7", 3).key not in written


def test_an_account_is_one_account_however_its_name_is_typed() -> None:
    def keys(name: str, person: int | None, device: str | None = None) -> list[str]:
        return [limit.key for limit in sign_in_limits(SECRET, name, person, "192.0.2.7", 3, device)]

    assert keys("ASHA", None) == keys("asha", None)
    assert keys("asha", 7) == keys("asha@example.org", 7)
    # A name that is a number is not an account's id.
    assert len({*keys("7", None), *keys("asha", 7), *keys("asha", 7, "browser")}) == 5


@pytest.mark.parametrize(
    "host,network",
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_address_counts_with_its_network(host: str, network: str) -> None:
    assert network_of(host) == network
