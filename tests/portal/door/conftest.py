"""The fest of the door's tests."""

import pytest

from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    """A fest on each kind of database."""
    return Fest(database)
