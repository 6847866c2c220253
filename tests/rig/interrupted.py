"""A driver in whose operation another process acts at a chosen moment."""

from collections.abc import Callable, Mapping
from typing import Any

from festgate.kit.db.statements import Cursor, Driver


class InterruptedDriver:
    """A driver that runs an action before its first statement about `table`."""

    def __init__(self, driver: Driver, table: str, action: Callable[[], object], *, after: str = "") -> None:
        """Run `action` once; with `after`, not before that table has been read."""
        self._after = after
        self.dialect = driver.dialect
        self._driver = driver
        self._table = table
        self._actions = [action]

    def execute(self, sql: str, values: Mapping[str, Any]) -> Cursor:
        """Run the statement, after the action if it is due."""
        if self._after and sql.startswith("SELECT") and self._after in sql:
            self._after = ""
        elif not self._after and self._table in sql and self._actions:
            self._actions.pop()()
        return self._driver.execute(sql, values)
