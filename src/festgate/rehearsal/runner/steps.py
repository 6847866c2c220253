"""The steps of a journey, read from its locustfile without running it."""

import ast
from pathlib import Path

REQUESTS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})


def steps_of(file: Path) -> list[str]:
    """The names that its requests have, sorted; empty where one is made up while it runs, and none can be ruled out.

    Looked for in the file and in the files beside it that it imports, as `name=` or, where there is none, as the path.
    """
    try:
        trees = [ast.parse(path.read_bytes()) for path in _with_neighbours(file)]
    except (SyntaxError, ValueError):
        return []  # the player says what is wrong with it
    steps: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and _is_path(node):
                steps.add(str(node.value))
            if isinstance(node, ast.Call) and _is_made_up(node):
                return []
    return sorted(steps)


def _is_made_up(call: ast.Call) -> bool:
    """Whether it is a request whose path is put together while it runs, and which has no name."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in REQUESTS or not call.args:
        return False
    named = any(each.arg == "name" for each in call.keywords) or any(_is_path(each) for each in call.args[1:])
    return isinstance(call.args[0], ast.JoinedStr) and not named


def _is_path(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("/")


def _with_neighbours(file: Path) -> list[Path]:
    found = [file]
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [each.name for each in node.names]
            )
            for name in names:
                neighbour = file.parent / f"{name.rpartition('.')[2]}.py"
                if neighbour.is_file() and neighbour not in found:
                    found.append(neighbour)
    return found
