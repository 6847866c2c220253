"""Invariants of the audit log."""

import json
from typing import Final

from sqlalchemy import column, func, select, table

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection, Statement
from festgate.portal.audit.tables import entries

TRIGGERS: Final = {
    "sqlite": ("audit_entries_no_update", "audit_entries_no_delete"),
    "postgresql": ("audit_entries_append_only",),
}
"""The triggers that refuse changes and deletions, by the kind of database."""

_sqlite_master = table("sqlite_master", column("type"), column("name"), column("tbl_name"))
_pg_trigger = table("pg_trigger", column("tgname"), column("tgrelid"), column("tgenabled"))
_present = {
    "sqlite": Statement(
        select(_sqlite_master.c.name).where(
            _sqlite_master.c.type == "trigger", _sqlite_master.c.tbl_name == "audit_entries"
        )
    ),
    "postgresql": Statement(
        select(_pg_trigger.c.tgname).where(
            _pg_trigger.c.tgrelid == func.to_regclass("audit_entries"), _pg_trigger.c.tgenabled != "D"
        )
    ),
}
_details = Statement(select(entries.c.id, entries.c.details).order_by(entries.c.id))


def check_append_only(connection: Connection) -> list[Finding]:
    """Check that the database refuses to change and to delete entries."""
    present = {name for (name,) in connection.all(_present[connection.dialect])}
    return [
        Finding("the audit log is append-only", f"trigger {name}", "it is missing or switched off")
        for name in TRIGGERS[connection.dialect]
        if name not in present
    ]


def check_details(connection: Connection) -> list[Finding]:
    """Check that the details of each entry can be read."""
    return [
        Finding("the details of an entry are a JSON object", f"entry {entry}", "they are something else")
        for entry, details in connection.all(_details)
        if not _is_object(details)
    ]


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


CHECKS: tuple[Check, ...] = (check_append_only, check_details)
