"""The Python files of a starter, parsed and never run: their names, imports, constants and functions."""

import ast
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

MAX_FILES: Final = 500
"""Python files of a starter; a folder with more of them is something else."""
MAX_BYTES: Final = 1_000_000
"""Bytes of one of them."""
MAX_TEXT: Final = 2_000
"""Characters of a text that code puts together."""
MAX_STEPS: Final = 20
"""Names that are followed from one to the next."""
PACKAGE: Final = "__init__"
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "runs", "hints"})

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


class TooManyFiles(Exception):
    """The folder holds more than MAX_FILES Python files."""


@dataclass(frozen=True, eq=False)
class Module:
    """A parsed file."""

    name: str
    """Its dotted name: `checkout`, `main`."""
    place: str
    """Its path in the folder, with `/`: `checkout/__init__.py`."""
    tree: ast.Module
    names: dict[str, str] = field(default_factory=dict)
    """The dotted name behind each imported name: `total_payable` is `checkout.total_payable`."""


@dataclass(frozen=True)
class Modules:
    """All parsed files of a folder."""

    by_name: dict[str, Module]
    unreadable: tuple[str, ...]
    """The paths of files that are not valid Python."""
    _known: dict[tuple[str, str], str | None] = field(default_factory=dict)
    """The text or value behind each name that was followed."""

    def __iter__(self) -> Iterator[Module]:
        """Return the modules in the order of their paths."""
        return iter(self.by_name.values())

    def full_name(self, module: Module, node: ast.expr) -> str:
        """Return the dotted name of an expression such as `router` or `accounts.router`; empty for another."""
        if isinstance(node, ast.Name):
            return module.names.get(node.id, f"{module.name}.{node.id}")
        if isinstance(node, ast.Attribute) and (owner := self.full_name(module, node.value)):
            # `import accounts` binds the module; what the name stands for in it may be imported in turn.
            return self.origin(f"{owner}.{node.attr}")
        return ""

    def origin(self, name: str) -> str:
        """Follow imports from module to module, and return the name under which the object is defined."""
        for _ in range(MAX_STEPS):
            place, _, attribute = name.rpartition(".")
            module = self.by_name.get(place)
            if module is None or attribute not in module.names:
                break
            name = module.names[attribute]
        return name

    def definition(self, name: str) -> tuple[Module, Definition] | None:
        """Return the function or class of a dotted name, with its module."""
        place, _, attribute = self.origin(name).rpartition(".")
        module = self.by_name.get(place)
        if module is None:
            return None
        return next(
            (
                (module, node)
                for node in module.tree.body
                if isinstance(node, Definition) and node.name == attribute
            ),
            None,
        )

    def value(self, name: str) -> tuple[Module, ast.expr] | None:
        """Return the expression that a module assigns to a dotted name, with the module."""
        place, _, attribute = self.origin(name).rpartition(".")
        module = self.by_name.get(place)
        if module is None:
            return None
        return next(
            ((module, value) for target, value in assignments(module.tree.body) if target == attribute), None
        )

    def once(self, kind: str, name: str, evaluate: Callable[[], str | None]) -> str | None:
        """Evaluate a name once: its definition may contain the name itself, or may double its length at every step."""
        key = (kind, name)
        if key not in self._known:
            self._known[key] = None
            text = evaluate()
            self._known[key] = text if text is not None and len(text) <= MAX_TEXT else None
        return self._known[key]

    def text(self, module: Module, node: ast.expr | None) -> str | None:
        """Return the text of an expression of constants, with `{}` for each part that is none; None for no text."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            return "".join(self.text(module, part) or "{}" for part in node.values)
        if isinstance(node, ast.FormattedValue):
            return self.text(module, node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [self.text(module, part) for part in (node.left, node.right)]
            return None if parts == [None, None] else "".join(part or "{}" for part in parts)
        if isinstance(node, ast.Name | ast.Attribute):
            name = self.full_name(module, node)
            value = self.value(name)
            return None if value is None else self.once("text", name, lambda: self.text(*value))
        return None

    def reached(self, module: Module, function: Definition) -> list[tuple[Module, Definition]]:
        """Return a function, and the functions and classes that it uses."""
        seen: dict[int, tuple[Module, Definition]] = {}
        waiting: list[tuple[Module, Definition]] = [(module, function)]
        while waiting:
            place, definition = waiting.pop()
            if id(definition) in seen:
                continue
            seen[id(definition)] = (place, definition)
            local = _local_names(definition)
            for node in ast.walk(definition):
                if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and node.id not in local):
                    used = self.definition(self.full_name(place, node))
                    if used is not None:
                        waiting.append(used)
        return list(seen.values())

    def imported(self, module: Module) -> set[str]:
        """Return the names of the modules that a module imports, directly and in turn, with its own."""
        seen: set[str] = set()
        waiting = [module.name]
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self.by_name:
                continue
            seen.add(name)
            waiting += [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
            for full in self.by_name[name].names.values():
                waiting += [full, full.rpartition(".")[0]]
        return seen


def read_modules(folder: Path) -> Modules:
    """Parse the Python files of a folder, without those of virtual environments. Raises OSError, TooManyFiles."""
    modules: dict[str, Module] = {}
    unreadable = []
    for count, file in enumerate(code_files(folder)):
        if count == MAX_FILES:
            raise TooManyFiles
        place = file.relative_to(folder).as_posix()
        try:
            source = file.read_bytes()
            tree = ast.parse(source if len(source) <= MAX_BYTES else b"(")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            unreadable.append(place)
            continue
        name = place.removesuffix(".py").removesuffix(f"/{PACKAGE}").replace("/", ".")
        module = Module(name, place, tree)
        module.names.update(_imports(module))
        modules[name] = module
    return Modules(modules, tuple(unreadable))


def code_files(folder: Path) -> Iterator[Path]:
    """Return the Python files of a folder, ordered, without hidden folders and virtual environments."""
    for where, folders, files in os.walk(folder):
        here = Path(where)
        folders[:] = sorted(name for name in folders if not is_skipped(here / name))
        for name in sorted(files):
            # A symbolic link may lead anywhere.
            if name.endswith(".py") and not name.startswith(".") and not (here / name).is_symlink():
                yield here / name


def is_skipped(folder: Path) -> bool:
    """Return whether a folder inside a starter is hidden, a virtual environment, or made by running the app."""
    name = folder.name
    return name in _SKIPPED or name.startswith(".") or (folder / "pyvenv.cfg").is_file()


def assignments(statements: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Return the names and values of the assignments among some statements."""
    for statement in statements:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, statement.value
        elif (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.value is not None
        ):
            yield statement.target.id, statement.value


def _local_names(definition: Definition) -> set[str]:
    """Return the names of a function's arguments and variables, which hide those of its module."""
    if isinstance(definition, ast.ClassDef):
        return set()
    return {node.arg for node in ast.walk(definition) if isinstance(node, ast.arg)} | {
        node.id
        for node in ast.walk(definition)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _imports(module: Module) -> Iterator[tuple[str, str]]:
    is_package = PurePosixPath(module.place).stem == PACKAGE
    package = module.name if is_package else module.name.rpartition(".")[0]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if package else []
            parts = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                yield alias.asname or alias.name, f"{base}.{alias.name}" if base else alias.name
