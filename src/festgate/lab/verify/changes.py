"""Compare a submission with the starter: the code behind each route, the load, and the baselines of its runs.

The files are parsed and never run. Changed code behind a route proves nothing yet; unchanged code proves that the route
is not faster.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from festgate.lab.student.code import UnreadableCode, fingerprint_of
from festgate.lab.student.folder import APP, JOURNEY, ROUTES, STARTER, load_file
from festgate.lab.verify.findings import SubmissionFinding

SUCCESS_HOOKS: Final = frozenset({"success", "catch_response"})
WAIT_TIME: Final = "wait_time"


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of a submission against the starter."""

    routes: Mapping[str, bool]
    """Whether the code behind each route (`events`) changed."""
    fingerprints: Mapping[str, str]
    """The fingerprint of the code behind each route."""
    findings: tuple[SubmissionFinding, ...]


def changes_of(app: Path, tree: Path) -> Changes:
    """Compare the app in the folder `app` of the submission `tree`. Raises UnreadableCode."""
    fingerprints = {name: fingerprint_of(app, route) for name, route in ROUTES.items()}
    routes = {name: fingerprints[name] != fingerprint_of(STARTER, route) for name, route in ROUTES.items()}
    return Changes(routes, fingerprints, (*_load(app), *_baselines(app, tree), *_earlier_runs(tree)))


def _load(app: Path) -> Iterator[SubmissionFinding]:
    for name in (*ROUTES, JOURNEY):
        route = ROUTES.get(name, "")
        file, original = load_file(app, name), load_file(STARTER, name)
        place = f"load/{file.name}"
        if not file.is_file():
            yield SubmissionFinding("load-missing", route, place)
            continue
        before = ast.parse(original.read_bytes())
        try:
            after = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):
            yield SubmissionFinding("load-changed", route, f"{place} is not valid Python")
            continue
        yield from _differences(place, route, before, after)


def _differences(
    place: str, route: str, before: ast.Module, after: ast.Module
) -> Iterator[SubmissionFinding]:
    old, new = _waits(before), _waits(after)
    if old != new:
        yield SubmissionFinding(
            "wait-changed", route, f"{place}: {', '.join(old)} became {', '.join(new) or 'nothing'}"
        )
    line = _swallows(after)
    if line:
        yield SubmissionFinding("errors-swallowed", route, f"{place}, line {line}")
    requests_before, requests_after = _requests(before), _requests(after)
    if requests_before != requests_after:
        yield SubmissionFinding(
            "load-changed", route, f"{place}: {_shown(requests_before)} became {_shown(requests_after)}"
        )
    elif old == new and not line and _code(before) != _code(after):
        yield SubmissionFinding("load-changed", route, f"{place}: its code changed")


def _waits(tree: ast.Module) -> list[str]:
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == WAIT_TIME for target in node.targets)
    ]


def _swallows(tree: ast.Module) -> int:
    """Return the line in which the load overrides which responses are successes; 0 for none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in SUCCESS_HOOKS:
            return node.lineno
        if isinstance(node, ast.keyword) and node.arg in SUCCESS_HOOKS:
            return node.value.lineno
        if isinstance(node, ast.Try):
            return node.lineno
    return 0


def _requests(tree: ast.Module) -> list[str]:
    return [
        ast.unparse(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and node.args
        and isinstance(node.func, ast.Attribute)
        and "client" in ast.unparse(node.func.value)
    ]


def _shown(requests: list[str]) -> str:
    return ", ".join(requests)[:160] or "nothing"


def _code(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [
                statement
                for statement in node.body
                if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
            ] or [ast.Pass()]
    return ast.unparse(tree)


def _baselines(app: Path, tree: Path) -> Iterator[SubmissionFinding]:
    """Report other copies of the app in the submission whose routes differ from the starter's."""
    for main in sorted(tree.rglob(APP)):
        if main.parent == app:
            continue
        place = main.parent.relative_to(tree).as_posix()
        for route in ROUTES.values():
            try:
                same = fingerprint_of(main.parent, route) == fingerprint_of(STARTER, route)
            except UnreadableCode as error:
                yield SubmissionFinding("baseline-changed", route, f"{place}: {error}")
                continue
            if not same:
                yield SubmissionFinding(
                    "baseline-changed", route, f"{place}: the code behind {route} differs from the starter's"
                )


def _earlier_runs(tree: Path) -> Iterator[SubmissionFinding]:
    """Report the submission's `before` runs of other code than the starter's."""
    reported = set[str]()
    for file in sorted(tree.rglob("run.json")):
        try:
            fields = json.loads(file.read_text(encoding="utf-8"))
            label, build = str(fields["plan"]["label"]), str(fields["server"]["build"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        name = label.removesuffix("-before")
        if name == label or name not in ROUTES or name in reported or not build.startswith("code "):
            continue
        if build != f"code {fingerprint_of(STARTER, ROUTES[name])}":
            reported.add(name)
            yield SubmissionFinding(
                "baseline-changed", ROUTES[name], f"run {file.parent.name} measured {build}"
            )
