"""Runs the migrations, all in one transaction: on either database they happen as a whole or not at all."""

from alembic import context
from sqlalchemy import create_engine, event, pool

_config = context.config
_engine = create_engine(_config.attributes["url"], poolclass=pool.NullPool)

if _engine.dialect.name == "sqlite":

    @event.listens_for(_engine, "connect")
    def _own_transactions(connection, _record):  # type: ignore[no-untyped-def]
        # Python's driver would commit before DDL; SQLAlchemy's way to have it not is to begin by hand.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")

    @event.listens_for(_engine, "begin")
    def _begin(connection):  # type: ignore[no-untyped-def]
        # IMMEDIATE: of two processes that start at once one migrates, and the other then finds it done.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


with _engine.connect() as connection:
    if _engine.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_lock(7263541)")
        connection.commit()
    context.configure(
        connection=connection,
        target_metadata=_config.attributes.get("metadata"),
        render_as_batch=_engine.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()
