"""The proxies that the environment, or a locustfile's code, names."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from festgate.rehearsal.runner.steps import parse_locustfile

NAMES: Final = frozenset({"proxies", "proxy_host", "proxy_port", "ProxyManager"})
"""The names by which clients of Locust receive a proxy."""
VARIABLES: Final = frozenset({"http_proxy", "https_proxy", "all_proxy"})
"""Variables of the environment that a locustfile may set itself, in lower case."""


def proxy_of_environment(url: str) -> str:
    """Return the proxy that the environment names for a URL, as requests chooses it; empty for none."""
    # An HttpUser that trusts the environment uses requests. Importing it takes 0.1 s.
    from requests.utils import (  # noqa: PLC0415
        get_environ_proxies,
        prepend_scheme_if_needed,
        select_proxy,
    )

    proxy = select_proxy(url, get_environ_proxies(url))
    return prepend_scheme_if_needed(proxy, "http") if proxy else ""


def proxy_in_code(file: Path) -> str:
    """Return the first place at which a locustfile's code names a proxy: "`proxies` in buyers.py, line 7", or empty."""
    for path, tree in parse_locustfile(file):
        for name, line in sorted(_proxy_names(tree), key=lambda place: place[1]):
            return f"`{name}` in {path.name}, line {line}"
    return ""


def _proxy_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Return the attributes, names, arguments and variables of the environment that name a proxy, with their lines."""
    without = {id(part) for node in ast.walk(tree) for part in _parts_without_proxy(node)}
    for node in ast.walk(tree):
        if id(node) in without:
            continue
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.keyword(arg=str(name)):
                if name in NAMES:
                    yield name, node.lineno
            case ast.Subscript(slice=ast.Constant(value=str(name)), ctx=ast.Store()):
                if name.lower() in VARIABLES:
                    yield name, node.lineno


def _parts_without_proxy(node: ast.AST) -> Iterator[ast.AST]:
    """Return the nodes that set no proxy: their value is None, or an empty text or dictionary."""
    match node:
        case ast.keyword(value=value):
            parts: list[ast.AST] = [node]
        case ast.Assign(targets=targets, value=value):
            parts = [part for target in targets for part in ast.walk(target)]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            parts = list(ast.walk(target))
        case _:
            return
    try:
        literal = ast.literal_eval(value)
    except ValueError:
        return
    if not literal or (isinstance(literal, dict) and not any(literal.values())):
        yield from parts
