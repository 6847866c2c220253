"""A fest whose payments go through a Stripe on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from festgate.portal.checkout import stripe as method
from tests.portal.checkout.stripe_fest import Fest, Person, fest_with_stripe
from tests.rig.database import OpenDatabase
from tests.rig.stripe_server import StripeServer, stripe_server


@pytest.fixture
def stripe(database: OpenDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeServer]:
    # The library goes by the environment; a proxy has nothing to do with loopback.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with stripe_server(lambda: database.clock() / 1000) as server:
        yield server


@pytest.fixture
def patience() -> float:
    """Seconds for one try of a call; a test of silence has less."""
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
    """Someone who holds a seat."""
    person = fest.person("asha")
    person.take_seats(fest.event())
    return person
