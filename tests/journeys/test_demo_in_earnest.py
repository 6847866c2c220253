"""`festgate serve --demo`, as a program: it serves its own folders, and leaves those of a real fest alone."""

import hashlib
from pathlib import Path

import httpx

from tests.rig.server import festgate, serving
from tests.upgrades.old_fest import MADE_AT, open_old


def content(folder: Path) -> dict[str, str]:
    """The digest of each file of the data, by name; not of SQLite's index of the log, which every reader remakes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".sqlite3-shm" and not path.name.endswith(("-shm", "-wal"))
    }


def test_the_folder_of_a_fest_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    data = tmp_path / "fest"
    festgate("user", "add", "Asha", "--email", "asha@example.org", data=data)
    before = content(data)
    done = festgate("serve", "--demo", "--port", "0", data=data)
    assert done.returncode == 2, done.stdout
    assert "1 accounts that the demo did not make" in done.stderr
    assert "without --demo" in done.stderr
    assert content(data) == before


def test_a_fest_of_an_older_release_is_refused_before_its_schema_is_upgraded(tmp_path: Path) -> None:
    old = open_old("sqlite", tmp_path / "fest", "")
    before = content(old.settings.data_dir)
    done = festgate("serve", "--demo", "--port", "0", data=old.settings.data_dir)
    assert done.returncode == 2, done.stdout
    assert "that the demo did not make" in done.stderr
    assert content(old.settings.data_dir) == before
    assert MADE_AT < "0005"


def test_two_workers_serve_the_demo_and_serve_it_again_with_its_visitors(tmp_path: Path) -> None:
    with serving(tmp_path / "fest", "--demo", "--workers", "2") as server:
        account = {"username": "asha", "email": "asha@example.org", "password": "four words nobody tries"}
        assert httpx.post(f"{server.url}/register", data=account, trust_env=False).status_code == 303
        assert "Sign in as organiser" in server.log()
        assert server.stop() == 0
        server.start()
        assert httpx.get(f"{server.url}/readyz", trust_env=False).status_code == 200
    assert festgate("check", data=tmp_path / "fest").returncode == 0
