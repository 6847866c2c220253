"""SQL that is composed once with SQLAlchemy Core and then only run.

SQLAlchemy writes the SQL for SQLite and for PostgreSQL when a statement is first used on each. After that a call costs
what the driver costs (on SQLite about 8 us for a row by key): no compiling, no result objects. Columns are integers,
text and JSON text only, so values need no conversion on the way.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import MetaData, Table, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import BindParameter, ColumnElement
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
"""Every module's tables: one schema, one migration history."""


@lru_cache(maxsize=2)
def _dialect(name: str) -> Dialect:
    if name == "sqlite":
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415  (each is loaded where it is used: a tenth of a second)

        return sqlite.dialect(paramstyle="named")
    from sqlalchemy.dialects.postgresql import psycopg  # noqa: PLC0415

    return psycopg.dialect()  # type: ignore[no-untyped-call, no-any-return, unused-ignore]


class UniqueViolation(Exception):
    """A row of this kind is there already; the operation that meets it says what that means."""


class TryAgain(Exception):
    """The operation lost a race that it would win or lose cleanly a second time; the writer runs it again."""


class NotInQuery(Exception):
    """A query tried to change something; only operations do."""


class Cursor(Protocol):
    """What both drivers give back."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Every row."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None."""


class Driver(Protocol):
    """What a database's own connection does for us; errors come as ours."""

    dialect: str

    def execute(self, sql: str, values: Mapping[str, Any]) -> Cursor:
        """Run one statement; raises UniqueViolation or TryAgain where that is what happened."""


class Statement:
    """One statement of SQLAlchemy Core, compiled once for each kind of database."""

    __slots__ = ("_clause", "_columns", "_tables", "changes", "compiled")

    def __init__(self, clause: ClauseElement, columns: Iterable[str] | None = None) -> None:
        """`columns` are the names an INSERT or UPDATE takes its values for."""
        self._clause = clause
        self._columns = None if columns is None else list(columns)
        self.compiled: dict[str, tuple[str, dict[str, Any]]] = {}
        """What `on` gives, by the kind of database, once it has been asked."""
        self._tables: frozenset[str] | None = None
        self.changes = _table_that_changes(clause)
        """The name of the table that it changes; None for a query."""

    @property
    def tables(self) -> frozenset[str]:
        """The names of all tables that it reads or changes."""
        if self._tables is None:
            self._tables = frozenset(
                each.name for each in visitors.iterate(self._clause) if isinstance(each, TableClause)
            )
        return self._tables

    def on(self, dialect: str) -> tuple[str, dict[str, Any]]:
        """The SQL for that kind of database and the values that are part of the statement itself."""
        found = self.compiled.get(dialect)
        if found is None:
            # Here and not at import: composing the hundred statements of the portal takes a quarter of a second.
            clause: Any = visitors.replacement_traverse(self._clause, {}, _write_out)
            compiled = clause.compile(dialect=_dialect(dialect), column_keys=self._columns)
            assert isinstance(compiled, SQLCompiler)  # noqa: S101  (what a statement, unlike DDL, compiles to)
            fixed = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}
            found = self.compiled[dialect] = (str(compiled), fixed)
        return found


def _table_that_changes(clause: ClauseElement) -> str | None:
    if not isinstance(clause, UpdateBase):
        return None
    changed = clause.table
    assert isinstance(changed, TableClause)  # noqa: S101  (nothing here changes a join)
    return changed.name


def _write_out(element: Any, **_options: Any) -> ClauseElement | None:  # noqa: ANN401  (SQLAlchemy's own hook)
    """A constant of the statement, as SQL text instead of a parameter.

    The planner can then see that `state = 'held'` implies a partial index's own condition, and a list of constants
    needs no expanding when the statement is run.
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


def inserting(table: Table, *, returning: str | None = None) -> Statement:
    """An INSERT that takes a value for every column but a key that the database counts up itself."""
    names = [column.name for column in table.columns if column is not table.autoincrement_column]
    clause: Insert = insert(table)
    if returning is not None:
        return Statement(clause.returning(table.columns[returning]), names)
    return Statement(clause, names)


def contains(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """Return the condition that the column contains a text, whose `like_pattern` is given as that parameter."""
    return column.like(bindparam(parameter), escape="\\")


def like_pattern(text: str) -> str:
    r"""Return the LIKE pattern for columns that contain `text`; `%`, `_` and `\` in it have no special meaning."""
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


class Connection:
    """What every operation and query gets: a place to run statements, and the time that they are run at."""

    __slots__ = ("_dialect", "_execute", "announced", "asked", "now")

    def __init__(self, driver: Driver, now: Milliseconds) -> None:
        """`now` is one reading of the clock, so an operation sees one time from its first line to its last."""
        self.now = now
        self.announced: set[str] = set()
        """Topics, and the names of the tables that were changed."""
        self.asked: list[Statement] | None = None
        """Every statement, where somebody wants to know."""
        self._dialect = driver.dialect
        self._execute = driver.execute

    def all(self, statement: Statement, /, **values: object) -> list[tuple[Any, ...]]:
        """Every row that the statement gives."""
        return self._run(statement, values).fetchall()

    def first(self, statement: Statement, /, **values: object) -> tuple[Any, ...] | None:
        """The first row, or None."""
        return self._run(statement, values).fetchone()

    def value(self, statement: Statement, /, **values: object) -> Any:  # noqa: ANN401  (a column may be any type)
        """The first column of the first row; None when there is no row."""
        row = self._run(statement, values).fetchone()
        return None if row is None else row[0]

    def run(self, statement: Statement, /, **values: object) -> int:
        """How many rows the statement changed."""
        return self._run(statement, values).rowcount

    def _change(self, table: str) -> None:
        self.announced.add(table)

    def announce(self, topic: str) -> None:
        """After COMMIT, and only then, those who listen to `topic` are woken."""
        self.announced.add(topic)

    def _run(self, statement: Statement, values: dict[str, object]) -> Cursor:
        if statement.changes is not None:
            self._change(statement.changes)
        if self.asked is not None:
            self.asked.append(statement)
        # Looked up here first: the call of `on` is a tenth of what a quick statement takes.
        sql, fixed = statement.compiled.get(self._dialect) or statement.on(self._dialect)
        return self._execute(sql, {**fixed, **values} if fixed else values)


class QueryConnection(Connection):
    """What a query gets: nothing can be changed through it."""

    __slots__ = ()

    def _change(self, table: str) -> None:
        msg = f"a query cannot change {table}"
        raise NotInQuery(msg)
