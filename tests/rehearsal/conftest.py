"""Load generators are forked with Locust imported, instead of started anew for each run."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.rig import command


@pytest.fixture(scope="module", autouse=True)
def _forked_generators(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fork them in all files but those with `NEW_PROCESSES = True`."""
    with nullcontext() if getattr(request.module, "NEW_PROCESSES", False) else command.forked():
        yield
