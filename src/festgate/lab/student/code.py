"""Fingerprints of the code that answers a route, to see whether it changed. The code is read and never run.

Only the code that the route reaches counts: its function, every name used there in turn, the templates, and statements
that run when a module is loaded. A change of `/events` therefore leaves the fingerprint of `/checkout` as it was.
Comments, layout and docstrings do not count. Neither does a statement that only computes with constants, such as the
planted `1 / 0`, nor a `try` around it whose handlers catch its error: fixing the crash is not a speed-up.
"""

import ast
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from festgate.lab.description.starter import Starter
from festgate.lab.student.folder import RUNS, is_of_desktop

ROUTE_DECORATORS: Final = frozenset({"get", "route", "api_route"})
ALWAYS_RUN: Final = frozenset({"middleware", "on_event", "exception_handler"})
"""Decorators of functions that run for every route."""
CAUGHT: Final = frozenset({"ZeroDivisionError", "ArithmeticError", "Exception", "BaseException"})
"""Exceptions whose handlers catch the planted error."""
_CRASHING: Final = (ast.Raise, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)
_TEMPLATE = re.compile(r"[\"']([\w./-]+\.html)[\"']")


class UnreadableCode(Exception):
    """A file is not valid Python; the message names the file and the line."""


def fingerprint_of(starter: Starter, folder: Path, route: str) -> str:
    """Return twelve hexadecimal digits that change with the code behind `route`. Raises UnreadableCode."""
    return _fingerprint(folder, _all_statements(starter, folder), route)


def fingerprints_of(starter: Starter, folder: Path) -> dict[str, str]:
    """Return the fingerprint of the code behind each route (`events`). Raises UnreadableCode."""
    statements = _all_statements(starter, folder)
    return {name: _fingerprint(folder, statements, route) for name, route in starter.paths.items()}


def _fingerprint(folder: Path, statements: list[ast.stmt], route: str) -> str:
    return hashlib.sha256(_code_behind(folder, statements, route).encode()).hexdigest()[:12]


def _code_behind(folder: Path, statements: list[ast.stmt], route: str) -> str:
    """Return the code that answers `route` in a normal form; all code if no function has that route."""
    named: dict[str, list[ast.stmt]] = {}
    for statement in statements:
        for name in _names_bound(statement):
            named.setdefault(name, []).append(statement)
    answering = [statement for statement in statements if route in _paths(statement)]
    if route and not answering:
        # A router's prefix is not in its decorators.
        answering = [
            statement
            for statement in statements
            if any(route.endswith(path) for path in _paths(statement) if path.strip("/"))
        ]
    if not answering:
        return _normal_form(statements)
    waiting = answering + [statement for statement in statements if _runs_always(statement)]
    seen: dict[int, ast.stmt] = {}
    templates: dict[str, str] = {}
    while waiting:
        statement = waiting.pop()
        if id(statement) in seen:
            continue
        seen[id(statement)] = statement
        for name in _names_used(statement):
            waiting += named.get(name, [])
        _add_templates(folder, ast.unparse(statement), templates)
    reached = [statement for statement in statements if id(statement) in seen]
    return _normal_form(reached) + "".join(f"\n{name}\n{text}" for name, text in sorted(templates.items()))


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Remove the statements that are only a constant, such as a docstring, from a file, its classes and functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [
                statement
                for statement in node.body
                if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
            ] or [ast.Pass()]
    return tree


def code_files(starter: Starter, folder: Path) -> list[Path]:
    """Return the app's Python files.

    Locustfiles, the script that fills the database, runs, virtual environments, and copies of the lab in it are not
    the app's.
    """
    environments = {
        path.relative_to(folder).parts[0]
        for name in ("pyvenv.cfg", starter.app_file)
        for path in folder.glob(f"*/{name}")
    }
    skipped = {RUNS, *starter.load_folders, *environments}
    other = {folder / name for name in (*starter.load.values(), starter.fill) if name}
    files = []
    for path in sorted(folder.rglob("*.py")):
        if is_of_desktop(path.name) or path in other:
            continue
        top = path.relative_to(folder).parts[0]
        if top not in skipped and not top.startswith("."):
            files.append(path)
    return files


def _all_statements(starter: Starter, folder: Path) -> list[ast.stmt]:
    """Return the statements of all files. Notes that are named .py, and that no file imports, do not count.

    Raises UnreadableCode.
    """
    planted = {crash.code: ast.parse(crash.replacement).body for crash in starter.crashes}
    statements: list[ast.stmt] = []
    unreadable: dict[Path, UnreadableCode] = {}
    for file in code_files(starter, folder):
        try:
            statements += _statements(folder, file, planted)
        except UnreadableCode as error:
            unreadable[file] = error
    if unreadable:
        needed = {Path(starter.app_file).stem, *_imported(statements)}
        for file, reason in unreadable.items():
            if (file.parent.name if file.stem == "__init__" else file.stem) in needed:
                raise reason
    return statements


