"""The app of a starter and its routes, read from its code."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from festgate.lab.description.modules import Function, Module, Modules, assignments

APPS: Final = frozenset({"FastAPI", "Starlette"})
ROUTERS: Final = frozenset({"APIRouter", "Router"})
FRAMEWORKS: Final = frozenset({"fastapi", "starlette"})
METHODS: Final = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})
ANY_METHOD: Final = frozenset({"route", "api_route"})
"""Decorators whose argument `methods` names the methods."""
PARAMETER: Final = re.compile(r"\{[^}]*\}")
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "checkout": ("checkout", "payment", "pay", "cart", "total"),
    "events": ("events", "allevents", "eventlist", "listevents", "programme", "program"),
    "my-events": ("myevents", "myregistrations", "registeredevents", "registrations", "mine"),
    "register": ("register", "signup", "createaccount"),
    "login": ("login", "signin"),
}
"""The usual last parts of a page's path, in lower case and without `-` and `_`."""
REGISTERING: Final = ("regist", "join", "book", "enrol")
"""Parts of the path that registers for an event, which also has a parameter."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the app."""

    methods: frozenset[str]
    path: str
    module: Module
    function: Function | None
    """The function that answers; None if it is not in the folder."""


@dataclass
class _Owner:
    """An app or a router, with the routes and routers that its module registers on it."""

    prefix: str = ""
    routes: list[Route] = field(default_factory=list)
    included: list[tuple[str, str]] = field(default_factory=list)
    """The dotted names of included routers, and their prefixes."""


