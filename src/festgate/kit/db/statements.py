"""SQL statements that SQLAlchemy Core compiles once for each kind of database, on their first use.

After that a call costs only what the driver costs (on SQLite about 8 us for a row by key): no compiling, no result
objects. All columns are integers, text or JSON text, so values need no conversion.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Index, MetaData, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.expression import ClauseElement, Insert, TableClause, insert, literal_column

from festgate.kit.clock import Milliseconds

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""The tables of all modules: one schema, one migration history."""


def partial_index(
    name: str, *columns: ColumnElement[Any], where: ColumnElement[bool], unique: bool = False
) -> Index:
    """Return an index of the rows that meet a condition, on either kind of database.

    The migrations create it. `Index` has an argument for each kind's condition, but loads both dialects for them, which
    takes a twentieth of a worker's start.
    """
    return Index(name, *columns, unique=unique, info={"where": where})


@lru_cache(maxsize=2)
def _dialect(name: str) -> Dialect:
    if name == "sqlite":
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415  (loaded on demand: it takes a tenth of a second)

        return sqlite.dialect(paramstyle="named")
    from sqlalchemy.dialects.postgresql import psycopg  # noqa: PLC0415

    return psycopg.dialect()  # type: ignore[no-untyped-call, no-any-return, unused-ignore]


class UniqueViolation(Exception):
    """A row that breaks a unique constraint; the operation decides what that means."""


class TryAgain(Exception):
    """A race with another process that the operation lost; the writer runs the operation again."""


class NotInQuery(Exception):
    """An attempt to change data in a query; only operations may."""


class Cursor(Protocol):
    """The result of a statement, from either driver."""

    @property
    def rowcount(self) -> int:
        """The number of changed rows."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Every row."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None."""


class Driver(Protocol):
    """A connection to either database that raises the kit's own errors."""

    dialect: str

    def execute(self, sql: str, values: Mapping[str, Any]) -> Cursor:
        """Run one statement. Raise UniqueViolation or TryAgain for those errors."""


class Statement:
    """A statement of SQLAlchemy Core that is compiled once for each kind of database."""

    __slots__ = ("_clause", "_columns", "_tables", "changes", "compiled")

    def __init__(self, clause: ClauseElement, columns: Iterable[str] | None = None) -> None:
        """Take the clause and, for an INSERT or UPDATE, the names of the columns that get values."""
        self._clause = clause
        self._columns = None if columns is None else list(columns)
        self.compiled: dict[str, tuple[str, dict[str, Any]]] = {}
        """The results of `on`, by the kind of database."""
        self._tables: frozenset[str] | None = None
        self.changes = _table_that_changes(clause)
        """Name of the table that the statement changes; None for a query."""

    @property
    def tables(self) -> frozenset[str]:
        """The names of all tables that the statement reads or changes."""
        if self._tables is None:
            self._tables = frozenset(
                element.name for element in visitors.iterate(self._clause) if isinstance(element, TableClause)
            )
        return self._tables

    def on(self, dialect: str) -> tuple[str, dict[str, Any]]:
        """Return the SQL for that kind of database, and the values that are part of the statement itself."""
        compilation = self.compiled.get(dialect)
        if compilation is None:
            # Not at import: compiling the hundred statements of the portal takes a quarter of a second.
            clause: Any = visitors.replacement_traverse(self._clause, {}, _write_out)
            compiled = clause.compile(dialect=_dialect(dialect), column_keys=self._columns)
            assert isinstance(compiled, SQLCompiler)  # noqa: S101  (a statement, unlike DDL, compiles to this)
            fixed = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}
            compilation = self.compiled[dialect] = (str(compiled), fixed)
        return compilation


def _table_that_changes(clause: ClauseElement) -> str | None:
    if not isinstance(clause, UpdateBase):
        return None
    changed = clause.table
    assert isinstance(changed, TableClause)  # noqa: S101  (nothing here changes a join)
    return changed.name


def _write_out(element: Any, **_options: Any) -> ClauseElement | None:  # noqa: ANN401  (SQLAlchemy's own hook)
    """Return a constant of the statement as SQL text instead of a parameter.

    The planner can then use a partial index with the condition `state = 'held'`, and a list of constants needs no
    expanding when the statement runs.
    """
    if not isinstance(element, BindParameter) or element.required or element.value is None:
        return None
    values = element.value if element.expanding else [element.value]
    if not all(isinstance(value, str | int) for value in values):
        return None
    texts = [
        str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'" for value in values
    ]
    written: ClauseElement = literal_column(f"({', '.join(texts)})" if element.expanding else texts[0])
    return written


def inserting(
    table: Table, columns: Iterable[str] | None = None, *, returning: str | None = None
) -> Statement:
    """Return an INSERT with a value for each of `columns`, or for every column except an automatic key.

    The other columns get the defaults that the database has for them. Binding a value takes 0.4 us, so an INSERT of a
    rush names only the columns that differ.
    """
    names = columns or [column.name for column in table.columns if column is not table.autoincrement_column]
    clause: Insert = insert(table)
    if returning is not None:
        return Statement(clause.returning(table.columns[returning]), names)
    return Statement(clause, names)


class Connection:
    """Runs the statements of an operation or query, and gives it the current time."""

    __slots__ = ("_execute", "announced", "dialect", "now", "recorded")

    def __init__(self, driver: Driver, now: Milliseconds) -> None:
        """Take the driver and the time, which stays the same for the whole operation or query."""
        self.now = now
        self.announced: set[str] = set()
        """Announced topics, and the names of the changed tables."""
        self.recorded: list[Statement] | None = None
        """The statements that were run, if they are recorded."""
        self.dialect = driver.dialect
        """The kind of database, for the few statements that differ."""
        self._execute = driver.execute

    def all(self, statement: Statement, /, **values: object) -> list[tuple[Any, ...]]:
        """Return all rows."""
        return self._run(statement, values).fetchall()

    def first(self, statement: Statement, /, **values: object) -> tuple[Any, ...] | None:
        """Return the first row, or None."""
        return self._run(statement, values).fetchone()

    def value(self, statement: Statement, /, **values: object) -> Any:  # noqa: ANN401  (a column may be any type)
        """Return the first column of the first row; None if there is no row."""
        row = self._run(statement, values).fetchone()
        return None if row is None else row[0]

    def run(self, statement: Statement, /, **values: object) -> int:
        """Run a statement that changes rows; return how many it changed."""
        return self._run(statement, values).rowcount

    def _change(self, table: str) -> None:
        self.announced.add(table)

    def announce(self, topic: str) -> None:
        """Call the listeners of `topic` after COMMIT."""
        self.announced.add(topic)

    def _run(self, statement: Statement, values: dict[str, object]) -> Cursor:
        if statement.changes is not None:
            self._change(statement.changes)
        if self.recorded is not None:
            self.recorded.append(statement)
        # The dictionary is read here because a call of `on` takes a tenth of the time of a quick statement.
        sql, fixed = statement.compiled.get(self.dialect) or statement.on(self.dialect)
        return self._execute(sql, {**fixed, **values} if fixed else values)


class QueryConnection(Connection):
    """A connection for queries, which refuses every change."""

    __slots__ = ()

    def _change(self, table: str) -> None:
        msg = f"a query cannot change {table}"
        raise NotInQuery(msg)
