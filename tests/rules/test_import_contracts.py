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
MODULES = LAYERS[LAYERS.index("composition") + 1 : LAYERS.index("migrations")]


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


def test_the_package_keeps_every_contract(package: Path) -> None:
    result = lint(package)
    assert result.returncode == 0, result.stdout + result.stderr


@dataclass(frozen=True)
class Violation:
    """Files with a forbidden import, the contract that must fail, and text that its message must contain."""

    contract: str
    message: str
    files: dict[str, str]


VIOLATIONS = {
    "upwards": Violation(
        "portal",
        "festgate.portal.catalogue.planted -> festgate.portal.checkout",
        {"portal/catalogue/planted.py": "import festgate.portal.checkout"},
    ),
    "from the kit into a module": Violation(
        "arrows",
        "festgate.kit.planted -> festgate.portal.accounts.facade",
        {"kit/planted.py": "from festgate.portal.accounts import facade"},
    ),
    "upwards, for type checking only": Violation(
        "portal",
        "festgate.portal.accounts.planted -> festgate.portal.tickets",
        {
            "portal/accounts/planted.py": "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    import festgate.portal.tickets"
        },
    ),
    "upwards inside a function": Violation(
        "portal",
        "festgate.portal.registrations.planted -> festgate.portal.app",
        {"portal/registrations/planted.py": "def late() -> None:\n    from festgate.portal import app"},
    ),
    "a migration that imports current code": Violation(
        "history",
        "festgate.portal.migrations.planted -> festgate.kit",
        {
            "portal/migrations/__init__.py": '"""History."""',
            "portal/migrations/planted.py": "import festgate.kit.db.statements",
        },
    ),
    "a supervisor that imports the portal": Violation(
        "lean",
        "festgate.server.planted -> festgate.portal.app",
        {"server/planted.py": "import festgate.portal.app"},
    ),
    "a package in no layer": Violation("arrows", "festgate.planted", {"planted/__init__.py": ""}),
    "a file in no layer": Violation("arrows", "festgate.planted", {"planted.py": ""}),
    "a file of the portal in no layer": Violation(
        "portal", "festgate.portal.planted", {"portal/planted.py": ""}
    ),
    "a tool that imports the portal": Violation(
        "tools",
        "festgate.rehearsal.planted -> festgate.portal.app",
        {"rehearsal/__init__.py": "", "rehearsal/planted.py": "import festgate.portal.app"},
    ),
    "the portal importing a tool": Violation(
        "arrows",
        "festgate.portal.backoffice.planted -> festgate.rehearsal",
        {"rehearsal/__init__.py": "", "portal/backoffice/planted.py": "import festgate.rehearsal"},
    ),
    "tables of another module": Violation(
        "neighbours",
        "festgate.portal.checkout.planted -> festgate.portal.catalogue.tables",
        {
            "portal/checkout/planted.py": "from festgate.portal.catalogue import tables",
            "portal/catalogue/tables.py": "",
        },
    ),
    "queries of another module": Violation(
        "neighbours",
        "festgate.portal.tickets.planted -> festgate.portal.registrations.queries",
        {
            "portal/tickets/planted.py": "import festgate.portal.registrations.queries",
            "portal/registrations/queries.py": "",
        },
    ),
    "an operation of another module": Violation(
        "neighbours",
        "festgate.portal.backoffice.planted -> festgate.portal.checkout.planted_sale",
        {
            "portal/backoffice/planted.py": "import festgate.portal.checkout.planted_sale",
            "portal/checkout/planted_sale.py": "",
        },
    ),
    "an operation that imports the web framework": Violation(
        "edges",
        "festgate.portal.registrations.planted -> starlette",
        {"portal/registrations/planted.py": "import starlette.status"},
    ),
    "an operation that imports a page": Violation(
        "edges",
        "festgate.portal.tickets.planted -> festgate.portal.tickets.pages",
        {"portal/tickets/planted.py": "import festgate.portal.tickets.pages", "portal/tickets/pages.py": ""},
    ),
    "a part of the kit that imports its web package": Violation(
        "edges",
        "festgate.kit.planted -> festgate.kit.web.portal",
        {"kit/planted.py": "import festgate.kit.web.portal"},
    ),
    "facts that import the web framework indirectly": Violation(
        "core",
        "festgate.portal.checkout.facts -> festgate.portal.checkout.planted",
        {
            "portal/checkout/facts.py": "import festgate.portal.checkout.planted",
            "portal/checkout/planted.py": "import fastapi",
        },
    ),
    "an import cycle": Violation(
        "cycles",
        "No cycles are allowed in festgate.kit",
        {"kit/planted.py": "import festgate.kit.planting", "kit/planting.py": "import festgate.kit.planted"},
    ),
}


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_a_forbidden_import_is_detected(package: Path, violation: Violation) -> None:
    for file_name, source in violation.files.items():
        path = package / "festgate" / file_name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source + "\n", encoding="utf-8")
    result = lint(package, violation.contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{CONTRACTS[violation.contract]['name']} BROKEN" in result.stdout
    assert violation.message in result.stdout


def test_a_module_may_import_the_facade_and_the_facts_of_another_module(package: Path) -> None:
    planted = package / "festgate/portal/backoffice/planted.py"
    planted.write_text(
        "from festgate.portal.accounts import facade\nfrom festgate.portal.checkout import facts\n",
        encoding="utf-8",
    )
    (package / "festgate/portal/accounts/facade.py").touch()
    (package / "festgate/portal/checkout/facts.py").touch()
    result = lint(package, "arrows", "neighbours", "edges", "core")
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_contract_has_a_violation_in_these_tests() -> None:
    assert {violation.contract for violation in VIOLATIONS.values()} == set(CONTRACTS)


def test_every_module_of_the_portal_is_protected_from_the_other_modules() -> None:
    assert CONTRACTS["neighbours"]["protected_modules"] == [
        f"festgate.portal.{name}" for name in reversed(MODULES)
    ]


def test_modules_that_may_import_web_code_are_protected_like_web_code() -> None:
    """So the rule holds for operations of any name: outside these modules, nothing imports web code."""
    edges = CONTRACTS["edges"]
    # These are above all modules, so the contract `arrows` already forbids importing them.
    top = {"festgate.__main__", "festgate.kit.cli"}
    top |= {f"festgate.portal.{name}" for name in ("app", "api", "renewal", "composition")}
    top |= {
        name for name in edges["allowed_importers"] if name.startswith(("festgate.cli", "festgate.server."))
    }
    frameworks = set(CONTRACTS["core"]["forbidden_modules"])
    assert set(edges["allowed_importers"]) - top == set(edges["protected_modules"]) - frameworks
    assert frameworks <= set(edges["protected_modules"])
