"""The fest of these tests, on each kind of database."""

import pytest

from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    """A fest on each kind of database."""
    return Fest(database)
