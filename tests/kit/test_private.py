"""The data folder is private to the portal's account, whatever the umask and the earlier permissions are."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from festgate.kit.db import schema
from festgate.kit.errors import StartupError
from festgate.kit.private import make_private
from festgate.kit.secret import load_secret
from festgate.settings import Settings
from tests.rig.database import open_database


@pytest.fixture(params=[0o000, 0o022], ids=["no umask", "default umask"])
def _set_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("_set_umask")
def test_all_created_files_are_private_to_this_account(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "fest")
    load_secret(settings.data_dir)
    schema.upgrade(settings)
    backup = schema.backup(settings)
    with open_database(settings.url):
        names = {path.name: mode(path) for path in settings.data_dir.iterdir() if path.is_file()}
    assert {"festgate.sqlite3", "festgate.sqlite3-wal", "festgate.sqlite3-shm", "secret"} <= names.keys()
    assert all(permissions & 0o077 == 0 for permissions in names.values()), names
    assert mode(settings.sqlite_path) == mode(backup) == 0o600
    assert mode(settings.data_dir) & 0o077 == mode(backup.parent) & 0o077 == 0


def test_a_folder_of_an_older_version_is_made_private_with_its_files(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "fest")
    load_secret(settings.data_dir)
    schema.upgrade(settings)
    backup = schema.backup(settings)
    for path in (settings.data_dir, backup.parent):
        path.chmod(0o755)
    for path in (settings.sqlite_path, backup, settings.data_dir / "secret"):
        path.chmod(0o644)
    load_secret(settings.data_dir)
    assert schema.revision(settings) == schema.HEAD
    assert [mode(path) for path in (settings.data_dir, backup.parent)] == [0o700, 0o700]
    assert [mode(path) for path in (settings.sqlite_path, backup, settings.data_dir / "secret")] == [
        0o600
    ] * 3


def test_stricter_permissions_are_never_loosened(tmp_path: Path) -> None:
    folder = tmp_path / "fest"
    folder.mkdir(mode=0o500)
    make_private(folder)
    assert mode(folder) == 0o500
    folder.chmod(0o700)


@pytest.mark.parametrize("permissions", [0o1777, 0o2770])
def test_a_folder_that_is_shared_on_purpose_is_refused_and_unchanged(
    tmp_path: Path, permissions: int
) -> None:
    folder = tmp_path / "fest"
    folder.mkdir()
    folder.chmod(permissions)
    with pytest.raises(StartupError, match=r"chmod 700|FESTGATE_DATA_DIR"):
        make_private(folder)
    assert mode(folder) == permissions


def test_a_readable_folder_with_unknown_files_is_refused_and_unchanged(tmp_path: Path) -> None:
    folder = tmp_path / "work of others"
    folder.mkdir()
    (folder / "thesis.txt").write_text("It is not the fest's.", encoding="utf-8")
    folder.chmod(0o755)
    with pytest.raises(StartupError, match=r"`chmod 700 '.*work of others'`"):
        make_private(folder)
    assert mode(folder) == 0o755


def test_a_symlinked_folder_is_made_private_and_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    make_private(tmp_path / "link")
    assert mode(tmp_path / "disk") == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="is a file"):
        make_private(tmp_path / "file")
