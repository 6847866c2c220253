"""`festgate serve --demo` as a process: it serves its own data folders, and refuses those of a real fest."""

import hashlib
from pathlib import Path

import httpx

from tests.rig.server import festgate, serving
from tests.upgrades.old_fest import OLD_SCHEMA, open_old


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of each data file by name, without the -wal and -shm files, which every reader changes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".sqlite3-shm" and not path.name.endswith(("-shm", "-wal"))
    }


def test_the_demo_refuses_the_data_folder_of_a_fest_and_does_not_change_it(tmp_path: Path) -> None:
    data = tmp_path / "fest"
    festgate("user", "add", "Asha", "--email", "asha@example.org", data=data)
    before = digests(data)
    result = festgate("serve", "--demo", "--port", "0", data=data)
    assert result.returncode == 2, result.stdout
    assert "1 accounts that the demo did not make" in result.stderr
    assert "without --demo" in result.stderr
    assert digests(data) == before


def test_the_demo_refuses_a_fest_of_an_older_release_before_any_migration(tmp_path: Path) -> None:
    old = open_old("sqlite", tmp_path / "fest", "")
    before = digests(old.settings.data_dir)
    result = festgate("serve", "--demo", "--port", "0", data=old.settings.data_dir)
    assert result.returncode == 2, result.stdout
    assert "that the demo did not make" in result.stderr
    assert digests(old.settings.data_dir) == before
    assert OLD_SCHEMA < "0005"


def test_two_workers_serve_the_demo_and_its_accounts_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path / "fest", "--demo", "--workers", "2") as server:
        account = {"username": "asha", "email": "asha@example.org", "password": "four words nobody tries"}
        assert (
            httpx.post(f"{server.url}/register", data=account, trust_env=False, verify=False).status_code
            == 303
        )
        assert "Sign in as organiser" in server.log()
        assert "The promo code DEMO20 makes the AI Workshop cheaper." in server.log()
        assert server.stop() == 0
        server.start()
        assert httpx.get(f"{server.url}/readyz", trust_env=False, verify=False).status_code == 200
    assert festgate("check", data=tmp_path / "fest").returncode == 0
