"""The schema: migrations, backups before them, and refusals."""

import sqlite3
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from festgate.kit.db import notes, schema
from festgate.kit.db.statements import metadata
from festgate.kit.errors import StartupError
from festgate.kit.messaging import mail
from festgate.settings import Settings
from tests.rig.database import open_database
from tests.rig.server import festgate
from tests.rules.project import ROOT

MODULES = ("audit", "accounts", "fest", "catalogue", "registrations", "checkout", "tickets")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "fest")


def set_revision(settings: Settings, revision: str) -> None:
    connection = sqlite3.connect(settings.sqlite_path)
    connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.commit()
    connection.close()


def test_the_migrations_create_exactly_the_tables_that_the_code_uses(database_url: str) -> None:
    assert notes.notes.name in metadata.tables
    for module in MODULES:
        import_module(f"festgate.portal.{module}.tables")
    engine = create_engine(schema.alembic_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_an_index_has_a_condition_in_the_code_if_the_migrations_gave_it_one(settings: Settings) -> None:
    for module in MODULES:
        import_module(f"festgate.portal.{module}.tables")
    schema.upgrade(settings)
    connection = sqlite3.connect(settings.sqlite_path)
    written = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))
    connection.close()
    partial = {name for name, sql in written.items() if " WHERE " in (sql or "")}
    indexes = [index for table in metadata.tables.values() for index in table.indexes]
    assert {index.name for index in indexes if "where" in index.info} == partial


def test_the_head_in_the_code_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(ROOT / "src/festgate/portal/migrations"))
    assert scripts.get_heads() == [schema.HEAD]


def test_a_failed_migration_keeps_earlier_ones_and_marks_its_module_unapplied(
    settings: Settings,
) -> None:
    schema.upgrade(settings)
    assert schema.unapplied(settings) == {}
    # So that 0036, the newest migration of registrations, fails because its change is there already.
    set_revision(settings, "0035")
    assert schema.upgrade(settings) == "0035"
    assert "registrations" in schema.unapplied(settings)
    assert schema.revision(settings) == "0035"


def test_a_failed_migration_of_the_whole_portal_is_an_error(settings: Settings) -> None:
    schema.upgrade(settings)
    set_revision(
        settings, "0000"
    )  # so that 0001, a migration of the whole portal, fails because its tables exist already
    with pytest.raises(StartupError, match="could not be upgraded"):
        schema.upgrade(settings)


def test_a_second_upgrade_changes_nothing_and_creates_no_backup(settings: Settings) -> None:
    assert schema.upgrade(settings) is None
    assert schema.upgrade(settings) == schema.HEAD
    assert not (settings.data_dir / "backups").exists()


def test_an_older_file_is_backed_up_before_it_is_changed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.upgrade(settings)
    before = schema.HEAD
    # A newer program whose migration fails leaves the file unchanged and its copy in place.
    monkeypatch.setattr(schema, "HEAD", "9999")

    def fail(_settings: Settings) -> None:
        raise StartupError("The migration failed.")

    monkeypatch.setattr(schema, "_run_alembic", fail)
    with pytest.raises(StartupError, match="The migration failed"):
        schema.upgrade(settings)
    (copy,) = (settings.data_dir / "backups").iterdir()
    for file in (copy, settings.sqlite_path):
        connection = sqlite3.connect(file)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(before,)]
        connection.close()


def test_a_database_newer_than_the_program_is_refused_and_unchanged(settings: Settings) -> None:
    schema.upgrade(settings)
    set_revision(settings, "9999")
    before = settings.sqlite_path.read_bytes()
    with pytest.raises(StartupError, match=r"newer \(9999\) than this program"):
        schema.upgrade(settings)
    assert settings.sqlite_path.read_bytes() == before


def test_a_file_that_is_not_a_database_is_refused_with_its_path(settings: Settings) -> None:
    settings.data_dir.mkdir()
    settings.sqlite_path.write_text("This is a letter, and it is longer than a header of SQLite. " * 20)
    with pytest.raises(StartupError, match=r"festgate\.sqlite3 is damaged .*back-up-and-restore"):
        schema.upgrade(settings)


def test_a_backup_while_the_portal_runs_is_a_complete_database(settings: Settings) -> None:
    schema.upgrade(settings)
    with open_database(settings.url) as database:
        database.write(mail.post, "topic", "someone@example.org", "Subject", "Body")
        copy = schema.backup(settings)
    with open_database(f"sqlite:///{copy}") as restored:
        assert restored.read(mail.count_waiting) == 1


def test_the_database_commands_print_their_result_or_the_problem(tmp_path: Path) -> None:
    data = tmp_path / "fest"
    missing = festgate("db", "check", data=data)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert festgate("db", "upgrade", data=data).stdout == f"Created the schema at {schema.HEAD}.\n"
    assert festgate("db", "upgrade", data=data).stdout == f"The schema is at {schema.HEAD} already.\n"
    assert Path(festgate("db", "backup", data=data).stdout.strip()).is_file()
    assert festgate("db", "check", data=data).returncode == 0
    assert festgate("check", data=data).stdout == "All invariants hold.\n"
    connection = sqlite3.connect(data / "festgate.sqlite3")
    connection.execute(
        "INSERT INTO registrations_seats (event_id, person_id, state, held_until, hold_ends_at, fee_minor, currency,"
        " taken_at, changed_at) VALUES (7, 7, 'held', 0, 0, 0, 'INR', 0, 0)"
    )
    connection.commit()
    connection.close()
    broken = festgate("db", "check", data=data)
    assert broken.returncode == 1
    assert "registrations_seats refers to a missing row of" in broken.stdout
