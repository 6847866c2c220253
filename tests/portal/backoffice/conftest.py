"""Fixtures of the office's tests."""

from collections.abc import Iterator

import pytest

from tests.portal.backoffice.office import Office, open_office


@pytest.fixture(scope="package")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Provide a fest with guests, which the tests of the API share."""
    with open_office(tmp_path_factory.mktemp("office") / "fest") as opened:
        yield opened
