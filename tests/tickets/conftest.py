"""The fest of these tests, on each kind of database."""

import pytest

from tests.rig.database import OpenDatabase
from tests.tickets.fest import Fest


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    """A fest on each kind of database."""
    return Fest(database)
