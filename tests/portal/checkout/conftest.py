"""Fixtures for a fest whose payments go through a Stripe server on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from festgate.portal.checkout import stripe as method
from tests.portal.checkout.stripe_fest import Fest, Person, fest_with_stripe
from tests.rig.database import OpenDatabase
from tests.rig.stripe_server import StripeServer, stripe_server


@pytest.fixture
def stripe(database: OpenDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeServer]:
    # The library reads proxies from the environment; loopback must not go through one.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with stripe_server(lambda: database.clock() / 1000) as server:
        yield server


@pytest.fixture
def patience() -> float:
    """Return the seconds for one attempt of a call; tests of timeouts override it."""
    return method.PATIENCE


@pytest.fixture
def fest(
    database: OpenDatabase,
    stripe: StripeServer,
    tmp_path: Path,
    patience: float,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Fest]:
    monkeypatch.setattr(method, "PATIENCE", patience)
    with fest_with_stripe(database, stripe, tmp_path / "fest") as fest:
        yield fest


@pytest.fixture
def asha(fest: Fest) -> Person:
    """Create a person who holds a seat."""
    person = fest.person("asha")
    person.take_seats(fest.event())
    return person
