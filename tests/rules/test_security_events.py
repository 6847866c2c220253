"""Security events belong to existing routes, and the how-to lists each of them."""

import re
from pathlib import Path
from typing import get_args

from starlette.routing import Mount, Route

from festgate.kit import security_log
from festgate.portal.app import Api, create_app
from festgate.portal.composition import security_events
from festgate.settings import Settings
from tests.rules.project import ROOT


def routes_of(data: Path) -> set[tuple[str, str]]:
    """Return the method and pattern of every route of a portal, in the form that the gate uses."""
    settings = Settings(
        data_dir=data,
        payment_methods=("desk", "stripe"),
        stripe_secret_key="made",
        stripe_webhook_secret="up",
    )
    routes: set[tuple[str, str]] = set()
    for route in create_app(settings).routes.listed:
        if isinstance(route, Route):
            routes |= {(method, route.path) for method in route.methods or ()}
        elif isinstance(route, Mount) and isinstance(route.app, Api):
            paths = route.app.built.now().openapi()["paths"]
            routes |= {
                (method.upper(), path if path.startswith(route.path) else route.path + path)
                for path, methods in paths.items()
                for method in methods
            }
    return routes


def test_every_security_event_belongs_to_a_route_that_exists(tmp_path: Path) -> None:
    missing = set(security_events()) - routes_of(tmp_path)
    assert not missing


def test_the_how_to_lists_the_name_of_every_security_event_and_no_other() -> None:
    page = (ROOT / "docs/how-to/read-the-security-log.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
    refusals = {security_log.ACCESS_REFUSED, security_log.CROSS_SITE_REFUSED, security_log.LIMIT_REACHED}
    assert listed == {*security_events().values(), *get_args(security_log.CommandEvent), *refusals}
