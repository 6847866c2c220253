"""Details of an entry about something that was edited: its changed fields, with their values before and after."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from festgate.kit.clock import moment
from festgate.kit.money import Money

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record: TypeAlias = "Mapping[str, object] | DataclassInstance"
"""Values by name: a mapping, or a dataclass."""

MAX_SHOWN: Final = 60
"""Characters of a value in an entry."""
UNSHOWN: Final = frozenset({"summary", "description", "help"})
"""Long texts, which may name people: an entry has only their names."""
_TIMES: Final = ("_at", "_until")
"""The ends of the names of times."""


def differences(before: Record, after: Record) -> dict[str, str]:
    """Return the details about two values of one dataclass, or two mappings; empty if they are equal.

    `fields` has the names of the changed fields, and each of these names has both values.
    """
    old, new = _values(before), _values(after)
    changed = [name for name, value in new.items() if old.get(name) != value]
    if not changed:
        return {}
    details = {
        name: f"{_written(name, old.get(name))} → {_written(name, new[name])}"
        for name in changed
        if name not in UNSHOWN
    }
    return {"fields": ", ".join(changed), **details}


def _values(record: Record) -> Mapping[str, Any]:
    if isinstance(record, Mapping):
        return record
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _written(name: str, value: object) -> str:
    """Return the value as text; a dash for none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Money):
        return f"{value.plain()} {value.currency}"
    if isinstance(value, int) and value and name.endswith(_TIMES):
        return f"{moment(value, UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, tuple | list):
        value = ", ".join(map(str, value))
    text = "" if value is None or (value == 0 and name.endswith(_TIMES)) else " ".join(str(value).split())
    return f"{text[: MAX_SHOWN - 1]}…" if len(text) > MAX_SHOWN else text or "-"
