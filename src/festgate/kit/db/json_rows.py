"""Many rows as one JSON text, made by the database.

Python takes and releases its lock for each row of SQLite. A report on a thread then hands the lock to the event loop
and back for each row, which costs visitors' pages more than the report itself. One text is one row.
"""

import json
from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from festgate.kit.db.statements import Connection, Statement


class JsonRows(FunctionElement[str]):
    """The rows of a SELECT with these columns, as a JSON array of arrays; the only column of the statement."""

    name = "json_rows"
    type = Text()
    inherit_cache = True


@compiles(JsonRows, "sqlite")  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _on_sqlite(element: JsonRows, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401  (SQLAlchemy's own)
    return f"json_group_array(json_array({compiler.process(element.clauses, **options)}))"


@compiles(JsonRows, "postgresql")  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _on_postgres(element: JsonRows, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"CAST(json_agg(json_build_array({compiler.process(element.clauses, **options)})) AS TEXT)"


def read_rows(connection: Connection, statement: Statement, **values: object) -> list[list[Any]]:
    """Return the rows of a statement that selects JsonRows."""
    text = connection.value(statement, **values)
    rows: list[list[Any]] = json.loads(text) if text else []
    return rows
