"""Compare a submission with the starter: the code behind each route, and the baselines of its runs.

The files are parsed and never run. Changed code behind a route proves nothing yet; unchanged code proves that the route
is not faster.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from festgate.lab.description.starter import ROUTES, Crash, Starter
from festgate.lab.student.code import UnreadableCode, fingerprints_of
from festgate.lab.verify.findings import SubmissionFinding


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of a submission against the starter."""

    routes: Mapping[str, bool]
    """Whether the code behind each route (`events`) changed."""
    fingerprints: Mapping[str, str]
    """The fingerprint of the code behind each route."""
    crashes: frozenset[str]
    """The paths whose planted crash is still in the code, without the number of an event: `/checkout`."""
    findings: tuple[SubmissionFinding, ...]


def changes_of(starter: Starter, app: Path, tree: Path) -> Changes:
    """Compare the app in the folder `app` of the submission `tree`. Raises UnreadableCode."""
    fingerprints, originals = (fingerprints_of(starter, folder) for folder in (app, starter.folder))
    routes = {name: fingerprints[name] != original for name, original in originals.items()}
    findings = (*_baselines(starter, app, tree, originals), *_earlier_runs(starter, tree, originals))
    crashes = frozenset(
        crash.path.partition("/{")[0] for crash in starter.crashes if _is_left(crash, app / crash.file)
    )
    return Changes(routes, fingerprints, crashes, findings)


def _is_left(crash: Crash, file: Path) -> bool:
    """Return whether the planted crash is still in its file. A file that cannot be parsed is not part of the app."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    return any(isinstance(node, ast.stmt) and ast.unparse(node) == crash.code for node in ast.walk(tree))


def _baselines(
    starter: Starter, app: Path, tree: Path, originals: Mapping[str, str]
) -> Iterator[SubmissionFinding]:
    """Report other copies of the app in the submission whose routes differ from the starter's."""
    for main in sorted(tree.rglob(starter.app_file)):
        if main.parent == app:
            continue
        place = main.parent.relative_to(tree).as_posix()
        try:
            fingerprints, problem = fingerprints_of(starter, main.parent), ""
        except UnreadableCode as error:
            fingerprints, problem = {}, str(error)
        for name, route in starter.paths.items():
            if fingerprints.get(name) != originals[name]:
                difference = problem or f"the code behind {route} differs from the starter's"
                yield SubmissionFinding("baseline-changed", route, f"{place}: {difference}")


def _earlier_runs(starter: Starter, tree: Path, originals: Mapping[str, str]) -> Iterator[SubmissionFinding]:
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
        if build != f"code {originals[name]}":
            reported.add(name)
            yield SubmissionFinding(
                "baseline-changed", starter.paths[name], f"run {file.parent.name} measured {build}"
            )
