"""Every guarded page and call of the portal, with every role: it answers by the permission of its route."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, cast, get_args

import httpx
import pytest
from starlette.routing import Mount, Route

from festgate.kit.roles import PERMISSIONS, Permission, Role
from festgate.kit.web.api import Bearer
from festgate.kit.web.portal import ANYWHERE, GuardedRoute
from festgate.portal.app import Api, create_app
from festgate.portal.catalogue import facade as catalogue
from festgate.settings import Settings
from tests.journeys.stage import Guest, announce, before_opening, invite_one
from tests.rig.server import Server, serving

OWN, OTHER = "robo-race", "hackathon"
"""The event of the lead and of somebody at the door, and another one."""
ROLES: tuple[Role, ...] = get_args(Role)
ROLES_OF_TESTS = (*ROLES, "lead-of-other", "assigned-staff")
FORBIDDEN, MISSING = 403, 404
OF_CHOSEN = ("/organise/transfers/assign", "/organise/transfers/ignore")
"""Pages about payments that were chosen on another page: without any they answer 404."""
STAFF_CALLS = re.compile(r"/team(/|$)|/orders/\{ref\}/refund$|/tickets/\{code:scan\}/admission$")
"""Calls of the API that are for the team only."""
SENSITIVE = re.compile(
    r"/organise/(settings(?!/next)|team|second-factor)|/export$|/exchange$|/events/\{slug[^}]*\}/cancel$"
    r"|/orders/\{ref[^}]*\}/(cancel|refunds?|refunded)$|/api/v1/(settings|team)"
)
"""Pages and calls that refund, cancel an event, export, or change roles or settings."""


@dataclass(frozen=True)
class Guarded:
    """A page or a call with its permission."""

    method: str
    path: str
    permission: Permission
    lists_assigned: bool = False
    sensitive: bool = False

    @property
    def has_event(self) -> bool:
        """Return whether its path names an event."""
        return "{slug}" in self.path

    def address(self, slug: str) -> str:
        """Return an address of it, for that event and otherwise for things that do not exist."""
        return re.sub(r"\{[^}]+\}", "999999", self.path.replace("{slug}", slug))


def listed(data: Path) -> list[Route | Mount]:
    return [
        route
        for route in create_app(Settings(data_dir=data, payment_methods=("desk", "sandbox"))).routes.listed
        if isinstance(route, Route | Mount)
    ]


def pages_in(data: Path) -> list[Guarded]:
    """Return every page below /organise and /door. Fails for one without a permission."""
    pages: list[Guarded] = []
    for route in listed(data):
        if isinstance(route, Route) and re.match(r"/(organise|door)(/|$)", route.path):
            assert isinstance(route, GuardedRoute), f"{route.path} needs no permission"
            methods = sorted(set(route.methods or ()) - {"HEAD"})
            pages += [
                Guarded(method, route.path, route.permission, route.lists_assigned, route.sensitive)
                for method in methods
            ]
    return pages


def calls_of(routes: list[Any]) -> Iterator[Any]:
    """Yield the calls of an app. FastAPI keeps each router that it includes as it is."""
    for route in routes:
        if hasattr(route, "original_router"):
            yield from calls_of(route.original_router.routes)
        else:
            yield route


def calls_in(data: Path) -> list[Guarded]:
    """Return every call of the API with a permission. Fails for a call of the team without one."""
    calls: list[Guarded] = []
    for route in listed(data):
        if not (isinstance(route, Mount) and isinstance(route.app, Api)):
            continue
        for call in calls_of(cast("list[Any]", route.routes)):
            guards = [one.call for one in call.dependant.dependencies if isinstance(one.call, Bearer)]
            needed = [guard for guard in guards if guard.permission is not None]
            assert needed or not STAFF_CALLS.search(call.path), f"{call.path} needs no permission"
            calls += [
                Guarded(
                    method, f"/api/v1{call.path}", guard.permission, guard.lists_assigned, guard.sensitive
                )
                for guard in needed
                if guard.permission is not None
                for method in sorted(call.methods or ())
            ]
    return calls


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Guarded]:
    return pages_in(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Guarded]:
    return calls_in(tmp_path_factory.mktemp("calls"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("permissions") / "data"


@pytest.fixture(scope="module")
def people(data: Path) -> dict[str, Guest]:
    with before_opening(data) as database:
        events = {title: database.write(announce, title) for title in ("Robo Race", "Hackathon")}
        own, other = events["Robo Race"].id, events["Hackathon"].id
        crew: dict[str, Guest] = {
            role: database.write(invite_one, f"the-{role}", role) for role in reversed(ROLES)
        }
        crew["lead-of-other"] = database.write(invite_one, "the-other-lead", "lead")
        crew["assigned-staff"] = database.write(invite_one, "the-assigned", "staff")
        database.write(catalogue.assign_events, crew["lead"].id, [own])
        database.write(catalogue.assign_events, crew["lead-of-other"].id, [other])
        database.write(catalogue.assign_events, crew["assigned-staff"].id, [own])
        return crew


@pytest.fixture(scope="module")
def server(data: Path, people: dict[str, Guest]) -> Iterator[Server]:
    extra = {"FESTGATE_PAYMENT_METHODS": "sandbox,desk", "FESTGATE_ADDRESS_LIMIT": "1000000"}
    with serving(data, extra=extra) as new_server:
        yield new_server
        assert "unhandled exception" not in new_server.log()


def expected_refusal(name: str, guarded: Guarded, slug: str) -> int | None:
    """Return the status with which somebody is refused; None for an answer of the page itself."""
    role: Role = {"lead-of-other": "lead", "assigned-staff": "staff"}.get(name, name)  # type: ignore[assignment]
    if guarded.permission not in PERMISSIONS[role]:
        return FORBIDDEN
    bound = {"lead": OWN, "lead-of-other": OTHER, "assigned-staff": OWN}.get(name)
    if bound is None:
        return None
    if guarded.has_event:
        return None if bound == slug else MISSING
    is_open = guarded.permission in ANYWHERE or guarded.lists_assigned
    return FORBIDDEN if role == "lead" and not is_open else None


def assert_answers(client: httpx.Client, name: str, guarded: Guarded) -> None:
    """Ask for the page of both events, and compare the answer with the permission."""
    for slug in (OWN, OTHER) if guarded.has_event else (OWN,):
        answer = client.request(guarded.method, guarded.address(slug))
        refusal = expected_refusal(name, guarded, slug)
        about = f"{name}: {guarded.method} {guarded.address(slug)} -> {answer.status_code}"
        if refusal is None:
            # An id that does not exist, or an empty form, is answered by the page itself.
            assert answer.status_code not in (401, FORBIDDEN), about
            is_whole = not re.search(r"\{(?!slug)", guarded.path) and guarded.path not in OF_CHOSEN
            if is_whole and guarded.method == "GET":
                assert answer.status_code in (200, 303), about
        else:
            assert answer.status_code == refusal, about


@pytest.mark.parametrize("name", ROLES_OF_TESTS)
def test_every_page_answers_a_role_by_its_permission(
    server: Server, people: dict[str, Guest], pages: list[Guarded], name: str
) -> None:
    assert len(pages) > 50
    with people[name].browser(server) as browser:
        for guarded in pages:
            assert_answers(browser, name, guarded)


@pytest.mark.parametrize("name", ROLES_OF_TESTS)
def test_every_call_answers_a_role_by_its_permission(
    server: Server, people: dict[str, Guest], calls: list[Guarded], name: str
) -> None:
    assert len(calls) > 5
    with httpx.Client(
        base_url=server.url, headers=people[name].bearer, trust_env=False, verify=False, timeout=30
    ) as program:
        for guarded in calls:
            assert_answers(program, name, guarded)


def test_refunds_roles_settings_and_exports_ask_for_the_password_on_pages_and_in_the_api(
    pages: list[Guarded], calls: list[Guarded]
) -> None:
    # A page asks before it shows its form; a program may read what it can see.
    wanted = [page for page in pages if SENSITIVE.search(page.path)]
    wanted += [call for call in calls if SENSITIVE.search(call.path) and call.method != "GET"]
    exchange = "/api/v1/registrations/{registration_id}/exchange"  # asks only to refund the difference
    assert [one for one in wanted if not one.sensitive and one.path != exchange] == []
    assert len(wanted) > 30


def test_nobody_is_let_in_without_signing_in(
    server: Server, pages: list[Guarded], calls: list[Guarded]
) -> None:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as anonymous:
        for guarded in chain(pages, calls):
            answer = anonymous.request(guarded.method, guarded.address(OWN))
            if guarded.path.startswith("/api/"):
                assert answer.status_code == 401, guarded
            else:
                assert answer.status_code == 303, guarded
                assert answer.headers["location"].startswith("/login?next="), guarded


def test_lists_have_only_the_events_of_a_lead(server: Server, people: dict[str, Guest]) -> None:
    for name, shown, hidden in (
        ("lead", "Robo Race", "Hackathon"),
        ("lead-of-other", "Hackathon", "Robo Race"),
    ):
        with people[name].browser(server) as browser:
            for path in ("/organise", "/door"):
                page = browser.get(path).text
                assert shown in page, path
                assert hidden not in page, path
    with people["assigned-staff"].browser(server) as browser:
        assert "Hackathon" not in browser.get("/door").text
    with people["staff"].browser(server) as browser:
        assert "Hackathon" in browser.get("/door").text


def test_a_page_links_only_to_pages_that_its_visitor_can_open(
    server: Server, people: dict[str, Guest]
) -> None:
    for name in ROLES_OF_TESTS:
        with people[name].browser(server) as browser:
            for start in ("/organise", f"/organise/events/{OWN}/tickets", f"/organise/events/{OWN}", "/door"):
                page = browser.get(start)
                if page.status_code != 200:
                    continue
                for link in set(re.findall(r'href="(/(?:organise|door)[^"#?]*)"', page.text)):
                    assert browser.get(link).status_code == 200, f"{name}: {start} -> {link}"
