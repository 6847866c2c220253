"""The code that answers a route, so that it can be told whether it changed: read, and never run.

Of a whole program only what the route comes to counts: its function, what that names in turn, the templates, and what
modules do when they are loaded. So a change of `/events` leaves the mark of `/checkout` as it was. Comments, layout and
docstrings do not count; neither does a statement that only computes with constants, as the planted `1 / 0` is, so that
mending it is no speeding up; nor does a `try` around it whose handlers take that error.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from festgate.lab.student.folder import APP, LOAD, RUNS, is_of_desktop

ANSWERS: Final = frozenset({"get", "route", "api_route"})
ALWAYS: Final = frozenset({"middleware", "on_event", "exception_handler"})
"""Decorators of functions that run for any route."""
CAUGHT: Final = frozenset({"ZeroDivisionError", "ArithmeticError", "Exception", "BaseException"})
"""What the planted error is, to a handler."""
_TEMPLATE = re.compile(r"[\"']([\w./-]+\.html)[\"']")


class UnreadableCode(Exception):
    """A file is no Python; the sentence names it and its line."""


def fingerprint_of(folder: Path, route: str) -> str:
    """Twelve hexadecimal digits that change with the code behind `route`. Raises UnreadableCode."""
    return hashlib.sha256(code_behind(folder, route).encode()).hexdigest()[:12]


def code_behind(folder: Path, route: str) -> str:
    """The code that answers `route`, in one form for all layouts; all of the code where no function has that route.

    Raises UnreadableCode.
    """
    statements = [statement for file in code_files(folder) for statement in _statements(file)]
    named: dict[str, list[ast.stmt]] = {}
    for statement in statements:
        for name in _names_bound(statement):
            named.setdefault(name, []).append(statement)
    first = [each for each in statements if _answers(each, route)]
    if not first:
        return _told(statements)
    waiting = first + [each for each in statements if _runs_always(each)]
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
    chosen = [each for each in statements if id(each) in seen]
    return _told(chosen) + "".join(f"\n{name}\n{text}" for name, text in sorted(templates.items()))


def code_files(folder: Path) -> list[Path]:
    """The app's Python files, without the load, the runs, environments of packages, and copies of the lab in it."""
    environments = {path.parent for name in ("pyvenv.cfg", APP) for path in folder.glob(f"*/{name}")}
    found = []
    for path in sorted(folder.rglob("*.py")):
        if is_of_desktop(path.name):
            continue
        top = folder / path.relative_to(folder).parts[0]
        if top.name not in (LOAD, RUNS) and not top.name.startswith(".") and top not in environments:
            found.append(path)
    return found


def _statements(file: Path) -> list[ast.stmt]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f"{file.name}, line {line}" if line else file.name
        msg = f"{place}: this is no Python that can be read."
        raise UnreadableCode(msg) from None
    plain: ast.Module = _Plain().visit(tree)
    for node in ast.walk(plain):
        # A body is never empty, also where all of it said nothing.
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
    return plain.body


class _Plain(ast.NodeTransformer):
    """Leaves out what says nothing, and what only catches the planted error: both are ways to mend, and no others."""

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | None:
        """A docstring, or a computation with constants for nobody."""
        self.generic_visit(node)
        allowed = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
        return None if all(isinstance(each, allowed) for each in ast.walk(node.value)) else node

    def visit_Pass(self, _node: ast.Pass) -> None:
        """It fills a body, and no more."""

    def visit_Try(self, node: ast.Try) -> list[ast.stmt] | ast.stmt:
        """What stands in it, where each handler takes the planted error; else as it is."""
        self.generic_visit(node)
        if not node.handlers or not all(_catches(handler.type) for handler in node.handlers):
            return node
        return [*node.body, *node.orelse, *node.finalbody]

    def visit_With(self, node: ast.With) -> list[ast.stmt] | ast.stmt:
        """Of `with suppress(...):` the same."""
        self.generic_visit(node)
        calls = [item.context_expr for item in node.items]
        suppressed = all(
            isinstance(call, ast.Call)
            and ast.unparse(call.func).rpartition(".")[2] == "suppress"
            and any(_catches(each) for each in call.args)
            for call in calls
        )
        return node.body if suppressed else node


def _catches(kind: ast.expr | None) -> bool:
    """Whether a handler of that kind takes a division by zero."""
    if kind is None:
        return True
    each = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(ast.unparse(one).rpartition(".")[2] in CAUGHT for one in each)


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
        for each in statement.decorator_list:
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
                yield each.func.attr, each.args


def _answers(statement: ast.stmt, route: str) -> bool:
    return any(
        name in ANSWERS and args and isinstance(args[0], ast.Constant) and args[0].value == route
        for name, args in _decorators(statement)
    )


def _runs_always(statement: ast.stmt) -> bool:
    """What runs when a module is loaded, or for any route; a definition or an import alone does nothing."""
    if any(name in ALWAYS for name, _ in _decorators(statement)):
        return True
    quiet = (
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.Import,
        ast.ImportFrom,
        ast.Assign,
        ast.AnnAssign,
    )
    return not isinstance(statement, quiet)


def _add_templates(folder: Path, text: str, found: dict[str, str]) -> None:
    for name in _TEMPLATE.findall(text):
        file = folder / "templates" / name
        if name not in found and file.is_file():
            found[name] = " ".join(file.read_text(encoding="utf-8", errors="replace").split())
            _add_templates(folder, found[name], found)


def _told(statements: list[ast.stmt]) -> str:
    # Sorted: what was moved to another file is the same code.
    return "\n".join(sorted(ast.unparse(each) for each in statements))
