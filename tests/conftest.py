"""Fixtures for all tests, and the guard against connections to other machines."""

import gc
import signal
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import structlog
from hypothesis import settings
from playwright.sync_api import Browser, Page

from festgate.kit.process import raise_file_limit
from tests.rig import browser as browsers
from tests.rig import database as databases
from tests.rig import postgres, recycled
from tests.rig.loopback import Guard
from tests.rig.server import Serve, Server
from tests.rig.smtp import Mailbox, smtp_server

GUARD = Guard()
BROWSER = browsers.Shared()
SERVERS = pytest.StashKey[list[Server]]()

BROWSERS = "files that need a browser"
"""The position of all files whose tests need a browser, because successive files share it."""
SLOWEST_FIRST = (
    # Files that compute and files that mostly wait, alternately.
    "drills/test_set_of_modules",
    "lab/test_exercise",
    "rehearsal/test_portal_compared",
    "lab/test_grading",
    "drills/test_set_of_payments",
    "docs/test_rehearsal_docs",
    "drills/test_set",
    "lab/test_handout",
    "rehearsal/test_locustfiles",
    "lab/test_other_starter",
    "drills/test_without",
    "lab/test_verify",
    "rehearsal/test_commands",
    "rehearsal/test_journeys",
    "lab/test_compare",
    "rehearsal/test_findings_on_real_runs",
    "docs/test_how_tos",
    BROWSERS,
    "journeys/",
    "rehearsal/",
    "upgrades/",
    "test_wheel",
)
"""The slowest files start first, so that none of them still runs when all others are done."""

# No deadline: the time of an example depends more on the machine's load than on the code.
settings.register_profile("festgate", deadline=None, print_blob=True)
settings.load_profile("festgate")


def pytest_configure() -> None:
    GUARD.install()
    raise_file_limit()
    # A shell that starts the tests in the background ignores SIGINT, and all their child processes inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Modules and tests stay until the end, so the garbage collector does not scan them.
    gc.disable()
    # structlog's default renders a traceback with all its variables, which takes 150 ms each.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files by SLOWEST_FIRST; other files, and the tests of a file, keep their order."""
    browser_files = {item.path for item in items if "browser" in getattr(item, "fixturenames", ())}

    def position(item: pytest.Item) -> int:
        positions = (number for number, name in enumerate(SLOWEST_FIRST) if f"tests/{name}" in item.nodeid)
        return min(
            next(positions, len(SLOWEST_FIRST)),
            SLOWEST_FIRST.index(BROWSERS) if item.path in browser_files else len(SLOWEST_FIRST),
        )

    items.sort(key=position)
    BROWSER.files = browser_files


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Generator[None]:
    """Close the shared browser unless the next file needs it."""
    yield
    if nextitem is None or nextitem.path not in BROWSER.files:
        BROWSER.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the output of the servers of a failed test."""
    report = yield
    if report.failed:
        for server in item.stash.get(SERVERS, []):
            report.sections.append((f"festgate serve at {server.url} ({report.when})", server.log_tail()))
    return report


@pytest.fixture(autouse=True)
def _on_this_machine() -> Iterator[None]:
    """Fail a test that tried to connect to another machine, even if the code swallowed the exception."""
    GUARD.take()
    yield
    refused = GUARD.take()
    assert not refused, f"the test left this machine: {refused}"


@pytest.fixture
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    """Start servers that end with the test: `serve("--demo").url`."""
    servers = request.node.stash.setdefault(SERVERS, [])
    endings = ExitStack()

    def start(
        *arguments: str,
        data: Path | None = None,
        extra: Mapping[str, str] | None = None,
        first_run: bool = False,
    ) -> Server:
        folder = data or tmp_path / f"data-{len(servers) + 1}"
        server = Server(folder, *arguments, extra=extra, first_run=first_run)
        servers.append(server)
        endings.callback(server.end)
        server.start()
        return server

    with endings:
        yield start


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    """Start a PostgreSQL cluster for this test process."""
    with postgres.cluster() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """Create an empty database for this test; return its address."""
    name = postgres_cluster.create()
    yield postgres_cluster.url(name)
    postgres_cluster.drop(name)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create an SQLite file with the newest schema, for copies."""
    return databases.migrated_file(tmp_path_factory.mktemp("migrated"))


@pytest.fixture(scope="session")
def migrated_postgres(postgres_cluster: postgres.Cluster) -> str:
    """Create a PostgreSQL database with the newest schema, for copies."""
    return databases.migrated_template(postgres_cluster)


@pytest.fixture(scope="session")
def emptied_postgres(
    postgres_cluster: postgres.Cluster, migrated_postgres: str
) -> Iterator[recycled.Recycled]:
    """Provide PostgreSQL databases with the newest schema and no data."""
    with closing(recycled.Recycled(postgres_cluster, migrated_postgres)) as emptied:
        yield emptied


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of an empty, migrated database of each kind for this test."""
    if request.param == "sqlite":
        yield databases.copy_of(request.getfixturevalue("migrated_sqlite"), tmp_path / "fest")
        return
    emptied: recycled.Recycled = request.getfixturevalue("emptied_postgres")
    with emptied.lent() as name:
        yield emptied.cluster.url(name)


@pytest.fixture
def database(database_url: str) -> Iterator[databases.OpenDatabase]:
    """Open a database of each kind, with a clock that the test moves (`database.clock.move(HOUR)`)."""
    with databases.open_database(database_url) as opened:
        yield opened


TwoDatabases: TypeAlias = tuple[databases.OpenDatabase, databases.OpenDatabase]


@pytest.fixture
def two_databases(
    emptied_postgres: recycled.Recycled,
) -> Iterator[tuple[databases.OpenDatabase, databases.OpenDatabase]]:
    """Open one PostgreSQL database for each of two processes."""
    with emptied_postgres.lent() as name:
        url = emptied_postgres.cluster.url(name)
        with databases.open_database(url) as database, databases.open_database(url) as other_database:
            yield database, other_database


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Start an SMTP server on loopback; return its mailbox."""
    with smtp_server() as box:
        yield box


@pytest.fixture(scope="module")
def browser() -> Browser:
    """Provide Chromium for a test file, which then cannot use `asyncio.run` (tests/rig/browser.py)."""
    return BROWSER.running()


@pytest.fixture
def browser_options() -> dict[str, Any]:
    """Return the options of the visitor's browser; a test or a file overrides them (phone, dark, no JavaScript)."""
    return {}


@pytest.fixture
def page(browser: Browser, browser_options: dict[str, Any]) -> Iterator[Page]:
    """Open a page for a new visitor; fail if it contacts another machine or a script of it fails."""
    with browsers.visit(browser, **browser_options) as visit:
        yield visit.context.new_page()
        assert not visit.problems, f"forbidden requests or errors of the page: {visit.problems}"
