"""The names of a person in a starter: the query parameter of its pages, and the fields of its forms."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from festgate.lab.description.modules import Modules
from festgate.lab.description.routes import PARAMETER, Route

NOT_QUERY: Final = re.compile(
    r"\b(Request|Response|BackgroundTasks|WebSocket|HTTPConnection|Depends|Form|File|UploadFile|Body|Cookie|Header"
    r"|Path|Session|Connection)\b"
)
"""Types and defaults of parameters that FastAPI does not read from the query."""
REQUEST: Final = "request"
"""The usual name of the request itself, which Starlette hands over without a type."""
FORM: Final = re.compile(r"\bForm\b")
PASSWORD: Final = re.compile("pass|pwd", re.IGNORECASE)
_INPUT = re.compile(r"<input\b[^<>]*?\bname=[\"']?([\w-]+)", re.IGNORECASE)


def person_parameter(modules: Modules, pages: Mapping[str, Route], loaded: Iterable[str]) -> str:
    """Return the query parameter that names the person; empty if none was found.

    `loaded` are the parameters that the locustfiles send.
    """
    names = [
        set(_query_parameters(modules, pages[name]))
        for name in ("events", "my-events", "register_event")
        if name in pages
    ]
    names = [parameters for parameters in names if parameters]
    common = set.intersection(*names) if names else set()
    sent = list(loaded)
    return min(common, key=lambda name: (-sent.count(name), name), default="")


def form_fields(pages: Mapping[str, Route], folder: Path) -> tuple[str, str] | None:
    """Return the form fields of the user name and the password; None if they were not found."""
    for name in ("login", "register"):
        route = pages.get(name)
        if route is None:
            continue
        fields = [argument for argument, text in _arguments(route) if FORM.search(text)]
        for fields_of in (fields, _fields_of_template(folder, name)):
            password = next((field for field in fields_of if PASSWORD.search(field)), "")
            user = next((field for field in fields_of if field != password), "")
            if user and password:
                return user, password
    return None


def _query_parameters(modules: Modules, route: Route) -> Iterator[str]:
    inside = {part.strip("{}").partition(":")[0] for part in PARAMETER.findall(route.path)}
    for name, text in _arguments(route):
        if name not in inside and name != REQUEST and not NOT_QUERY.search(text):
            yield name
    if route.function is None:
        return
    for _, definition in modules.reached(route.module, route.function):
        for node in ast.walk(definition):
            key: ast.expr | None = None
            if isinstance(node, ast.Subscript):
                owner, key = node.value, node.slice
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                owner, key = node.func.value, node.args[0]
            if (
                isinstance(key, ast.Constant)
                and isinstance(key.value, str)
                and isinstance(owner, ast.Attribute)
                and owner.attr == "query_params"
            ):
                yield key.value


def _arguments(route: Route) -> Iterator[tuple[str, str]]:
    """Return the name of each argument of the route's function, and its annotation with its default as a text."""
    if route.function is None:
        return
    arguments = route.function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    for argument, default in [
        *zip(positional, defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]:
        yield (
            argument.arg,
            " ".join(ast.unparse(node) for node in (argument.annotation, default) if node is not None),
        )


def _fields_of_template(folder: Path, name: str) -> list[str]:
    for file in sorted(folder.rglob(f"{name}.htm*")):
        if file.is_file() and not file.is_symlink():
            return _INPUT.findall(file.read_text(encoding="utf-8", errors="replace"))
    return []
