"""The names of steps that are written in a locustfile, read without running it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

REQUESTS: Final = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
_METHOD: Final = re.compile(r"[A-Z]+ (?=\S)")
_PLACEHOLDER: Final = re.compile(
    r"%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]|\{[^{}]*\}", re.ASCII
)  # of `%` and of `str.format`


@dataclass
class WrittenSteps:
    """The texts in a locustfile, and in the files that it imports from its folder, that can be names of steps."""

    names: set[str] = field(default_factory=set)
    """The paths and names of requests, as far as they are complete in the file."""
    texts: set[str] = field(default_factory=set)
    """All texts: a name may be a constant that another file imports, or part of a list."""
    composed: list[re.Pattern[str]] = field(default_factory=list)
    """Texts that are completed while the journey runs."""

    def can_have(self, step: str) -> bool:
        """Return whether a request can get this name; a step other than a GET begins with its method."""
        spellings = {step, _METHOD.sub("", step, count=1)}
        return not spellings.isdisjoint(self.texts) or any(
            pattern.fullmatch(spelling) for pattern in self.composed for spelling in spellings
        )


def written_steps(file: Path) -> WrittenSteps:
    """Read a journey's file and those that it imports from its folder. A file with a syntax error is left out."""
    steps = WrittenSteps()
    for _, tree in parse_locustfile(file):
        _collect(tree, steps)
    return steps


def parse_locustfile(file: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Parse a locustfile and the files that it imports from its folder, except those with a syntax error."""
    waiting, known = [file], {file}
    while waiting:
        path = waiting.pop()
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue  # the load generator reports the error
        yield path, tree
        imported = {near for name in _imports(tree) if (near := _neighbour(file.parent, path, name))} - known
        waiting += imported
        known |= imported


def _collect(tree: ast.AST, steps: WrittenSteps) -> None:
    nodes = list(ast.walk(tree))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    apart = docstrings | {
        id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            steps.texts.add(node.value)
            if node.value.startswith("/"):
                steps.names.add(node.value)
        if isinstance(node, ast.Call):
            steps.names.update(_names_of_request(node))
        pattern = _pattern(node)
        # A text without any fixed part, such as f"{method} {path}", would allow every name.
        if pattern and re.search(r"\w", pattern.replace(_ANY, "")):
            steps.composed.append(re.compile(pattern, re.DOTALL))


_ANY: Final = "(?:.*)"


def _pattern(node: ast.AST) -> str:
    """Return the regular expression of a composed text; empty for any other node."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else _ANY for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_pattern(side) or _literal(side) for side in (node.left, node.right)]
        return "".join(part or _ANY for part in parts) if any(parts) else ""
    template: ast.AST | None = None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        template = node.left
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        template = node.func.value
    if isinstance(template, ast.Constant) and isinstance(template.value, str):
        return _ANY.join(re.escape(part) for part in _PLACEHOLDER.split(template.value))
    return ""


def _literal(node: ast.AST) -> str:
    return re.escape(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _names_of_request(call: ast.Call) -> Iterator[str]:
    """Return the complete name of a request: `name=`, or else its path."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in REQUESTS:
        return
    named = [keyword.value for keyword in call.keywords if keyword.arg == "name"]
    for node in named or call.args[: 2 if call.func.attr == "request" else 1]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in _HTTP_METHODS:
            yield node.value


_HTTP_METHODS: Final = frozenset(method.upper() for method in REQUESTS)


def _imports(tree: ast.AST) -> Iterator[str]:
    """Return the modules that are imported: `names`, `.names`; of `from shop import names`, `shop.names` as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}{'' if module.endswith('.') else '.'}{alias.name}" for alias in node.names)


def _neighbour(folder: Path, importer: Path, module: str) -> Path | None:
    """Return the file of a module below the journey's folder, which may be part of a package; None for any other."""
    name = module.lstrip(".")
    dots = len(module) - len(name)
    bases = [importer.parents[dots - 1]] if 0 < dots <= len(importer.parents) else [folder, _root(folder)]
    for base in bases:
        path = base.joinpath(*name.split(".")) if name else base
        for file in (path / "__init__.py", *([path.with_name(f"{path.name}.py")] if name else [])):
            if file.is_file() and file.is_relative_to(folder):
                return file
    return None


def _root(folder: Path) -> Path:
    """Return the folder from which the package that contains `folder` is imported."""
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder
