"""The schema of the database: upgrades, backups and integrity checks, with a refusal of a newer schema."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from festgate.addresses import hide_in
from festgate.kit.db.damage import damage_of, damaged
from festgate.kit.errors import StartupError
from festgate.kit.private import FOLDER, close_file, create_private, make_private
from festgate.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger()

MAX_CHECKED_AT_START = 256 * 2**20
"""Bytes; the check of such a file takes a quarter of a second."""
HEAD = "0048"
"""The newest migration, so that a start without an upgrade does not load Alembic, which takes a fifth of a second."""


def upgrade(settings: Settings) -> str | None:
    """Upgrade the schema. Return its previous revision, None for a new database.

    An existing SQLite file is backed up first. Raise StartupError if the database is newer than this program, or cannot
    be reached or written.
    """
    before = revision(settings)
    if before == HEAD:
        return before
    _refuse_newer(settings, before)
    if before is not None and not settings.database_url:
        path = backup(settings, f"before-{HEAD}")
        log.info("backed up the database before the upgrade", file=str(path))
    if not settings.database_url:
        create_private(settings.sqlite_path)
    _run_alembic(settings)
    return before


def revision(settings: Settings) -> str | None:
    """Return the migration that the database is at; None if it has none yet."""
    if settings.database_url:
        return _postgres_revision(settings.database_url)
    path = settings.sqlite_path
    try:
        make_private(path.parent)
        if not path.exists() or path.stat().st_size == 0:
            return None
        for suffix in ("", "-wal", "-shm"):
            close_file(path.with_name(path.name + suffix))
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        msg = f"The database {path} cannot be opened: {error}."
        raise StartupError(msg) from error
    except sqlite3.DatabaseError as error:
        msg = damaged(str(path), str(error))
        raise StartupError(msg) from error
    except OSError as error:
        msg = (
            f"The data folder {path.parent} cannot be used: {error.strerror or error}. Set FESTGATE_DATA_DIR."
        )
        raise StartupError(msg) from error
    return str(row[0]) if row else None


def backup(settings: Settings, label: str = "manual") -> Path:
    """Copy the SQLite file to `backups/` in the data folder, also while the portal is running. Return the copy's path.

    The copy gets its name once it is complete. Raise StartupError if the copy fails or there is nothing to copy.
    """
    if settings.database_url:
        msg = "The data are in PostgreSQL: back them up with pg_dump."
        raise StartupError(msg)
    source_path = settings.sqlite_path
    if not source_path.exists():
        msg = f"There is no database at {source_path} yet."
        raise StartupError(msg)
    folder = settings.data_dir / "backups"
    name = f"festgate-{datetime.now().astimezone():%Y%m%dT%H%M%S}-{label}.sqlite3"
    unfinished = folder / f".{name}"
    try:
        folder.mkdir(mode=FOLDER, parents=True, exist_ok=True)
        create_private(unfinished)
        with (
            closing(sqlite3.connect(source_path, timeout=10)) as source,
            closing(sqlite3.connect(unfinished)) as target,
        ):
            source.backup(target, pages=1000)
            # Damaged pages are copied unchanged, and such a copy would soon displace the intact backups.
            damage = _quick_check(target)
        if damage:
            unfinished.unlink()
            raise StartupError(damaged(str(source_path), damage))
        return unfinished.replace(folder / name)
    except (OSError, sqlite3.Error) as error:
        unfinished.unlink(missing_ok=True)
        if damage_of(error):
            raise StartupError(damaged(str(source_path), str(error))) from error
        msg = f"The backup to {folder} failed: {error}. Nothing was changed."
        raise StartupError(msg) from error


def integrity(settings: Settings) -> list[str]:
    """Return the problems that SQLite reports for the file; none if it is intact.

    If the damage makes SQLite stop, the list ends with the error.
    """
    if settings.database_url:
        return []
    problems: list[str] = []
    with closing(sqlite3.connect(settings.sqlite_path, timeout=10)) as connection:
        try:
            for (row,) in connection.execute("PRAGMA integrity_check"):
                if row != "ok":
                    problems.append(str(row))
            problems += [
                f"row {number} of {table} refers to a missing row of {parent}"
                for table, number, parent, _ in connection.execute("PRAGMA foreign_key_check")
            ]
        except sqlite3.DatabaseError as error:
            if not damage_of(error):
                msg = f"The database {settings.sqlite_path} cannot be read: {error}. Try again in a moment."
                raise StartupError(msg) from error
            problems.append(str(error))
    return problems


def refuse_damaged(settings: Settings) -> None:
    """Raise StartupError if the SQLite file is damaged. A file that is too large for a quick check passes."""
    path = settings.sqlite_path
    if settings.database_url or path.stat().st_size > MAX_CHECKED_AT_START:
        return
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        damage = _quick_check(connection)
    if damage:
        raise StartupError(damaged(str(path), damage))


def _quick_check(connection: sqlite3.Connection) -> str:
    """Return the first damage that SQLite reports; empty if there is none or the file is busy."""
    try:
        (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return damage_of(error)
    return "" if result == "ok" else " ".join(str(result).split())


def _postgres_revision(url: str) -> str | None:
    # The import loads SQLAlchemy, which SQLite does not need here.
    from festgate.kit.db.postgres import CONNECT_TIMEOUT, reached  # noqa: PLC0415

    with reached(url):
        import psycopg  # noqa: PLC0415  (an extra)

        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None


def _refuse_newer(settings: Settings, before: str | None) -> None:
    if before is not None and before > HEAD:
        where = "The database" if settings.database_url else f"The database {settings.sqlite_path}"
        msg = f"{where} is newer ({before}) than this program ({HEAD}). Install a newer version."
        raise StartupError(msg)


def unapplied(settings: Settings) -> dict[str, str]:
    """Return the modules with a failed migration, each with a sentence about it."""
    now = revision(settings)
    if now is None or now >= HEAD:
        return {}
    return {
        module: f"Its migration {name} failed; the log of the start has the reason."
        for name, module in _owners(settings)
        if module is not None and name > now
    }


def _owners(settings: Settings) -> list[tuple[str, str | None]]:
    """Return (migration, module) pairs, oldest first; None for migrations that the whole portal needs."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  (see HEAD)

    scripts = ScriptDirectory.from_config(_alembic_config(settings)).walk_revisions()
    return [(script.revision, getattr(script.module, "MODULE", None)) for script in reversed(list(scripts))]


