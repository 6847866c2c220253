"""The database's schema: brought up to date at start, after a backup; refused when it is newer than the program."""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from festgate.addresses import hide_in
from festgate.kit.errors import StartupError
from festgate.kit.secret import make_private
from festgate.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger()

HEAD = "0008"
"""The newest migration, so that a start with nothing to do need not load Alembic (a fifth of a second)."""


def upgrade(settings: Settings) -> str | None:
    """Bring the schema up to date. The revision it had before, None for a new database.

    An existing SQLite file is backed up first. Raises StartupError for a database that is newer than this program, or
    cannot be reached or written.
    """
    before = revision(settings)
    if before == HEAD:
        return before
    _refuse_newer(settings, before)
    if before is not None and not settings.database_url:
        path = backup(settings, f"before-{HEAD}")
        log.info("backed up before the schema changes", file=str(path))
    _run_alembic(settings)
    return before


def revision(settings: Settings) -> str | None:
    """The migration that the database is at; None when it has none yet."""
    if settings.database_url:
        return _postgres_revision(settings.database_url)
    path = settings.sqlite_path
    try:
        make_private(path.parent)
        if not path.exists() or path.stat().st_size == 0:
            return None
        connection = sqlite3.connect(path, timeout=10)
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        msg = f"The database {path} cannot be opened: {error}."
        raise StartupError(msg) from error
    except sqlite3.DatabaseError as error:
        msg = f"{path} is not a database of this program: {error}."
        raise StartupError(msg) from error
    except OSError as error:
        msg = (
            f"The data folder {path.parent} cannot be used: {error.strerror or error}. Set FESTGATE_DATA_DIR."
        )
        raise StartupError(msg) from error
    return str(row[0]) if row else None


def backup(settings: Settings, label: str = "manual") -> Path:
    """Copy the SQLite file, also while the portal serves, to `backups/` in the data folder; the copy's path.

    The copy appears under its name only when it is whole. Raises StartupError when there is nothing to copy.
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
        folder.mkdir(parents=True, exist_ok=True)
        source = sqlite3.connect(source_path, timeout=10)
        target = sqlite3.connect(unfinished)
        try:
            source.backup(target, pages=1000)
        finally:
            target.close()
            source.close()
        return unfinished.replace(folder / name)
    except (OSError, sqlite3.Error) as error:
        unfinished.unlink(missing_ok=True)
        msg = f"The backup to {folder} failed: {error}. Nothing was changed."
        raise StartupError(msg) from error


def integrity(settings: Settings) -> list[str]:
    """What SQLite finds wrong with the file itself, in its own words; nothing found is the good answer."""
    if settings.database_url:
        return []
    connection = sqlite3.connect(settings.sqlite_path, timeout=10)
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [
            f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there"
            for row in connection.execute("PRAGMA foreign_key_check")
        ]
    finally:
        connection.close()
    return found


def _postgres_revision(url: str) -> str | None:
    try:
        import psycopg  # noqa: PLC0415  (an extra)
    except ImportError as error:
        msg = 'PostgreSQL needs the extra: pip install "festgate[postgres]"'
        raise StartupError(msg) from error
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None
    except psycopg.Error as error:
        said = hide_in(" ".join(str(error).split()), url)  # it comes in several lines
        msg = f"PostgreSQL cannot be reached ({said}). Check database_url and that the server runs."
        raise StartupError(msg) from None


def _refuse_newer(settings: Settings, before: str | None) -> None:
    if before is not None and before > HEAD:
        where = "The database" if settings.database_url else f"The database {settings.sqlite_path}"
        msg = f"{where} is newer ({before}) than this program ({HEAD}). Install a newer version."
        raise StartupError(msg)


def unapplied(settings: Settings) -> dict[str, str]:
    """The modules whose tables are not up to date, as one of their migrations failed, and what to say of each."""
    now = revision(settings)
    if now is None or now >= HEAD:
        return {}
    return {
        module: f"Its migration {name} has not been carried out; the log of the start says why."
        for name, module in _owners(settings)
        if module is not None and name > now
    }


def _owners(settings: Settings) -> list[tuple[str, str | None]]:
    """(migration, the module that it belongs to), oldest first; None for what the whole portal stands on."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  (see HEAD)

    scripts = ScriptDirectory.from_config(_alembic_config(settings)).walk_revisions()
    return [(script.revision, getattr(script.module, "MODULE", None)) for script in reversed(list(scripts))]


def _alembic_config(settings: Settings) -> "Config":
    from alembic.config import Config  # noqa: PLC0415  (see HEAD)

    config = Config()
    config.set_main_option("script_location", "festgate:migrations")
    config.attributes["url"] = alembic_url(settings.url)
    return config


def _run_alembic(settings: Settings) -> None:
    """All migrations in one transaction; where that fails, one after the other as far as they go.

    A migration that says whose it is (`MODULE`) leaves only that module, and what comes after it, behind.
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
                log.exception("a migration failed; its module stays closed", migration=name, module=module)
                return
        msg = f"The database could not be brought up to date: {hide_in(str(error), settings.database_url)}. It is as it was before."
        raise StartupError(msg) from error


def alembic_url(url: str) -> str:
    """The address as SQLAlchemy writes it."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url
