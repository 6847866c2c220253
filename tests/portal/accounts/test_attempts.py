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


def test_attempts_up_to_the_limit_are_allowed(database: OpenDatabase) -> None:
    count(database, 3)
    with pytest.raises(TooMany):
        count(database, 1)


def test_a_refused_attempt_has_the_time_to_wait(database: OpenDatabase) -> None:
    count(database, 3)
    database.clock.move(5 * MINUTE + 500)
    with pytest.raises(TooMany) as refusal:
        count(database, 1)
    assert refusal.value.message == "Too many. Try again in 10 minutes."
    assert refusal.value.headers() == {"retry-after": "600"}


def test_the_count_starts_again_after_the_window(database: OpenDatabase) -> None:
    count(database, 3)
    database.clock.move(WINDOW - 1)
    with pytest.raises(TooMany) as refusal:
        count(database, 1)
    assert refusal.value.retry_after == 1
    database.clock.move(1)
    count(database, 3)
    with pytest.raises(TooMany):
        count(database, 1)


def test_a_refused_attempt_does_not_extend_the_wait(database: OpenDatabase) -> None:
    count(database, 3)
    database.clock.move(WINDOW - MINUTE)
    with pytest.raises(TooMany):
        count(database, 1)
    database.clock.move(MINUTE)
    count(database, 1)


def test_an_uncounted_attempt_may_be_made_again(database: OpenDatabase) -> None:
    count(database, 3)
    database.write(uncount_attempt, LIMIT)
    count(database, 1)
    with pytest.raises(TooMany):
        count(database, 1)


def test_uncounting_never_goes_below_zero(database: OpenDatabase) -> None:
    count(database, 1)
    for _ in range(5):
        database.write(uncount_attempt, LIMIT)
    count(database, 3)
    with pytest.raises(TooMany):
        count(database, 1)


def test_clearing_resets_the_count(database: OpenDatabase) -> None:
    count(database, 3)
    database.write(clear, LIMIT)
    count(database, 3)


def test_keys_are_counted_separately(database: OpenDatabase) -> None:
    count(database, 3)
    count(database, 3, Limit("another key", 3, "Too many."))


def test_the_limit_holds_for_simultaneous_attempts_in_several_processes(database: OpenDatabase) -> None:
    limit = Limit("a key", 10, "Too many.")

    async def attempt_many_times() -> list[BaseException | None]:
        other_database = Database(database.url, clock=database.clock)
        await other_database.open()
        try:
            return await asyncio.gather(
                *(
                    (database.real, other_database)[number % 2].write(count_attempt, limit)
                    for number in range(100)
                ),
                return_exceptions=True,
            )
        finally:
            await other_database.close()

    results = database.run(attempt_many_times())
    assert results.count(None) == 10
    assert sum(isinstance(result, TooMany) for result in results) == 90


def test_stored_counts_contain_neither_names_nor_addresses(
    database: OpenDatabase, rows: Callable[[str], list[str]]
) -> None:
    limits = [*sign_in_limits(SECRET, "asha", None, "192.0.2.7", 3), address_limit(SECRET, "192.0.2.7", 3)]
    for limit in limits:
        count(database, 1, limit)
    stored_text = " ".join(rows("accounts_attempts"))
    assert all(limit.key in stored_text for limit in limits)
    assert "asha" not in stored_text
    assert "192.0.2" not in stored_text
    # Without the secret, even trying all addresses would not reveal one.
    assert address_limit(b"x" * 32, "192.0.2.7", 3).key not in stored_text


def test_an_account_has_the_same_keys_for_every_spelling_of_its_name() -> None:
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
def test_an_ipv6_address_is_counted_by_its_network(host: str, network: str) -> None:
    assert network_of(host) == network
