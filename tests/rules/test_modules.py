"""The declarations of the modules agree with their routes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Match, Route

from festgate.kit.web.modules import Module
from festgate.kit.web.routing import Routes
from festgate.portal.app import create_app
from festgate.portal.composition import MODULES, TEMPLATE_PACKAGES
from festgate.settings import Settings

ARCHITECTURE = Path("docs/explanation/architecture.md")
NAMES = [module.name for module in MODULES]
PACKAGES = {package.rpartition(".")[2] for package in TEMPLATE_PACKAGES} - {"kit"}


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[BaseRoute]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("rules") / "fest", stripe_secret_key="x")
    app_routes = create_app(settings).routes
    assert isinstance(app_routes, Routes)
    return list(app_routes.listed)


def answers(pattern: str, path: str, method: str) -> bool:
    """Return whether a placeholder with that pattern handles the request."""
    route = Route(pattern, lambda _: None, methods=[method])
    return route.matches({"type": "http", "method": method, "path": path, "root_path": ""})[0] is Match.FULL


def owner(route: Route) -> str:
    """Return the module whose code handles a route; empty for other parts of the program."""
    package, _, module = route.endpoint.__module__.partition("festgate.portal.")
    return "" if package else module.partition(".")[0]


def test_every_page_of_a_module_has_a_placeholder(routes: list[BaseRoute]) -> None:
    pages = [route for route in routes if isinstance(route, Route) and owner(route) in PACKAGES]
    assert len(pages) > 30
    for route in pages:
        # One address is tested for each route. A digit is a valid value of every parameter.
        path = re.sub(r"\{[^}]*\}", "7", route.path)
        for method in (route.methods or set()) - {"HEAD"}:
            assert any(answers(pattern, path, method) for module in MODULES for pattern in module.pages), (
                f"{method} {route.path}"
            )


def test_modules_are_declared_without_importing_their_parts_or_fastapi() -> None:
    code = "import sys, festgate.portal.composition; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    imported = set(result.stdout.split())
    declarations = {f"festgate.portal.{name}{part}" for name in NAMES for part in ("", ".module")}
    assert {name for name in imported if name.startswith("festgate.portal.")} == {
        "festgate.portal.composition",
        *declarations,
    }
    assert "fastapi" not in imported


RARELY_NEEDED = {
    "alembic": "migrations",
    "cryptography": "stored secrets, second factors",
    "fastapi": "the JSON API",
    "openpyxl": "workbooks",
    "psycopg": "the other kind of database",
    "sqlalchemy.dialects.postgresql": "the same",
    "stripe": "payments by card",
    "zxcvbn": "new passwords",
}
"""Packages that a worker loads when it needs them: each takes 10 to 120 ms of its start and 1 to 5 MB of its memory."""


def test_a_worker_starts_without_the_api_the_office_and_packages_that_few_requests_need(
    tmp_path: Path,
) -> None:
    code = (
        "import sys, festgate.server.worker as worker; from festgate.settings import Settings;"
        "worker.create_app(Settings(data_dir=sys.argv[1])); print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True, timeout=60
    )
    imported = set(result.stdout.split())
    own = {name for name in imported if name.startswith("festgate.portal.")}
    assert {name for name in own if re.search(r"[._]api$", name)} == set()
    assert {name for name in own if ".backoffice." in name} == {"festgate.portal.backoffice.module"}
    assert imported & RARELY_NEEDED.keys() == set()


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_the_architecture_page_lists_the_budget_of_each_module(module: Module) -> None:
    budget = module.budget
    row = f"| {module.name} | {budget.requests:,} | {budget.seconds:g} |"
    assert row in ARCHITECTURE.read_text(encoding="utf-8")
