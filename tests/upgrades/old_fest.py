"""Data folders of an older release, and the data that every migration has to keep."""

import json
import lzma
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, column, create_engine, func, inspect, select
from sqlalchemy import table as sql_table

from festgate.kit.db import schema
from festgate.settings import Settings
from tests.upgrades.make_fixture import DUMP, MANIFEST

DATA = Path(__file__).parent / "data"
OLD_SCHEMA = "0004"
"""The schema version of the release that made them."""
KEPT: Mapping[str, tuple[str, ...]] = {
    "accounts_people": ("id", "username", "email", "password_hash"),
    "accounts_sessions": ("token_hash", "person_id", "kind", "expires_at"),
    "catalogue_events": ("id", "slug", "state", "title", "starts_at", "fee_minor", "currency"),
    "catalogue_seats": ("event_id", "capacity", "taken", "on_sale"),
    "registrations_seats": ("id", "event_id", "person_id", "state", "fee_minor", "currency", "order_id"),
    "checkout_orders": ("id", "ref", "person_id", "state", "method", "total_minor", "paid_minor", "pay_url"),
    "checkout_lines": ("order_id", "seat_id", "title", "fee_minor"),
    "checkout_refunds": ("id", "order_id", "seat_id", "amount_minor", "done_at"),
    "tickets_tickets": ("code", "seat_id", "person_id", "state", "admitted_at", "admitted_by"),
    "kit_facts": ("id", "kind", "payload", "due_at", "attempts", "error"),
    "kit_deliveries": ("fact_id", "handler"),
    "kit_mail": ("id", "topic", "recipient", "subject", "body", "attachments", "sent_at", "attempts"),
}
"""Columns of each table whose values stay the same in every row."""


@dataclass(frozen=True)
class OldFest:
    """A data folder of an older release; its database is not upgraded yet."""

    settings: Settings
    manifest: Mapping[str, Any]

    @property
    def now(self) -> int:
        """The moment at which the older release was stopped."""
        return int(self.manifest["now"])

    def columns(self) -> dict[str, list[str]]:
        """Return the columns of each table as the database has them now."""
        engine = create_engine(schema.alembic_url(self.settings.url))
        try:
            inspector = inspect(engine)
            return {
                table: [column["name"] for column in inspector.get_columns(table)]
                for table in inspector.get_table_names()
                if table != "alembic_version"
            }
        finally:
            engine.dispose()

    def summary(self, columns: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
        """Return counts, sums and contents of these columns, which no migration may change."""
        engine = create_engine(schema.alembic_url(self.settings.url))
        try:
            with engine.connect() as connection:
                return {table: dict(_contents(connection, table, names)) for table, names in columns.items()}
        finally:
            engine.dispose()

    def rows(self, columns: Mapping[str, Sequence[str]]) -> dict[str, Sequence[Sequence[Any]]]:
        """Return all rows of these columns, by table."""
        engine = create_engine(schema.alembic_url(self.settings.url))
        try:
            with engine.connect() as connection:
                return {
                    table: connection.execute(select(*map(column, names)).select_from(sql_table(table))).all()
                    for table, names in columns.items()
                }
        finally:
            engine.dispose()


def _contents(connection: Connection, table: str, names: Sequence[str]) -> Iterable[tuple[str, Any]]:
    """Yield the number of rows, rows and sums of money by state, method, kind and currency, and the KEPT columns."""
    rows = sql_table(table, *(column(name) for name in names))
    by = [rows.c[name] for name in ("state", "method", "kind", "currency") if name in names]
    yield "rows", connection.scalar(select(func.count()).select_from(rows))
    if by:
        groups = connection.execute(select(*by, func.count()).group_by(*by))
        yield "rows by group", {tuple(key): count for *key, count in groups}
    for money in (name for name in names if name.endswith("_minor")):
        sums = connection.execute(select(*by, func.sum(rows.c[money])).group_by(*by))
        yield f"sum of {money}", {tuple(key): None if total is None else int(total) for *key, total in sums}
    if kept := KEPT.get(table):
        content = connection.execute(select(*(rows.c[name] for name in kept)))
        yield "content", sorted((tuple(row) for row in content), key=repr)


def unpack(archive: str, folder: Path) -> Path:
    """Unpack one of the archives of DATA into the folder."""
    raw = BytesIO(lzma.decompress((DATA / archive).read_bytes()))
    with tarfile.open(fileobj=raw) as tar:
        tar.extractall(folder, filter="data")
    return folder


def open_old(kind: str, folder: Path, postgres_url: str) -> OldFest:
    """Put an old fest in place: `sqlite`, its `backup`, or `postgresql` in the empty database of that address."""
    folder.mkdir(mode=0o700, parents=True)
    unpack(f"{'postgresql' if kind == 'postgresql' else 'sqlite'}.tar.xz", folder)
    settings = Settings(data_dir=folder, database_url=postgres_url if kind == "postgresql" else "")
    if kind == "postgresql":
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute((folder / DUMP).read_bytes())
    elif kind == "backup":
        (copy,) = (folder / "backups").iterdir()
        copy.replace(settings.sqlite_path)
    return OldFest(settings, json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
