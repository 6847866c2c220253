"""The steps of a journey, read from its locustfile without running it."""

import ast
from pathlib import Path

REQUESTS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})


def steps_of(file: Path) -> list[str]:
    """Return the names of a journey's requests, sorted; empty where a name is computed while the journey runs.

    The names are read from the file and from the files beside it that it imports: `name=`, or else the path.
    """
    try:
        trees = [ast.parse(path.read_bytes()) for path in _with_imported_neighbours(file)]
    except (SyntaxError, ValueError):
        return []  # the load generator reports the error
    steps: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and _is_path(node):
                steps.add(str(node.value))
            if isinstance(node, ast.Call) and _has_computed_name(node):
                return []
    return sorted(steps)


def _has_computed_name(call: ast.Call) -> bool:
    """Return whether the call is a request with a computed path and without a name."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in REQUESTS or not call.args:
        return False
    is_named = any(keyword.arg == "name" for keyword in call.keywords) or any(
        _is_path(argument) for argument in call.args[1:]
    )
    return isinstance(call.args[0], ast.JoinedStr) and not is_named


def _is_path(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("/")


def _with_imported_neighbours(file: Path) -> list[Path]:
    files = [file]
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
            for name in names:
                neighbour = file.parent / f"{name.rpartition('.')[2]}.py"
                if neighbour.is_file() and neighbour not in files:
                    files.append(neighbour)
    return files
