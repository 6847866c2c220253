"""Commands report a damaged file with the remedy, and the portal reports it until a backup is restored."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from festgate.kit.db import schema
from festgate.kit.db.damage import damage_of
from festgate.kit.db.notes import find_note
from festgate.kit.db.probe import NOTE, note_written
from festgate.kit.errors import StartupError, Unavailable
from festgate.settings import Settings
from tests.rig.database import OpenDatabase, open_database
from tests.rig.server import festgate

HOW_TO = "back-up-and-restore"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "fest")
    schema.upgrade(settings)
    return settings


def damage_page(path: Path, table: str) -> None:
    """Overwrite the root page of a table."""
    connection = sqlite3.connect(path)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


def break_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\0" * 64)


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def break_index(path: Path) -> None:
    damage_page(path, "ix_kit_mail_due")


def break_table(path: Path) -> None:
    damage_page(path, "accounts_people")


@pytest.mark.parametrize("damage", [break_header, truncate, break_index, break_table])
def test_a_damaged_file_is_reported_by_start_backup_and_check_with_the_remedy(
    settings: Settings, damage: object
) -> None:
    assert callable(damage)
    damage(settings.sqlite_path)
    with pytest.raises(StartupError, match=HOW_TO):
        schema.refuse_damaged(settings) if schema.revision(settings) else None
    with pytest.raises(StartupError, match=HOW_TO):
        schema.backup(settings)
    assert not list((settings.data_dir / "backups").glob("*"))
    process = festgate("db", "check", data=settings.data_dir)
    assert process.returncode in (1, 2)
    assert HOW_TO in process.stdout + process.stderr
    assert "Traceback" not in process.stderr


def test_damage_that_a_query_encounters_is_remembered(settings: Settings) -> None:
    damage_page(settings.sqlite_path, "sqlite_autoindex_kit_notes_1")
    with open_database(settings.url) as database:
        assert not database.real.damage
        with pytest.raises(Unavailable):
            database.run(database.real.read(find_note, NOTE))
        assert "malformed" in database.real.damage


@pytest.mark.parametrize("state", ["XX001", "XX002"])
def test_postgresql_errors_about_damage_are_recognised(state: str) -> None:
    error = psycopg.errors.lookup(state)("invalid page in block 7 of relation base/1/2\nCONTEXT: more")
    unavailable = Unavailable()
    unavailable.__cause__ = error
    assert damage_of(unavailable) == "invalid page in block 7 of relation base/1/2"
    assert not damage_of(psycopg.errors.lookup("53100")("could not extend file: No space left on device"))


def test_the_probe_of_readyz_commits_a_write(database: OpenDatabase) -> None:
    database.write(note_written)
    first = database.read(find_note, NOTE)
    database.clock.move(1000)
    database.write(note_written)
    assert database.read(find_note, NOTE) not in (None, first)


@pytest.mark.parametrize("damage", [break_header, truncate])
@pytest.mark.parametrize(
    "arguments", [("check",), ("db", "upgrade"), ("db", "backup"), ("serve", "--port", "0")]
)
def test_every_command_on_a_damaged_file_prints_one_line_with_the_remedy(
    settings: Settings, arguments: tuple[str, ...], damage: Callable[[Path], None]
) -> None:
    damage(settings.sqlite_path)
    before = settings.sqlite_path.read_bytes()
    process = festgate(*arguments, data=settings.data_dir, extra={"COLUMNS": "1000"})
    assert process.returncode == 2, process.stdout + process.stderr
    assert HOW_TO in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1
    assert settings.sqlite_path.read_bytes() == before