def _imported(statements: list[ast.stmt]) -> set[str]:
    """Return each part of the dotted names that are imported anywhere."""
    names: set[str] = set()
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.name for alias in node.names)
            if isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return {part for name in names for part in name.split(".")}


def _statements(folder: Path, file: Path, planted: Mapping[str, list[ast.stmt]]) -> list[ast.stmt]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        name = file.relative_to(folder).as_posix()
        place = f"{name}, line {line}" if line else name
        msg = f"{place}: this is not valid Python."
        raise UnreadableCode(msg) from None
    plain: ast.Module = _Reduced(planted).visit(tree)
    for node in ast.walk(plain):
        # A body may not be empty, even if none of its statements count.
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
    return plain.body


class _Reduced(ast.NodeTransformer):
    """Replaces the planted crashes, and removes statements without effect and handlers of the planted error.

    All of these are fixes of the crash.
    """

    def __init__(self, planted: Mapping[str, list[ast.stmt]]) -> None:
        """Take the statements of the planted crashes, each with what replaces it."""
        self._planted = planted

    def visit(self, node: ast.AST) -> Any:  # noqa: ANN401  (as its base class)
        """Replace a planted crash; a bare division is removed below."""
        if isinstance(node, _CRASHING) and (code := ast.unparse(node)) in self._planted:
            return self._planted[code]
        return super().visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | None:
        """Remove a docstring, or a computation with constants whose result is not used."""
        self.generic_visit(node)
        allowed = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
        return None if all(isinstance(part, allowed) for part in ast.walk(node.value)) else node

    def visit_Pass(self, _node: ast.Pass) -> None:
        """Remove a `pass`."""

    def visit_Try(self, node: ast.Try) -> list[ast.stmt] | ast.stmt:
        """Replace a `try` with its body if every handler catches the planted error."""
        self.generic_visit(node)
        if not node.handlers or not all(_catches(handler.type) for handler in node.handlers):
            return node
        return [*node.body, *node.orelse, *node.finalbody]

    def visit_With(self, node: ast.With) -> list[ast.stmt] | ast.stmt:
        """Replace `with suppress(...)` with its body if it catches the planted error."""
        self.generic_visit(node)
        calls = [item.context_expr for item in node.items]
        suppressed = all(
            isinstance(call, ast.Call)
            and ast.unparse(call.func).rpartition(".")[2] == "suppress"
            and any(_catches(argument) for argument in call.args)
            for call in calls
        )
        return node.body if suppressed else node


def _catches(kind: ast.expr | None) -> bool:
    """Return whether a handler for this exception, or for any (None), catches a division by zero."""
    if kind is None:
        return True
    exceptions = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(ast.unparse(exception).rpartition(".")[2] in CAUGHT for exception in exceptions)


def _names_bound(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _names_used(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _decorators(statement: ast.stmt) -> Iterator[tuple[str, list[ast.expr]]]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        for decorator in statement.decorator_list:
            if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
                yield decorator.func.attr, decorator.args


def _paths(statement: ast.stmt) -> list[str]:
    """Return the paths in the decorators of a function."""
    return [
        args[0].value
        for name, args in _decorators(statement)
        if name in ROUTE_DECORATORS
        and args
        and isinstance(args[0], ast.Constant)
        and isinstance(args[0].value, str)
    ]


def _runs_always(statement: ast.stmt) -> bool:
    """Return whether a statement runs when its module is loaded, or for every route, and is more than a definition."""
    if any(name in ALWAYS_RUN for name, _ in _decorators(statement)):
        return True
    definitions = (
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.Import,
        ast.ImportFrom,
        ast.Assign,
        ast.AnnAssign,
    )
    return not isinstance(statement, definitions)


def _add_templates(folder: Path, text: str, templates: dict[str, str]) -> None:
    for name in _TEMPLATE.findall(text):
        file = folder / "templates" / name
        if name not in templates and file.is_file():
            templates[name] = " ".join(file.read_text(encoding="utf-8", errors="replace").split())
            _add_templates(folder, templates[name], templates)


def _normal_form(statements: list[ast.stmt]) -> str:
    # Sorted, so that code that moved to another file counts as the same code.
    return "\n".join(sorted(ast.unparse(statement) for statement in statements))
