"""import-linter finds every kind of forbidden import, and none in the package."""

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
LAYERS = [name.strip("()") for name in CONTRACTS["portal"]["layers"]]
SLICES = LAYERS[LAYERS.index("composition") + 1 : LAYERS.index("migrations")]


def lint(folder: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter with the project's contracts over the package in `folder`."""
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
    """Copy the package to a folder, which import-linter prefers to the installed package."""
    shutil.copytree(
        ROOT / "src/festgate", tmp_path / "festgate", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def test_the_package_as_it_is_keeps_every_contract(package: Path) -> None:
    done = lint(package)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class Plant:
    """Files with forbidden imports, the contract that must fail, and the names that its message must contain."""

    contract: str
    named: str
    files: dict[str, str]


PLANTS = {
    "upwards": Plant(
        "portal",
        "festgate.portal.catalogue.planted -> festgate.portal.checkout",
        {"portal/catalogue/planted.py": "import festgate.portal.checkout"},
    ),
    "from the kit into a module": Plant(
        "arrows",
        "festgate.kit.planted -> festgate.portal.accounts.facade",
        {"kit/planted.py": "from festgate.portal.accounts import facade"},
    ),
    "upwards by a name in a type only": Plant(
        "portal",
        "festgate.portal.accounts.planted -> festgate.portal.tickets",
        {
            "portal/accounts/planted.py": "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    import festgate.portal.tickets"
        },
    ),
    "upwards inside a function": Plant(
        "portal",
        "festgate.portal.registrations.planted -> festgate.portal.app",
        {"portal/registrations/planted.py": "def late() -> None:\n    from festgate.portal import app"},
    ),
    "a migration that leans on today's tables": Plant(
        "history",
        "festgate.portal.migrations.planted -> festgate.kit",
        {
            "portal/migrations/__init__.py": '"""History."""',
            "portal/migrations/planted.py": "import festgate.kit.db.statements",
        },
    ),
    "a parent of workers that imports what they serve": Plant(
        "lean",
        "festgate.server.planted -> festgate.portal.app",
        {"server/planted.py": "import festgate.portal.app"},
    ),
    "a package without a place": Plant("arrows", "festgate.planted", {"planted/__init__.py": ""}),
    "a file without a place": Plant("arrows", "festgate.planted", {"planted.py": ""}),
    "a file of the portal without a place": Plant(
        "portal", "festgate.portal.planted", {"portal/planted.py": ""}
    ),
    "a tool that reaches into the portal": Plant(
        "tools",
        "festgate.rehearsal.planted -> festgate.portal.app",
        {"rehearsal/__init__.py": "", "rehearsal/planted.py": "import festgate.portal.app"},
    ),
    "the portal that reaches for a tool": Plant(
        "arrows",
        "festgate.portal.backoffice.planted -> festgate.rehearsal",
        {"rehearsal/__init__.py": "", "portal/backoffice/planted.py": "import festgate.rehearsal"},
    ),
    "a neighbour's tables": Plant(
        "neighbours",
        "festgate.portal.checkout.planted -> festgate.portal.catalogue.tables",
        {
            "portal/checkout/planted.py": "from festgate.portal.catalogue import tables",
            "portal/catalogue/tables.py": "",
        },
    ),
    "a neighbour's queries": Plant(
        "neighbours",
        "festgate.portal.tickets.planted -> festgate.portal.registrations.queries",
        {
            "portal/tickets/planted.py": "import festgate.portal.registrations.queries",
            "portal/registrations/queries.py": "",
        },
    ),
    "a neighbour's operation": Plant(
        "neighbours",
        "festgate.portal.backoffice.planted -> festgate.portal.checkout.planted_sale",
        {
            "portal/backoffice/planted.py": "import festgate.portal.checkout.planted_sale",
            "portal/checkout/planted_sale.py": "",
        },
    ),
    "an operation that knows the web": Plant(
        "edges",
        "festgate.portal.registrations.planted -> starlette",
        {"portal/registrations/planted.py": "import starlette.status"},
    ),
    "an operation that knows a page": Plant(
        "edges",
        "festgate.portal.tickets.planted -> festgate.portal.tickets.pages",
        {"portal/tickets/planted.py": "import festgate.portal.tickets.pages", "portal/tickets/pages.py": ""},
    ),
    "a part of the kit that knows the web": Plant(
        "edges",
        "festgate.kit.planted -> festgate.kit.web.portal",
        {"kit/planted.py": "import festgate.kit.web.portal"},
    ),
    "facts that know the web by two steps": Plant(
        "core",
        "festgate.portal.checkout.facts -> festgate.portal.checkout.planted",
        {
            "portal/checkout/facts.py": "import festgate.portal.checkout.planted",
            "portal/checkout/planted.py": "import fastapi",
        },
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
    planted = package / "festgate/portal/backoffice/planted.py"
    planted.write_text(
        "from festgate.portal.accounts import facade\nfrom festgate.portal.checkout import facts\n",
        encoding="utf-8",
    )
    (package / "festgate/portal/accounts/facade.py").touch()
    (package / "festgate/portal/checkout/facts.py").touch()
    done = lint(package, "arrows", "neighbours", "edges", "core")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_kind_of_contract_has_a_planted_violation() -> None:
    assert {plant.contract for plant in PLANTS.values()} == set(CONTRACTS)


def test_every_module_of_the_portal_is_protected_from_its_neighbours() -> None:
    assert CONTRACTS["neighbours"]["protected_modules"] == [
        f"festgate.portal.{name}" for name in reversed(SLICES)
    ]


def test_whatever_may_know_the_web_may_itself_be_known_only_by_such_parts() -> None:
    """The rule holds for operations of any name: outside the edges, no module imports anything of the web."""
    edges = CONTRACTS["edges"]
    # These are above all modules, so the contract of the arrows already forbids importing them.
    top = {"festgate.__main__", "festgate.portal.app", "festgate.portal.composition", "festgate.kit.cli"}
    top |= {
        name for name in edges["allowed_importers"] if name.startswith(("festgate.cli", "festgate.server."))
    }
    frameworks = set(CONTRACTS["core"]["forbidden_modules"])
    assert set(edges["allowed_importers"]) - top == set(edges["protected_modules"]) - frameworks
    assert frameworks <= set(edges["protected_modules"])