class Routes:
    """The apps in a starter's modules, and the routes of each."""

    def __init__(self, modules: Modules) -> None:
        """Read all modules."""
        self._modules = modules
        self._owners: dict[str, _Owner] = {}
        self._apps: dict[str, str] = {}
        for module in modules:
            self._read_owners(module)
        for module in modules:
            self._read_routes(module)

    def apps(self) -> list[str]:
        """Return the apps as uvicorn takes them (`main:app`), the one with the most routes first."""
        names = sorted(self._apps, key=lambda name: (-len(self.of(name)), name.count("."), name))
        return [":".join(name.rsplit(".", 1)) for name in names]

    def of(self, app: str) -> list[Route]:
        """Return the routes of an app, those of included routers too, in their order."""
        name = app.replace(":", ".")
        return list(self._expand(self._apps.get(name, name), "", ()))

    def _expand(self, name: str, prefix: str, above: Sequence[str]) -> Iterator[Route]:
        owner = self._owners.get(name)
        if owner is None or name in above:
            return
        inner = prefix + owner.prefix
        for route in owner.routes:
            yield Route(route.methods, (inner + route.path) or "/", route.module, route.function)
        for included, more in owner.included:
            yield from self._expand(included, inner + more, (*above, name))

    def _read_owners(self, module: Module) -> None:
        statements = [node for node in ast.walk(module.tree) if isinstance(node, ast.stmt)]
        at_module_level = {name for name, _ in assignments(module.tree.body)}
        for name, value in assignments(statements):
            if not isinstance(value, ast.Call):
                continue
            full = f"{module.name}.{name}"
            kind = self._kind(module, value)
            if kind in APPS or kind in ROUTERS:
                prefix = self._modules.text(module, _argument(value, "prefix", 99)) or ""
                owner = self._owners.setdefault(full, _Owner())
                owner.prefix = prefix
                self._read_list(module, owner, _argument(value, "routes", 1), "")
                if kind in APPS and name in at_module_level:
                    self._apps[full] = full
            elif name in at_module_level and (made := self._made_by(module, value)):
                self._apps[full] = made

    def _kind(self, module: Module, call: ast.Call) -> str:
        name = self._modules.full_name(module, call.func)
        return name.rpartition(".")[2] if name.split(".")[0] in FRAMEWORKS else ""

    def _made_by(self, module: Module, call: ast.Call) -> str:
        """Return the dotted name of the app in a function that makes it; empty if it makes none."""
        maker = self._modules.definition(self._modules.full_name(module, call.func))
        if maker is None or isinstance(maker[1], ast.ClassDef):
            return ""
        place, function = maker
        statements = [node for node in ast.walk(function) if isinstance(node, ast.stmt)]
        return next(
            (
                f"{place.name}.{name}"
                for name, value in assignments(statements)
                if isinstance(value, ast.Call) and self._kind(place, value) in APPS
            ),
            "",
        )

    def _read_routes(self, module: Module) -> None:
        for node in ast.walk(module.tree):
            if isinstance(node, Function):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
                        self._add(module, decorator, decorator.func, node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                self._add_by_call(module, node, node.func)

    def _add(self, module: Module, call: ast.Call, called: ast.Attribute, function: Function) -> None:
        owner = self._owners.get(self._modules.origin(self._modules.full_name(module, called.value)))
        path = self._modules.text(module, _argument(call, "path", 0))
        if owner is None or path is None:
            return
        if called.attr in METHODS:
            owner.routes.append(Route(frozenset({called.attr.upper()}), path, module, function))
        elif called.attr in ANY_METHOD:
            owner.routes.append(Route(self._methods(module, call), path, module, function))

    def _add_by_call(self, module: Module, call: ast.Call, called: ast.Attribute) -> None:
        owner = self._owners.get(self._modules.origin(self._modules.full_name(module, called.value)))
        if owner is None:
            return
        if called.attr in {"add_api_route", "add_route"}:
            path = self._modules.text(module, _argument(call, "path", 0))
            if path is not None:
                function = self._function(
                    module, _argument(call, "endpoint", 1) or _argument(call, "route", 1)
                )
                owner.routes.append(Route(self._methods(module, call), path, *function))
        elif called.attr in {"include_router", "mount"}:
            router = _argument(call, "router", 0 if called.attr == "include_router" else 1)
            router = router or _argument(call, "app", 1)
            prefix = (
                _argument(call, "prefix", 99)
                if called.attr == "include_router"
                else _argument(call, "path", 0)
            )
            if router is not None:
                name = self._modules.origin(self._modules.full_name(module, router))
                owner.included.append((name, self._modules.text(module, prefix) or ""))

    def _read_list(self, module: Module, owner: _Owner, node: ast.expr | None, prefix: str) -> None:
        """Read a list of Starlette's `Route` and `Mount`."""
        if isinstance(node, ast.Name | ast.Attribute):
            named = self._modules.value(self._modules.full_name(module, node))
            if named is not None and isinstance(named[1], ast.List | ast.Tuple):
                self._read_list(named[0], owner, named[1], prefix)
            return
        for entry in node.elts if isinstance(node, ast.List | ast.Tuple) else ():
            if not isinstance(entry, ast.Call):
                continue
            path = self._modules.text(module, _argument(entry, "path", 0))
            kind = self._kind(module, entry)
            if kind == "Route" and path is not None:
                function = self._function(module, _argument(entry, "endpoint", 1))
                owner.routes.append(Route(self._methods(module, entry), prefix + path, *function))
            elif kind == "Mount" and path is not None:
                self._read_list(module, owner, _argument(entry, "routes", 2), prefix + path)

    def _methods(self, module: Module, call: ast.Call) -> frozenset[str]:
        named = _argument(call, "methods", 2)
        listed = named.elts if isinstance(named, ast.List | ast.Tuple | ast.Set) else []
        methods = {text.upper() for entry in listed if (text := self._modules.text(module, entry))}
        return frozenset(methods or {"GET"})

    def _function(self, module: Module, node: ast.expr | None) -> tuple[Module, Function | None]:
        named = None if node is None else self._modules.definition(self._modules.full_name(module, node))
        if named is None or isinstance(named[1], ast.ClassDef):
            return module, None
        return named[0], named[1]


def name_pages(routes: Sequence[Route]) -> dict[str, Route]:
    """Return the route of each page of the exercise, by its name; pages that the app does not have are left out."""
    pages: dict[str, Route] = {}
    plain = [route for route in routes if not PARAMETER.search(route.path)]
    for name, words in WORDS.items():
        method = "POST" if name in {"register", "login"} else "GET"
        for word in words:
            fitting = [route for route in plain if _last_part(route.path) == word]
            # A form's page is requested with GET, and the form is sent with POST.
            fitting.sort(key=lambda route: method not in route.methods)
            if fitting:
                pages[name] = fitting[0]
                break
    registering = [
        route
        for route in routes
        if PARAMETER.search(route.path) and any(word in route.path.lower() for word in REGISTERING)
    ]
    if registering:
        pages["register_event"] = registering[0]
    return pages


def matches(path: str, route: Route) -> bool:
    """Return whether the route matches a path without a query, in which `{}` stands for any text."""
    asked, known = path.strip("/").split("/"), route.path.strip("/").split("/")
    return len(asked) == len(known) and all(
        there == here or PARAMETER.search(there) is not None for here, there in zip(asked, known, strict=True)
    )


def _last_part(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2].lower().replace("-", "").replace("_", "")


def _argument(call: ast.Call, name: str, position: int) -> ast.expr | None:
    """Return an argument by its keyword or position."""
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    if named is not None or position >= len(call.args):
        return named
    return call.args[position]
