"""Fixtures for the tests of whole journeys."""

from collections.abc import Iterator

import pytest

from tests.journeys.served_fest import Fest, serve_fest
from tests.rig.database import copy_of
from tests.rig.postgres import Cluster


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served_fest(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    """Serve a fest on each kind of database, for requests that no form of the portal sends."""
    data = tmp_path_factory.mktemp("served") / "fest"
    if request.param == "sqlite":
        with serve_fest(copy_of(request.getfixturevalue("migrated_sqlite"), data), data) as fest:
            yield fest
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    name = cluster.create(request.getfixturevalue("migrated_postgres"))
    with serve_fest(cluster.url(name), data) as fest:
        yield fest
    cluster.drop(name)
