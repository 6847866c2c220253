"""The declarations of the modules agree with their routes."""

import re
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Match, Route

from festgate.kit.web.routing import Routes
from festgate.portal.app import create_app
from festgate.portal.composition import DECLARED, TEMPLATE_PACKAGES, Declared
from festgate.settings import Settings

ARCHITECTURE = Path("docs/explanation/architecture.md")
NAMES = [declared.name for declared in DECLARED]
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
            assert any(
                answers(pattern, path, method) for declared in DECLARED for pattern in declared.pages
            ), f"{method} {route.path}"


@pytest.mark.parametrize("declared", DECLARED, ids=NAMES)
def test_the_architecture_page_lists_the_budget_of_each_module(declared: Declared) -> None:
    budget = declared.budget
    row = f"| {declared.name} | {budget.requests:,} | {budget.seconds:g} |"
    assert row in ARCHITECTURE.read_text(encoding="utf-8")
