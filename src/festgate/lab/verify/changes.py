"""What was changed beside the starter: the code behind each route, the load, and what it was compared with.

Read, and never run. That the code behind a route changed says nothing yet; that it did not says that the route is no
quicker than it was.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from festgate.lab.student.code import UnreadableCode, fingerprint_of
from festgate.lab.student.folder import APP, JOURNEY, ROUTES, STARTER, load_file
from festgate.lab.verify.findings import Finding

SWALLOWS: Final = frozenset({"success", "catch_response"})
WAITS: Final = "wait_time"


@dataclass(frozen=True, slots=True)
class Changes:
    """Beside the starter."""

    routes: Mapping[str, bool]
    """By its name (`events`): whether the code behind it is another."""
    marks: Mapping[str, str]
    """By the same: the code's mark."""
    findings: tuple[Finding, ...]


def changes_of(app: Path, tree: Path) -> Changes:
    """Of the app in `app`, which was handed in in `tree`. Raises UnreadableCode."""
    marks = {name: fingerprint_of(app, route) for name, route in ROUTES.items()}
    routes = {name: marks[name] != fingerprint_of(STARTER, route) for name, route in ROUTES.items()}
    return Changes(routes, marks, (*_load(app), *_baselines(app, tree), *_earlier_runs(tree)))


def _load(app: Path) -> Iterator[Finding]:
    for name in (*ROUTES, JOURNEY):
        route = ROUTES.get(name, "")
        file, ours = load_file(app, name), load_file(STARTER, name)
        place = f"load/{file.name}"
        if not file.is_file():
            yield Finding("load-missing", route, place)
            continue
        handed_out = ast.parse(ours.read_bytes())
        try:
            handed_in = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):
            yield Finding("load-changed", route, f"{place} is no Python that can be read")
            continue
        yield from _differences(place, route, handed_out, handed_in)


def _differences(place: str, route: str, handed_out: ast.Module, handed_in: ast.Module) -> Iterator[Finding]:
    old, new = _waits(handed_out), _waits(handed_in)
    if old != new:
        yield Finding(
            "wait-changed", route, f"{place}: {', '.join(old)} became {', '.join(new) or 'nothing'}"
        )
    swallows = _swallows(handed_in)
    if swallows:
        yield Finding("errors-swallowed", route, f"{place}, line {swallows}")
    before, after = _asked(handed_out), _asked(handed_in)
    if before != after:
        yield Finding("load-changed", route, f"{place}: {_shown(before)} became {_shown(after)}")
    elif old == new and not swallows and _code(handed_out) != _code(handed_in):
        yield Finding("load-changed", route, f"{place}: its code is another")


def _waits(tree: ast.Module) -> list[str]:
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and any(isinstance(each, ast.Name) and each.id == WAITS for each in node.targets)
    ]


def _swallows(tree: ast.Module) -> int:
    """The line in which the load decides for itself what is a success; 0 for none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in SWALLOWS:
            return node.lineno
        if isinstance(node, ast.keyword) and node.arg in SWALLOWS:
            return node.value.lineno
        if isinstance(node, ast.Try):
            return node.lineno
    return 0


def _asked(tree: ast.Module) -> list[str]:
    return [
        ast.unparse(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and node.args
        and isinstance(node.func, ast.Attribute)
        and "client" in ast.unparse(node.func.value)
    ]


def _shown(asked: list[str]) -> str:
    return ", ".join(asked)[:160] or "nothing"


def _code(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [
                each
                for each in node.body
                if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
            ] or [ast.Pass()]
    return ast.unparse(tree)


def _baselines(app: Path, tree: Path) -> Iterator[Finding]:
    """Other copies of the app that came with it: each route's code is as it was handed out, or it is told."""
    for main in sorted(tree.rglob(APP)):
        if main.parent == app:
            continue
        place = main.parent.relative_to(tree).as_posix()
        for route in ROUTES.values():
            try:
                same = fingerprint_of(main.parent, route) == fingerprint_of(STARTER, route)
            except UnreadableCode as error:
                yield Finding("baseline-changed", route, f"{place}: {error}")
                continue
            if not same:
                yield Finding("baseline-changed", route, f"{place}: the code behind {route} is another")


def _earlier_runs(tree: Path) -> Iterator[Finding]:
    """Runs `before` that came with it and were played against other code than the starter's."""
    told = set[str]()
    for file in sorted(tree.rglob("run.json")):
        try:
            fields = json.loads(file.read_text(encoding="utf-8"))
            label, build = str(fields["plan"]["label"]), str(fields["server"]["build"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        name = label.removesuffix("-before")
        if name == label or name not in ROUTES or name in told or not build.startswith("code "):
            continue
        if build != f"code {fingerprint_of(STARTER, ROUTES[name])}":
            told.add(name)
            yield Finding("baseline-changed", ROUTES[name], f"run {file.parent.name}: played against {build}")
