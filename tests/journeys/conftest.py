"""Fixtures of whole flows."""

from collections.abc import Iterator

import pytest

from tests.journeys.siege import Fest, siege
from tests.rig.database import copy_of
from tests.rig.postgres import Cluster


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def besieged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    """A fest on each kind of database, for tests that send it what no form of ours would send."""
    data = tmp_path_factory.mktemp("siege") / "fest"
    if request.param == "sqlite":
        with siege(copy_of(request.getfixturevalue("migrated_sqlite"), data), data) as fest:
            yield fest
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    name = cluster.create(request.getfixturevalue("migrated_postgres"))
    with siege(cluster.url(name), data) as fest:
        yield fest
    cluster.drop(name)
