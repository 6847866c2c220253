"""The arrows of the design: import-linter finds each kind of wrong import, and none in the package as it is."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.rules.project import ROOT, pyproject

CONTRACTS: dict[str, dict[str, Any]] = {
    contract["id"]: contract for contract in pyproject()["tool"]["importlinter"]["contracts"]
}
LAYERS = [
    name.strip("() ") for line in CONTRACTS["arrows"]["layers"] for name in line.replace(":", "|").split("|")
]
SLICES = LAYERS[LAYERS.index("modules") + 1 : LAYERS.index("kit")]


def lint(folder: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Runs import-linter with the project's contracts over the package in `folder`."""
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert program is not None
    only = [word for contract in contracts for word in ("--contract", contract)]
    return subprocess.run(
        [program, "--no-logo", "--no-cache", "--config", str(ROOT / "pyproject.toml"), *only],
        cwd=folder,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a copy of the package, which import-linter prefers to the installed one."""
    shutil.copytree(
        ROOT / "src/festgate", tmp_path / "festgate", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def test_the_package_as_it_is_keeps_every_contract(package: Path) -> None:
    done = lint(package)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class Plant:
    """Files with what they import, the contract that has to break, and what its message has to name."""

    contract: str
    named: str
    files: dict[str, str]


PLANTS = {
    "upwards": Plant(
        "arrows",
        "festgate.catalogue.planted -> festgate.checkout",
        {"catalogue/planted.py": "import festgate.checkout"},
    ),
    "from the kit into a module": Plant(
        "arrows",
        "festgate.kit.planted -> festgate.accounts.facade",
        {"kit/planted.py": "from festgate.accounts import facade"},
    ),
    "upwards by a name in a type only": Plant(
        "arrows",
        "festgate.accounts.planted -> festgate.tickets",
        {
            "accounts/planted.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import festgate.tickets"
        },
    ),
    "upwards inside a function": Plant(
        "arrows",
        "festgate.registrations.planted -> festgate.app",
        {"registrations/planted.py": "def late() -> None:\n    from festgate import app"},
    ),
    "a migration that leans on today's tables": Plant(
        "arrows",
        "festgate.migrations.planted -> festgate.kit",
        {
            "migrations/__init__.py": '"""History."""',
            "migrations/planted.py": "import festgate.kit.statements",
        },
    ),
    "a parent of workers that imports what they serve": Plant(
        "lean",
        "festgate.supervising.planted -> festgate.app",
        {"supervising/planted.py": "import festgate.app"},
    ),
    "a package without a place": Plant("arrows", "festgate.planted", {"planted/__init__.py": ""}),
    "a file without a place": Plant("arrows", "festgate.planted", {"planted.py": ""}),
    "a tool that reaches into the portal": Plant(
        "arrows",
        "festgate.rehearsal.planted -> festgate.app",
        {"rehearsal/__init__.py": "", "rehearsal/planted.py": "import festgate.app"},
    ),
    "the portal that reaches for a tool": Plant(
        "tools",
        "festgate.backoffice.planted -> festgate.rehearsal",
        {"rehearsal/__init__.py": "", "backoffice/planted.py": "import festgate.rehearsal"},
    ),
    "a neighbour's tables": Plant(
        "neighbours",
        "festgate.checkout.planted -> festgate.catalogue.tables",
        {"checkout/planted.py": "from festgate.catalogue import tables", "catalogue/tables.py": ""},
    ),
    "a neighbour's queries": Plant(
        "neighbours",
        "festgate.tickets.planted -> festgate.registrations.queries",
        {"tickets/planted.py": "import festgate.registrations.queries", "registrations/queries.py": ""},
    ),
    "a neighbour's deed": Plant(
        "neighbours",
        "festgate.backoffice.planted -> festgate.checkout.planted_deed",
        {"backoffice/planted.py": "import festgate.checkout.planted_deed", "checkout/planted_deed.py": ""},
    ),
    "a deed that knows the web": Plant(
        "edges",
        "festgate.registrations.planted -> starlette",
        {"registrations/planted.py": "import starlette.status"},
    ),
    "a deed that knows a page": Plant(
        "edges",
        "festgate.tickets.planted -> festgate.tickets.pages",
        {"tickets/planted.py": "import festgate.tickets.pages", "tickets/pages.py": ""},
    ),
    "a part of the kit that knows the web": Plant(
        "edges", "festgate.kit.planted -> festgate.kit.web", {"kit/planted.py": "import festgate.kit.web"}
    ),
    "facts that know the web by two steps": Plant(
        "core",
        "festgate.checkout.facts -> festgate.checkout.planted",
        {"checkout/facts.py": "import festgate.checkout.planted", "checkout/planted.py": "import fastapi"},
    ),
    "a circle": Plant(
        "cycles",
        "No cycles are allowed in festgate.kit",
        {"kit/planted.py": "import festgate.kit.planting", "kit/planting.py": "import festgate.kit.planted"},
    ),
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
def test_a_planted_violation_is_caught(package: Path, plant: Plant) -> None:
    for place, source in plant.files.items():
        path = package / "festgate" / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(source + "\n", encoding="utf-8")
    done = lint(package, plant.contract)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{CONTRACTS[plant.contract]['name']} BROKEN" in done.stdout
    assert plant.named in done.stdout


def test_neighbours_may_meet_in_a_facade_and_in_facts(package: Path) -> None:
    planted = package / "festgate/backoffice/planted.py"
    planted.write_text(
        "from festgate.accounts import facade\nfrom festgate.checkout import facts\n", encoding="utf-8"
    )
    (package / "festgate/accounts/facade.py").touch()
    (package / "festgate/checkout/facts.py").touch()
    done = lint(package, "arrows", "neighbours", "edges", "core")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_kind_of_contract_has_a_planted_violation() -> None:
    assert {plant.contract for plant in PLANTS.values()} == set(CONTRACTS)


def test_every_module_of_the_portal_is_protected_from_its_neighbours() -> None:
    assert CONTRACTS["neighbours"]["protected_modules"] == [f"festgate.{name}" for name in reversed(SLICES)]


def test_whatever_may_know_the_web_may_itself_be_known_only_by_such_parts() -> None:
    """What holds the rule for deeds of any name: from outside the edges there is no first step towards the web."""
    edges = CONTRACTS["edges"]
    # These stand above all modules, where the contract of the arrows keeps everyone from importing them.
    top = {f"festgate.{name}" for name in LAYERS[: LAYERS.index("modules") + 1]}
    frameworks = set(CONTRACTS["core"]["forbidden_modules"])
    assert set(edges["allowed_importers"]) - top == set(edges["protected_modules"]) - frameworks
    assert frameworks <= set(edges["protected_modules"])
