"""The planted crashes of a starter: statements that always raise an error, and the routes that reach them."""

import ast
from collections.abc import Iterator, Mapping, Sequence

from festgate.lab.description.modules import Definition, Function, Module, Modules
from festgate.lab.description.routes import Route
from festgate.lab.description.starter import ROUTES, Crash

Simple = ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return | ast.Raise


def planted_crashes(
    modules: Modules, imported: set[str], routes: Sequence[Route], pages: Mapping[str, Route]
) -> tuple[Crash, ...]:
    """Return the crashes that a route reaches, or that stand at the top of a module of the app."""
    of_exercise = [pages[name] for name in ROUTES if name in pages]
    reached = [
        (route, modules.reached(route.module, route.function))
        for route in (*of_exercise, *(route for route in routes if route not in of_exercise))
        if route.function is not None
    ]
    crashes = []
    for module in modules:
        if module.name not in imported:
            continue
        for function, statement in _crashing(module):
            if function is None:
                # The app does not start: there is no exercise without the fix.
                crashes.append(_crash(module, statement, "", must_be_fixed=True))
                continue
            route = next(
                (
                    route
                    for route, definitions in reached
                    if any(function is definition for _, definition in definitions)
                ),
                None,
            )
            if route is not None:
                crashes.append(_crash(module, statement, route.path, must_be_fixed=route in of_exercise))
    return tuple(sorted(crashes, key=lambda crash: not crash.must_be_fixed))


def _crash(module: Module, statement: Simple, path: str, *, must_be_fixed: bool) -> Crash:
    return Crash(
        file=module.place,
        line=statement.lineno,
        code=ast.unparse(statement),
        path=path,
        replacement=_replacement(statement),
        must_be_fixed=must_be_fixed,
    )


def _crashing(module: Module) -> Iterator[tuple[Definition | None, Simple]]:
    """Return the statements that crash, each with the function or class of the module that holds it."""
    for top in module.tree.body:
        holder = top if isinstance(top, Definition) else None
        raising, guarded = _raised_always(top), _guarded(top)
        for node in ast.walk(top):
            if node in guarded:
                continue
            if isinstance(node, Simple) and (
                node in raising if isinstance(node, ast.Raise) else any(map(_is_division, ast.walk(node)))
            ):
                yield holder, node


def _raised_always(top: ast.stmt) -> list[ast.Raise]:
    """Return the `raise` statements that always run, are caught by no handler, and are not a response of the app."""
    bodies = [node.body for node in ast.walk(top) if isinstance(node, Function)] or [[top]]
    return [
        statement
        for body in bodies
        for statement in body
        if isinstance(statement, ast.Raise)
        and statement.exc is not None
        and "HTTPException" not in ast.unparse(statement.exc)
    ]


def _guarded(top: ast.stmt) -> set[ast.AST]:
    """Return the nodes inside a `try` that has handlers."""
    return {
        node
        for guard in ast.walk(top)
        if isinstance(guard, ast.Try) and guard.handlers
        for statement in guard.body
        for node in ast.walk(statement)
    }


def _is_division(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod)
        and isinstance(node.right, ast.Constant)
        and node.right.value in (0, 0.0)
        and not isinstance(node.right.value, bool)
        # `"%s" % 0` is a text.
        and not isinstance(node.left, ast.JoinedStr)
        and not (isinstance(node.left, ast.Constant) and isinstance(node.left.value, str))
    )


def _replacement(statement: Simple) -> str:
    """Return the statement without its division; empty if nothing else is left of it."""
    if isinstance(statement, ast.Raise) or (
        isinstance(statement, ast.Expr) and _is_division(statement.value)
    ):
        return ""
    fixed = _WithoutDivision().visit(ast.parse(ast.unparse(statement)))
    return ast.unparse(fixed)


class _WithoutDivision(ast.NodeTransformer):
    """Replaces a division by zero with its dividend."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Replace an operation that divides by zero."""
        self.generic_visit(node)
        return node.left if _is_division(node) else node