def _alembic_config(settings: Settings) -> "Config":
    from alembic.config import Config  # noqa: PLC0415  (see HEAD)

    config = Config()
    config.set_main_option("script_location", "festgate.portal:migrations")
    config.attributes["url"] = alembic_url(settings.url)
    config.attributes["base_url"] = settings.base_url
    return config


def _run_alembic(settings: Settings) -> None:
    """Run all migrations in one transaction; if that fails, run them one by one up to the first failure.

    If the failed migration names its module (`MODULE`), the portal starts without that module.
    """
    from alembic import command  # noqa: PLC0415  (see HEAD)

    config = _alembic_config(settings)
    try:
        command.upgrade(config, "head")
    except Exception as error:
        before = revision(settings)
        owners = [(name, module) for name, module in _owners(settings) if name > (before or "")]
        for name, module in owners:
            try:
                command.upgrade(config, name)
            except Exception:
                if module is None:
                    break
                log.exception(
                    "a migration failed; its module stays unavailable", migration=name, module=module
                )
                return
        reason = hide_in(str(error), settings.database_url)
        msg = f"The database could not be upgraded: {reason}. It was not changed."
        raise StartupError(msg) from error


def alembic_url(url: str) -> str:
    """Return the database's address in SQLAlchemy's form."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url
