"""The fixture `fest`."""

import pytest

from tests.portal.tickets.fest import Fest
from tests.rig.database import OpenDatabase


@pytest.fixture
def fest(database: OpenDatabase) -> Fest:
    """Create a fest on each kind of database."""
    return Fest(database)
