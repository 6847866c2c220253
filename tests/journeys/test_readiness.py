"""`/readyz` fails while the database cannot be written, and after damaged data were found until a restart."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil

from tests.journeys.stage import before_opening, invite_one, query_file
from tests.rig.server import Serve, Server, serving
from tests.rig.waiting import until

PROBE_ROWS = "SELECT count(*) FROM kit_notes WHERE name = 'last written'"


def readiness(server: Server) -> tuple[int, str]:
    answer = httpx.get(f"{server.url}/readyz", trust_env=False, verify=False, timeout=30)
    return answer.status_code, answer.text


@contextmanager
def full_disk(server: Server) -> Iterator[None]:
    """Let no file of the worker grow until the end of the block, as on a full disk."""
    (worker,) = psutil.Process(server.pid).children()
    soft, hard = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (soft, hard))


def test_readyz_fails_while_the_disk_is_full_and_then_recovers(serve: Serve) -> None:
    server = serve()
    assert readiness(server)[0] == 200
    assert query_file(server.data, PROBE_ROWS) == [(1,)]
    with full_disk(server):
        until(lambda: readiness(server)[0] == 503, "/readyz notices the full disk")
        assert "cannot be read and written" in readiness(server)[1]
        reading = httpx.get(f"{server.url}/events", trust_env=False, verify=False)
        assert reading.status_code == 200
    until(lambda: readiness(server)[0] == 200, "/readyz recovers")


def test_concurrent_readyz_requests_share_one_write(serve: Serve) -> None:
    server = serve()
    with closing(sqlite3.connect(server.data / "festgate.sqlite3")) as observer:
        (before,) = observer.execute("PRAGMA data_version").fetchone()
        changes = set()
        with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
            for _ in range(200):
                assert client.get("/readyz").status_code == 200
                changes.add(observer.execute("PRAGMA data_version").fetchone()[0])
    assert len(changes - {before}) < 100


def test_a_damaged_database_page_is_reported_until_a_restart(tmp_path: Path) -> None:
    with before_opening(tmp_path / "fest") as database:
        guest = database.write(invite_one, "asha")
    path = tmp_path / "fest" / "festgate.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_master WHERE tbl_name = 'registrations_seats'"
        pages = [page for (page,) in connection.execute(query)]
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with serving(tmp_path / "fest") as server:
        with path.open("r+b") as file:
            for page in pages:
                file.seek((page - 1) * size)
                file.write(b"\xa5" * size)
        with guest.browser(server) as browser:
            assert browser.get("/my-events").status_code == 503
        status, text = readiness(server)
    assert status == 503
    assert "damaged" in text
