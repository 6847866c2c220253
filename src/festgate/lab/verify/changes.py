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

from festgate.lab.description.starter import JOURNEY, ROUTES, Starter
from festgate.lab.student.code import UnreadableCode, fingerprint_of
from festgate.lab.student.folder import load_file
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


def changes_of(starter: Starter, app: Path, tree: Path) -> Changes:
    """Compare the app in the folder `app` of the submission `tree`. Raises UnreadableCode."""
    fingerprints = {name: fingerprint_of(starter, app, route) for name, route in starter.paths.items()}
    routes = {
        name: fingerprints[name] != fingerprint_of(starter, starter.folder, route)
        for name, route in starter.paths.items()
    }
    findings = (*_load(starter, app), *_baselines(starter, app, tree), *_earlier_runs(starter, tree))
    return Changes(routes, fingerprints, findings)


def _load(starter: Starter, app: Path) -> Iterator[SubmissionFinding]:
    for name in (*ROUTES, JOURNEY):
        route = starter.paths.get(name, "")
        file, original = load_file(starter, app, name), load_file(starter, starter.folder, name)
        place = starter.load[name]
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


def _baselines(starter: Starter, app: Path, tree: Path) -> Iterator[SubmissionFinding]:
    """Report other copies of the app in the submission whose routes differ from the starter's."""
    for main in sorted(tree.rglob(starter.app_file)):
        if main.parent == app:
            continue
        place = main.parent.relative_to(tree).as_posix()
        for route in starter.paths.values():
            try:
                same = fingerprint_of(starter, main.parent, route) == fingerprint_of(
                    starter, starter.folder, route
                )
            except UnreadableCode as error:
                yield SubmissionFinding("baseline-changed", route, f"{place}: {error}")
                continue
            if not same:
                yield SubmissionFinding(
                    "baseline-changed", route, f"{place}: the code behind {route} differs from the starter's"
                )


def _earlier_runs(starter: Starter, tree: Path) -> Iterator[SubmissionFinding]:
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
        if build != f"code {fingerprint_of(starter, starter.folder, starter.paths[name])}":
            reported.add(name)
            yield SubmissionFinding(
                "baseline-changed", starter.paths[name], f"run {file.parent.name} measured {build}"
            )
