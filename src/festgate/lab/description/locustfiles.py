"""The locustfiles of a starter: which route each of them loads, read from its requests."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from festgate.lab.description.modules import Module, Modules
from festgate.lab.description.routes import METHODS, Route, matches
from festgate.lab.description.starter import JOURNEY, ROUTES


@dataclass(frozen=True, slots=True)
class Locustfile:
    """A file with users of Locust."""

    place: str
    paths: tuple[str, ...]
    """The paths that it requests."""
    parameters: tuple[str, ...]
    """The names of the query parameters that it sends."""


def locustfiles(modules: Modules) -> list[Locustfile]:
    """Return the files that import Locust."""
    return [
        _locustfile(modules, module)
        for module in modules
        if any(full.split(".")[0] == "locust" for full in module.names.values())
    ]


def files_of_routes(files: list[Locustfile], pages: Mapping[str, Route]) -> dict[str, str]:
    """Return the locustfile of each route, and of the journey: the one that requests most pages."""
    visited = {
        file.place: {
            name for name, route in pages.items() if any(matches(path, route) for path in file.paths)
        }
        for file in files
    }
    load: dict[str, str] = {}
    for name in ROUTES:
        fitting = [place for place, names in visited.items() if names == {name}]
        if fitting:
            load[name] = min(fitting, key=lambda place: (place.count("/"), place))
    several = [place for place, names in visited.items() if len(names) > 1]
    if several:
        load[JOURNEY] = min(several, key=lambda place: (-len(visited[place]), place.count("/"), place))
    return load


def _locustfile(modules: Modules, module: Module) -> Locustfile:
    paths, parameters = list[str](), list[str]()
    for call in _requests(module):
        text = modules.text(module, _address(call))
        if text is None:
            continue
        parts = urlsplit(text.replace("{}://", "http://"))
        paths.append(parts.path or "/")
        parameters += parse_qs(parts.query, keep_blank_values=True)
        named = next((keyword.value for keyword in call.keywords if keyword.arg == "params"), None)
        if isinstance(named, ast.Dict):
            parameters += [text for key in named.keys if (text := modules.text(module, key))]
    return Locustfile(module.place, tuple(paths), tuple(parameters))


def _requests(module: Module) -> Iterator[ast.Call]:
    """Return the calls such as `self.client.get(...)`."""
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and (node.func.attr in METHODS or node.func.attr == "request")
            and "client" in ast.unparse(node.func.value)
        ):
            yield node


def _address(call: ast.Call) -> ast.expr | None:
    position = 1 if isinstance(call.func, ast.Attribute) and call.func.attr == "request" else 0
    named = next((keyword.value for keyword in call.keywords if keyword.arg in {"url", "path"}), None)
    return call.args[position] if named is None and position < len(call.args) else named
