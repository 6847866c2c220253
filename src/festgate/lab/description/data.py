"""The database of a starter: its file, and the code that inserts the events."""

import ast
import posixpath
import re
from pathlib import PurePosixPath
from typing import Final

from festgate.lab.description.modules import Module, Modules

CONNECTING: Final = frozenset({"sqlite3.connect", "aiosqlite.connect", "sqlite3.dbapi2.connect"})
ENGINES: Final = frozenset({"create_engine", "create_async_engine"})
_ADDRESS = re.compile(r"sqlite(?:\+\w+)?:///(.+)")
_INSERTS_EVENTS = re.compile(r"\binsert\s+(?:or\s+\w+\s+)?into\s+[\"'`\[]?events\b", re.IGNORECASE)
_PATH_CALLS: Final = frozenset({"Path", "PurePath", "str", "abspath", "realpath", "fspath", "normpath"})
"""Calls that return the same path in another form."""
_SAME: Final = frozenset({"resolve", "absolute", "as_posix", "expanduser"})
"""Methods of a path that return the same path in another form."""


def database_file(modules: Modules, imported: set[str]) -> str:
    """Return the SQLite file, relative to the folder in which the app is started; empty if none was found.

    `imported` holds the names of the app's modules, which count before those of other programs in the folder.
    """
    for module in sorted(modules, key=lambda module: module.name not in imported):
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            first = node.args[0] if node.args else next((keyword.value for keyword in node.keywords), None)
            name = modules.full_name(module, node.func)
            if first is None or not (name in CONNECTING or name.rpartition(".")[2] in ENGINES):
                continue
            path = _path(modules, module, first)
            if path is not None and name.rpartition(".")[2] in ENGINES:
                address = _ADDRESS.match(path)
                path = address[1] if address else None
            path = path and posixpath.normpath(path)
            if path and path[0] not in "/.:" and "{}" not in path:
                return path
    return ""


def fill_script(modules: Modules, imported: set[str]) -> str | None:
    """Return the file of the script that inserts the events; empty if the app inserts them; None for neither.

    `imported` holds the names of the app's modules: a script that the app does not import is run by hand.
    """
    inserting = [module for module in modules if _inserts_events(module)]
    if any(module.name in imported for module in inserting):
        return ""
    places = [module.place for module in inserting]
    return min(places, key=lambda place: (place.count("/"), place), default=None)


def _inserts_events(module: Module) -> bool:
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and _INSERTS_EVENTS.search(node.value)
        for node in ast.walk(module.tree)
    )


def _path(modules: Modules, module: Module, node: ast.expr) -> str | None:
    """Return the path that an expression stands for, relative to the folder; None for another expression."""
    if isinstance(node, ast.Name | ast.Attribute):
        return _named(modules, module, node)
    if isinstance(node, ast.BinOp | ast.JoinedStr):
        parts = [_path(modules, module, part) for part in _parts(node)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return _joined(parts)
        return _concatenated(parts)
    if isinstance(node, ast.Call):
        return _called(modules, module, node)
    return modules.text(module, node)


def _named(modules: Modules, module: Module, node: ast.Name | ast.Attribute) -> str | None:
    if isinstance(node, ast.Name) and node.id == "__file__":
        return module.place
    if isinstance(node, ast.Attribute) and node.attr == "parent":
        inner = _path(modules, module, node.value)
        return None if inner is None else posixpath.dirname(inner)
    name = modules.full_name(module, node)
    value = modules.value(name)
    return None if value is None else modules.once("path", name, lambda: _path(modules, *value))


def _parts(node: ast.BinOp | ast.JoinedStr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    return [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]


def _called(modules: Modules, module: Module, call: ast.Call) -> str | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    arguments = [_path(modules, module, argument) for argument in call.args]
    owner = _path(modules, module, call.func.value) if isinstance(call.func, ast.Attribute) else None
    if owner is not None and name in _SAME:
        return owner
    if owner is not None and name == "joinpath":
        return _joined([owner, *arguments])
    if name in _PATH_CALLS and len(arguments) == 1:
        return arguments[0]
    if name == "dirname" and len(arguments) == 1:
        return None if arguments[0] is None else posixpath.dirname(arguments[0])
    if name == "join":
        return _joined(arguments)
    return "" if name in {"cwd", "getcwd"} else None


def _joined(parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    return PurePosixPath(*known).as_posix() if len(known) == len(parts) else None


def _concatenated(parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    # A folder of the code is the empty path, and what follows it begins with `/`.
    return (
        "".join(known).removeprefix("/" if parts and parts[0] == "" else "")
        if len(known) == len(parts)
        else None
    )
