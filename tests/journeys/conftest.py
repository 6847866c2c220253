"""Fixtures for the tests of whole journeys."""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser

from tests.journeys.gallery import Gallery, gallery
from tests.journeys.served_fest import Fest, serve_fest
from tests.journeys.viewer import Viewer
from tests.rig.browser import PHONE, visit
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


@pytest.fixture(scope="module")
def shown_fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """Serve a fest with every state of every page."""
    with gallery(tmp_path_factory.mktemp("shown") / "fest") as fest:
        yield fest


@pytest.fixture(scope="module")
def viewer(browser: Browser, shown_fest: Gallery) -> Iterator[Viewer]:
    """Open a browser for the pages of the fest."""
    with visit(browser, viewport=PHONE) as visitor:
        yield Viewer(visitor, shown_fest)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Provide connections that are kept: a new one for each example takes a sixth of the time of these tests."""
    with requests.Session() as kept:
        kept.trust_env = False
        yield kept
